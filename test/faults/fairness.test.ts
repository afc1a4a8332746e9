import { beforeAll, describe, expect, test } from 'bun:test'
import { useService } from '../kit/service.ts'
import { newUser, type User } from '../kit/user.ts'

/** Fewer than the connections that Bun's fetch opens at once, so that the other user's requests get one. */
const FLOOD = 200

/** The embedded database has one connection. */
describe('over the embedded database', () => {
  const service = useService('embedded')
  let ann: User
  let bob: User
  let task: string

  beforeAll(async () => {
    ann = newUser(service())
    bob = newUser(service())
    const rows = Array.from({ length: 500 }, (_, n) => ({ title: `Task ${n}`, description: 'x'.repeat(200) }))
    expect((await bob.send('POST', '/import', rows)).status).toBe(200)
    task = (await ann.create()).id
  })

  // Each page of an export waits for its turn, and each of those may be a pause: fewer of them, or it takes minutes.
  const floods: [what: string, count: number, send: (n: number) => Promise<Response>][] = [
    ['lists', FLOOD, () => bob.send('GET', '/tasks')],
    ['exports', 20, () => bob.send('GET', '/export')],
    ['changes', FLOOD, () => bob.send('GET', '/changes')],
    ['new tasks', FLOOD, (n) => bob.post({ title: `More ${n}` }, n % 2 ? { 'idempotency-key': `key ${n}` } : {})],
  ]
  for (const [what, count, send] of floods)
    test(`a flood of ${what} by one user does not stand before another's requests`, async () => {
      let [done, served] = [0, 0]
      const begun = Promise.withResolvers<void>()
      const flood = Promise.all(
        Array.from({ length: count }, async (_, n) => {
          const response = await send(n)
          await response.arrayBuffer()
          done++
          if (response.ok) served++
          begun.resolve()
          return response.status
        }),
      )
      await begun.promise
      /** Of the flood's requests, how many were served while each of the other's was under way. */
      const before: number[] = []
      while (done < count) {
        const from = served
        expect((await ann.get(task)).status).toBe(200)
        before.push(served - from)
      }
      // Whoever asks for much that takes long has to pause, and what has waited for 5 s is refused.
      for (const status of await flood) expect([200, 201, 503]).toContain(status)
      expect(before.length).toBeGreaterThan(count / 10)
      // Several answers can arrive in one read, although they were made one after another.
      expect(Math.max(...before)).toBeLessThan(count / 2)
    })
})
