import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { useService } from '../kit/service.ts'
import { jsonOf, newUser, type User } from '../kit/user.ts'

const COMPLETED = 20_000
const PENDING = 1500

describe.each(databases)('the removal of very many completed tasks over %s', (kind) => {
  const service = useService(kind)

  /** Completed and pending tasks of a user, mixed. */
  async function fill(user: User, count = COMPLETED): Promise<void> {
    const rows = Array.from({ length: count + PENDING }, (_, n) => ({
      title: `Task ${n}`,
      completed: n % 2 === 0 || n >= PENDING * 2,
    }))
    expect(rows.filter(({ completed }) => completed)).toHaveLength(count)
    expect((await user.send('POST', '/import', rows)).status).toBe(200)
  }
  const remove = async (user: User) =>
    (await jsonOf<{ deleted: number }>(await user.send('DELETE', '/tasks?status=completed'))).deleted

  test('takes them all and nothing else, each under a revision of its own, while others are served', async () => {
    const [ann, bob] = [newUser(service()), newUser(service())]
    await fill(ann)
    const before = await ann.revision()
    let isOver = false
    const removed = remove(ann).finally(() => {
      isOver = true
    })
    let served = 0
    for (; !isOver; served++) await bob.create()
    expect(await removed).toBe(COMPLETED)
    // In one piece it would be one.
    expect(served).toBeGreaterThan(2)

    // One more is pending: the one by which the counter was read.
    expect((await ann.send('GET', '/tasks?limit=1&count=true')).headers.get('x-total-count')).toBe(`${PENDING + 1}`)
    const seen = new Set<number>()
    for (let since = before + 1, more = true; more; ) {
      const page = await ann.changes(`?since=${since}`)
      for (const { revision, completed, deleted_at } of page.changes) {
        expect([completed, deleted_at === null]).toEqual([true, false])
        seen.add(revision)
      }
      ;({ next: since, more } = page)
    }
    expect(seen.size).toBe(COMPLETED)
    expect([Math.min(...seen), Math.max(...seen)]).toEqual([before + 2, before + 1 + COMPLETED])
    expect(await remove(ann)).toBe(0)
  })

  test('can be repeated after the client has gone', async () => {
    const ann = newUser(service())
    await fill(ann, 5000)
    const signal = AbortSignal.timeout(50)
    const headers = { authorization: `Bearer ${await service().tokens.sign(ann.id, 60)}` }
    const left = fetch(`${service().url}${ann.tasks}?status=completed`, { method: 'DELETE', headers, signal })
    await expect(left).rejects.toThrow()
    await remove(ann)
    expect((await ann.send('GET', '/tasks?limit=1&count=true&status=completed')).headers.get('x-total-count')).toBe('0')
    expect((await ann.send('GET', '/tasks?limit=1&count=true')).headers.get('x-total-count')).toBe(`${PENDING}`)
  })
})
