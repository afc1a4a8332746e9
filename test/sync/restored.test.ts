import { afterEach, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { boot, databases, type Target } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { runToEnd } from '../kit/program.ts'
import { newStore, type Store } from '../kit/store.ts'
import { ifMatch, jsonOf, newUser, type Task, type User } from '../kit/user.ts'

describe.each(databases)('`doable restored` over %s', (kind) => {
  const stores: Store[] = []
  let running: Target | undefined

  const keep = (store: Store) => {
    stores.push(store)
    return store
  }
  const start = async ({ env }: Store) => {
    running = await boot(kind, env)
    return running
  }
  const stop = async () => {
    await running?.stop()
    running = undefined
  }
  const runRestored = async ({ env }: Store, users: number) =>
    expect(await runToEnd(['restored'], env)).toEqual({
      code: 0,
      stdout: `The history of ${users} users begins anew: their clients start from 0.\n`,
      stderr: '',
    })
  afterEach(async () => {
    await stop()
    for (const store of stores.splice(0)) await store.remove()
  })

  /** No revision up to the newest that anybody has seen means anything; all else is as it was. */
  async function expectAnew(user: User, before: Task[], seen: number[]): Promise<Task[]> {
    const newest = Math.max(...seen, ...before.map(({ revision }) => revision))
    for (const since of new Set([...seen, ...before.map(({ revision }) => revision)]))
      for (const path of ['/changes', '/events'])
        await expectProblem(await user.send('GET', `${path}?since=${since}`), 410, 'history-gone')

    const { changes, next, more } = await user.changes('?since=0')
    const known = ({ revision: _, ...rest }: Task) => rest
    expect(changes.map(known)).toEqual(before.map(known))
    const revisions = changes.map(({ revision }) => revision)
    expect(new Set(revisions).size).toBe(revisions.length)
    expect(revisions.toSorted((a, b) => a - b)).toEqual(revisions)
    expect(Math.min(...revisions)).toBeGreaterThan(newest)
    expect({ next, more }).toEqual({ next: revisions.at(-1) ?? 0, more: false })
    // Pages lead through it as well.
    const paged: Task[] = []
    for (let page = await user.changes('?since=0&limit=1'); ; ) {
      paged.push(...page.changes)
      if (!page.more) break
      page = await user.changes(`?since=${page.next}&limit=1`)
    }
    expect(paged).toEqual(changes)

    const open = await user.list()
    for (const tag of [newest, ...seen].map((revision) => `"${revision}"`))
      expect(await jsonOf<unknown>(await user.send('GET', '/tasks', undefined, { 'if-none-match': tag }))).toEqual(open)
    for (const { id, revision } of before.filter(({ deleted_at }) => deleted_at === null)) {
      const tag = `"${revision}"`
      expect((await user.get(id, { 'if-none-match': tag })).status).toBe(200)
      await expectProblem(await user.put(id, { title: 'lost' }, ifMatch(revision)), 412, 'revision-mismatch')
    }
    return changes
  }

  test('a client that has seen more than the backup holds is told so, and starts from 0', async () => {
    const source = keep(await newStore(kind))
    const [annsId, bobsId] = ['ann', 'bob']
    let ann = newUser(await start(source), annsId)
    let bob = newUser(running as Target, bobsId)
    const { revision: r } = await ann.create({ title: 'at r' })
    const bobs = await bob.create({ title: "bob's" })
    const stays = await ann.create({ title: 'at r+1' })
    await ann.remove((await ann.create({ title: 'at r+2, then in the trash' })).id)
    await stop()
    const backup = keep(await source.copy())

    ann = newUser(await start(source), annsId)
    await ann.update(stays.id, { title: 'lost by the restore' })
    const ghost = await ann.create({ title: 'a ghost for whoever keeps it' })
    expect(ghost.revision).toBe(r + 5)
    const bobsSeen = (await newUser(running as Target, bobsId).create({ title: 'lost' })).revision
    await stop()

    // Somebody has started Doable too early: the client at r+5 would get the last write alone, and keep the ghost.
    ann = newUser(await start(backup), annsId)
    for (const title of ['x', 'y', 'z']) await ann.create({ title })
    expect((await ann.changes(`?since=${ghost.revision}`)).changes.map(({ title }) => title)).toEqual(['z'])
    const before = (await ann.changes('?since=0')).changes
    await stop()

    await runRestored(backup, 2)
    ann = newUser(await start(backup), annsId)
    bob = newUser(running as Target, bobsId)
    const seen = Array.from({ length: 7 }, (_, writes) => r + writes)
    const after = await expectAnew(ann, before, seen)
    const bobsAfter = await expectAnew(bob, [bobs], [bobsSeen])
    // The counter goes on without a hole.
    const next = await ann.create({ title: 'next' })
    expect(next.revision).toBe((after.at(-1)?.revision ?? 0) + 1)
    await stop()

    // Twice in a row is as good as once: whoever has seen the history between starts again, too.
    await runRestored(backup, 2)
    await runRestored(backup, 2)
    ann = newUser(await start(backup), annsId)
    bob = newUser(running as Target, bobsId)
    await expectAnew(ann, [...after, next], seen)
    await expectAnew(bob, bobsAfter, [bobsSeen])
  })

  test('counters at small numbers, of the version before, move as well', async () => {
    const store = keep(await newStore(kind))
    let target = await start(store)
    for (const id of ['ann', 'bob']) for (const title of ['a', 'b', 'c']) await newUser(target, id).create({ title })
    await stop()
    // As the version before has left them: counted from 0.
    await store.use(async (db) => {
      await db.execute(sql`update doable.tasks set revision = u.first + (tasks.revision - u.history_start)
        from (select id, history_start, case id when 'ann' then 39 else 0 end as first from doable.users) as u
        where u.id = tasks.user_id`)
      await db.execute(sql`update doable.users set revision = case id when 'ann' then 42 else 3 end, history_start = 0`)
    })
    target = await start(store)
    const before = new Map<string, Task[]>()
    for (const id of ['ann', 'bob']) before.set(id, (await newUser(target, id).changes()).changes)
    expect(before.get('ann')?.map(({ revision }) => revision)).toEqual([40, 41, 42])
    await stop()
    await runRestored(store, 2)
    target = await start(store)
    for (const [id, tasks] of before) {
      const user = newUser(target, id)
      await expectAnew(user, tasks, [1, 3, 42, 43])
      expect((await user.changes()).next).toBeWithin(Date.now() - 60_000, Date.now() + 1000)
    }
  })

  test('a database without users has nothing to begin anew', async () => {
    await runRestored(keep(await newStore(kind)), 0)
  })
})
