import { beforeAll, describe, expect, test } from 'bun:test'
import { useService } from '../kit/service.ts'
import { newUser, type User } from '../kit/user.ts'

/** Fewer than the connections that Bun's fetch opens at once, so that the other user's requests get one. */
const FLOOD = 200

/** The embedded database has one connection, which all users share. */
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

  const floods: [what: string, send: (n: number) => Promise<Response>][] = [
    ['lists', () => bob.send('GET', '/tasks')],
    ['exports', () => bob.send('GET', '/export')],
    ['changes', () => bob.send('GET', '/changes')],
    ['new tasks', (n) => bob.post({ title: `More ${n}` }, n % 2 ? { 'idempotency-key': `key ${n}` } : {})],
  ]
  for (const [what, send] of floods)
    test(`a flood of ${what} by one user does not stand before another's requests`, async () => {
      let answered = 0
      const begun = Promise.withResolvers<void>()
      const flood = Promise.all(
        Array.from({ length: FLOOD }, async (_, n) => {
          const response = await send(n)
          begun.resolve()
          await response.arrayBuffer()
          answered++
          return response.status
        }),
      )
      await begun.promise
      /** Of the flood's answers, how many came while each of the other's requests was under way. */
      const before: number[] = []
      while (answered < FLOOD) {
        const from = answered
        expect((await ann.get(task)).status).toBe(200)
        before.push(answered - from)
      }
      expect(new Set(await flood)).toHaveLength(1)
      expect(before.length).toBeGreaterThan(FLOOD / 10)
      // Several answers can arrive in one read, although they were made one after another.
      expect(Math.max(...before)).toBeLessThan(FLOOD / 2)
    })
})
