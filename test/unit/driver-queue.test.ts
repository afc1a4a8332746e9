import { expect, test } from 'bun:test'
import { join } from 'node:path'
import fc from 'fast-check'

/** The queue of connections and statements inside postgres.js, which `patches/` changes. */
interface Queue {
  readonly length: number
  push(item: number): number
  shift(): number | undefined
  remove(item: number): number | null
}

// The package does not export it, so there are no types to import.
const { default: createQueue } = (await import(join(import.meta.dir, '../../node_modules/postgres/src/queue.js'))) as {
  default: () => Queue
}

test('gives everything back once, first in, first out, whatever is removed in between', () => {
  const step = fc.oneof(fc.constant('push' as const), fc.constant('shift' as const), fc.nat(200))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const queue = createQueue()
      const model: number[] = []
      let next = 0
      for (const what of steps) {
        if (what === 'push') model.push(queue.push(next++))
        else if (what !== 'shift') {
          const at = model.indexOf(what)
          expect(queue.remove(what)).toBe(at === -1 ? null : what)
          if (at !== -1) model.splice(at, 1)
        } else if (model.length > 0) expect(queue.shift()).toBe(model.shift())
        expect(queue.length).toBe(model.length)
      }
    }),
  )
})

test('keeps nothing of what has passed through, though it is never empty', () => {
  const queue = createQueue()
  for (let n = 0; n < 40; n++) queue.push(n)
  Bun.gc(true)
  const before = process.memoryUsage().heapUsed
  // If each item left 8 bytes behind, that would be 24 MB.
  for (let n = 0; n < 3_000_000; n++) queue.push(queue.shift() ?? -1)
  Bun.gc(true)
  expect(queue.length).toBe(40)
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(5e6)
})
