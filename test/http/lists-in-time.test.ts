import { afterEach, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { boot, databases, type Target } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { listsOf } from '../kit/lists.ts'
import { runToEnd } from '../kit/program.ts'
import { newStore, type Store } from '../kit/store.ts'
import { newUser } from '../kit/user.ts'

describe.each(databases)('lists and the commands over %s', (kind) => {
  let store: Store
  let running: Target | undefined

  const start = async () => {
    running = await boot(kind, store.env)
    const user = newUser(running, 'ann')
    return { user, lists: listsOf(user) }
  }
  const stop = async () => {
    await running?.stop()
    running = undefined
  }
  afterEach(async () => {
    await stop()
    await store.remove()
  })

  test('`restored` begins the history of lists anew with that of the tasks', async () => {
    store = await newStore(kind)
    const first = await start()
    const list = await first.lists.create({ name: 'one' })
    await first.user.create({ list_id: list.id })
    await first.lists.remove((await first.lists.create({ name: 'two' })).id)
    const before = await first.user.changes()
    await stop()
    expect(await runToEnd(['restored'], store.env)).toMatchObject({ code: 0 })

    const { user, lists } = await start()
    for (const since of [list.revision, before.next])
      await expectProblem(await user.send('GET', `/changes?since=${since}`), 410, 'history-gone')
    const after = await user.changes()
    const by = after.next - before.next
    expect(by).toBeGreaterThan(0)
    const moved = <Row extends { revision: number }>(rows: Row[]) =>
      rows.map((row) => ({ ...row, revision: row.revision + by }))
    expect(after).toEqual({ ...before, changes: moved(before.changes), lists: moved(before.lists), next: after.next })
    expect((await lists.create()).revision).toBe(after.next + 1)
  })

  test('`purge` empties lists that have been in the trash for TRASH_DAYS, and their tasks', async () => {
    store = await newStore(kind)
    const first = await start()
    const ids = []
    for (const name of ['Zanzibar', 'fresh']) {
      const list = await first.lists.create({ name })
      await first.user.create({ title: name, list_id: list.id })
      await first.lists.remove(list.id)
      ids.push(list.id)
    }
    const { next } = await first.user.changes()
    await stop()
    await store.use(async (db) => {
      for (const table of ['lists', 'tasks'])
        await db.execute(sql`update doable.${sql.raw(table)} set deleted_at = now() - interval '31 days'
          where ${sql.raw(table === 'lists' ? 'name' : 'title')} = 'Zanzibar'`)
    })
    expect(await runToEnd(['purge'], store.env)).toMatchObject({ code: 0, stdout: '1 tasks were deleted for good.\n' })

    const { user, lists } = await start()
    expect((await lists.trash()).map(({ id }) => id)).toEqual([ids[1] ?? ''])
    const { changes, lists: told } = await user.changes(`?since=${next}`)
    expect([changes.map(({ title }) => title), told.map(({ id, name }) => [id, name])]).toEqual([
      [''],
      [[ids[0] ?? '', '']],
    ])
    await expectProblem(await lists.restore(ids[0] ?? ''), 404, 'list-not-found')
    expect(await lists.restored(ids[1] ?? '')).toMatchObject({ name: 'fresh' })
    expect(await user.titles()).toEqual(['fresh'])
  })
})
