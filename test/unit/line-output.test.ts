import { expect, test } from 'bun:test'
import { LineOutput } from '../../src/line-output.ts'

/** A descriptor whose reader takes lines while `reads` is true. */
function newReader() {
  const taken: string[] = []
  const reader = { reads: true, taken, resume: () => {} }
  let pending: { line: string; done: (written: number) => void } | undefined
  reader.resume = () => {
    reader.reads = true
    const late = pending
    pending = undefined
    if (late) {
      taken.push(late.line)
      late.done(late.line.length)
    }
  }
  let given = ''
  const sink = {
    write(line: string) {
      given = line
    },
    flush() {
      const line = given
      if (reader.reads) return taken.push(line)
      return new Promise<number>((done) => {
        pending = { line, done }
      })
    },
  }
  return { reader, sink }
}

const flushed = (output: LineOutput) => new Promise<void>((done) => output.flush(done))

test('a line is out when write returns, where the reader keeps up', () => {
  const { reader, sink } = newReader()
  new LineOutput(
    () => sink,
    () => {},
  ).write('a\n')
  expect(reader.taken).toEqual(['a\n'])
})

test('lines wait for a reader that has stalled, in their order, and flush waits for them', async () => {
  const { reader, sink } = newReader()
  const lost: number[] = []
  const output = new LineOutput(
    () => sink,
    (count) => lost.push(count),
  )
  reader.reads = false
  for (const line of ['a\n', 'b\n', 'c\n']) output.write(line)
  let out = false
  const all = flushed(output).then(() => {
    out = true
  })
  await Bun.sleep(20)
  expect([reader.taken, out]).toEqual([[], false])
  reader.resume()
  await all
  expect(reader.taken).toEqual(['a\n', 'b\n', 'c\n'])
  expect(lost).toEqual([])
})

test('beyond 1 MiB lines are dropped, and their number is told once the reader is back', async () => {
  const { reader, sink } = newReader()
  const lost: number[] = []
  const output = new LineOutput(
    () => sink,
    (count) => lost.push(count),
  )
  reader.reads = false
  const line = `${'x'.repeat(1023)}\n`
  for (let i = 0; i < 3000; i++) output.write(line)
  // It would fit, but must not overtake those before it.
  output.write('s\n')
  reader.resume()
  await flushed(output)
  expect(reader.taken).toHaveLength(1025)
  expect(reader.taken).not.toContain('s\n')
  expect(lost).toEqual([1976])
  output.write('again\n')
  expect(reader.taken.at(-1)).toBe('again\n')
})

test('a reader that has gone costs nothing: no line throws or waits', async () => {
  const broken = () => {
    throw Object.assign(new Error('broken pipe'), { code: 'EPIPE' })
  }
  const output = new LineOutput(
    () => ({ write: () => {}, flush: broken }),
    () => {},
  )
  for (let i = 0; i < 3; i++) output.write('a\n')
  await flushed(output)
})
