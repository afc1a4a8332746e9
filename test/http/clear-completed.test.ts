import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { useService } from '../kit/service.ts'
import { jsonOf, newUser, type Task, taskOf } from '../kit/user.ts'

const ROUNDS = 200

describe.each(databases)('DELETE of all that is completed, over %s', (kind) => {
  const service = useService(kind)

  test('spares nothing that was completed before it: both are asked at once, and either comes first', async () => {
    const [user, wrong] = [newUser(service()), [] as unknown[]]
    const order = { completedFirst: 0, deletedFirst: 0 }
    for (let round = 0; round < ROUNDS; round++) {
      const open = await user.create({ title: 'open' })
      const done = await user.create({ title: 'completed', completed: true })
      const [answer, cleared] = await Promise.all([
        user.complete(open.id, { completed: true }),
        user.send('DELETE', '/tasks?status=completed'),
      ])
      const completed = await taskOf(answer)
      const { deleted } = await jsonOf<{ deleted: number }>(cleared)
      const { changes } = await user.changes(`?since=${done.revision}`)
      const at = (id: string) => changes.find((task) => task.id === id)
      const [one, other] = [at(open.id), at(done.id)]
      // The task that was completed all along went with the DELETE, so its revision tells when that was.
      const clearedAt = other?.revision ?? 0
      const isFirst = completed.revision < clearedAt
      order[isFirst ? 'completedFirst' : 'deletedFirst']++
      const alive = one?.deleted_at === null
      if (isFirst === alive || deleted !== (isFirst ? 2 : 1) || other?.deleted_at === null)
        wrong.push({ completed: completed.revision, clearedAt, deleted, one, other })
      await user.send('DELETE', '/tasks?status=completed')
    }
    expect(wrong).toEqual([])
    expect(order.completedFirst + order.deletedFirst).toBe(ROUNDS)
  })

  test('takes 5,000 of them with one request, each under a revision of its own, and nothing else', async () => {
    const user = newUser(service())
    const open = await user.create({ title: 'open' })
    const file = Array.from({ length: 5000 }, (_, i) => ({ title: `${i}`, completed: true }))
    expect(await jsonOf<unknown>(await user.send('POST', '/import', file))).toMatchObject({ imported: 5000 })
    const before = open.revision + 5000
    expect(await jsonOf<unknown>(await user.send('DELETE', '/tasks?status=completed'))).toEqual({ deleted: 5000 })
    expect(await user.list()).toEqual([open])
    const told: Task[] = []
    for (let since = before, more = true; more; ) {
      const page = await user.changes(`?since=${since}&limit=1000`)
      told.push(...page.changes)
      since = page.next
      more = page.more
    }
    expect(told.map(({ revision }) => revision - before)).toEqual(Array.from({ length: 5000 }, (_, i) => i + 1))
    expect(told.every(({ deleted_at }) => deleted_at !== null)).toBe(true)
    expect(await jsonOf<unknown>(await user.send('DELETE', '/tasks?status=completed'))).toEqual({ deleted: 0 })
  })
})
