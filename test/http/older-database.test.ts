import { afterEach, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { migrations } from '../../src/db/migrate.ts'
import { boot, databases, type Target } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { migrateAsBefore } from '../kit/older-database.ts'
import { runToEnd } from '../kit/program.ts'
import { newStore, type Store } from '../kit/store.ts'
import { ifMatch, jsonOf, newUser, type User } from '../kit/user.ts'

/** Those of the version before histories and quotas. */
const BEFORE = ['0000_init', '0001_accounts']

const at = (n: number) => `00000000-0000-4000-8000-00000000000${n}`

/**
 * Two users as that version has left them: counters from 0, nothing counted. Ann's ten tasks take some 270,000 bytes;
 * one of them is in the trash and one is a tombstone.
 */
async function fillAsBefore({ use }: Store): Promise<void> {
  await use(async (db) => {
    await migrateAsBefore(db, (name) => BEFORE.includes(name))
    await db.execute(sql`insert into doable.users (id, revision, position) values ('ann', 42, 10), ('bob', 3, 1)`)
    // Few texts of this size come by requests, but the count goes by what there is.
    await db.execute(sql`insert into doable.tasks (id, user_id, title, description, tags, due_date, position, revision, deleted_at, purged_at)
      select ('00000000-0000-4000-8000-00000000000' || n)::uuid, 'ann', case n when 9 then '' else 'Größe ' || n end,
        case when n < 9 then repeat('買', 10000) end, case n when 1 then '{"home","a, b"}'::text[] else '{}' end,
        case n when 2 then '2026-11-24' end, n, 33 + n,
        case when n >= 8 then now() end, case when n = 9 then now() end
      from generate_series(0, 9) as n`)
    await db.execute(sql`insert into doable.tasks (id, user_id, title, position, revision)
      values (${at(1)}::uuid, 'bob', 'x', 1, 3)`)
  })
}

/** What is counted of each user, and what their rows take as they are now. */
function counts({ use }: Store): Promise<Record<string, { counted: number | null; real: number }>> {
  return use(async (db) => {
    const found = await db.execute(sql`select u.id, u.bytes, (
        select coalesce(sum(300 + octet_length(title) + coalesce(octet_length(description), 0)
          + coalesce(octet_length(due_date), 0) + octet_length(tags::text)), 0)
        from doable.tasks where user_id = u.id) as real
      from doable.users as u order by u.id`)
    const rows = (Array.isArray(found) ? found : (found as { rows: unknown[] }).rows) as {
      id: string
      bytes: string | null
      real: string
    }[]
    return Object.fromEntries(
      rows.map(({ id, bytes, real }) => [id, { counted: bytes === null ? null : Number(bytes), real: Number(real) }]),
    )
  })
}

describe.each(databases)('a database of the version before, over %s', (kind) => {
  let store: Store
  let running: Target | undefined

  const stop = async () => {
    await running?.stop()
    running = undefined
  }
  /** Starts over such a database. */
  const start = async () => {
    store = await newStore(kind)
    await fillAsBefore(store)
    running = await boot(kind, { ...store.env, USER_QUOTA_MB: '1' })
    return newUser(running, 'ann')
  }
  /** The count of the user once the service has stopped. */
  const countOf = async (id: string) => {
    await stop()
    return (await counts(store))[id]
  }
  afterEach(async () => {
    await stop()
    await store.remove()
  })

  test('is migrated by name, and keeps its history: old revisions, tags and cursors go on', async () => {
    store = await newStore(kind)
    await fillAsBefore(store)
    const { code, stdout } = await runToEnd(['migrate'], store.env)
    const missing = migrations.filter(({ name }) => !BEFORE.includes(name)).map(({ name }) => `Applied ${name}.`)
    expect([code, stdout.split('\n').slice(0, missing.length)]).toEqual([0, missing])

    running = await boot(kind, store.env)
    const [ann, bob] = [newUser(running, 'ann'), newUser(running, 'bob')]
    expect((await ann.changes('?since=40')).changes.map(({ revision }) => revision)).toEqual([41, 42])
    expect(await ann.changes('?since=42')).toEqual({ changes: [], lists: [], next: 42, more: false })
    await expectProblem(await ann.send('GET', '/changes?since=43'), 410, 'history-gone')
    expect((await ann.send('GET', '/tasks', undefined, { 'if-none-match': '"42"' })).status).toBe(304)
    expect((await ann.create({ title: 'next' })).revision).toBe(43)
    const changed = await ann.put(at(1), { title: 'changed' }, ifMatch(34))
    expect(changed.headers.get('etag')).toBe('"44"')
    expect((await bob.create({ title: 'next' })).revision).toBe(4)
    const carol = await newUser(running, 'carol').create()
    expect(carol.revision).toBeWithin(Date.now() - 60_000, Date.now() + 1000)
  })

  test('nothing is counted before it matters', async () => {
    await start()
    const count = await countOf('ann')
    expect(count).toEqual({ counted: null, real: expect.any(Number) })
    expect(count?.real).toBeWithin(270_000, 280_000)
  })

  const writes: [name: string, write: (ann: User) => Promise<unknown>][] = [
    ['a create', (ann) => ann.create({ title: 'new', description: 'ü' })],
    ['an update that grows', (ann) => ann.update(at(1), { title: 'longer than it was', tags: ['home', 'ü'] })],
    ['a batch', (ann) => ann.batch([{ op: 'create', task: { title: 'x' } }])],
    [
      'a batch that updates first',
      (ann) => ann.batch([{ op: 'update', id: at(1), task: { title: 'longer than it was' } }]),
    ],
    ['a create under an Idempotency-Key', (ann) => ann.post({ title: 'x' }, { 'idempotency-key': 'k' })],
    ['an import', async (ann) => jsonOf(await ann.send('POST', '/import', [{ title: 'x', id: at(9) }]))],
    [
      'creates, growing updates, deletions and purges at once',
      (ann) =>
        Promise.all([
          ...Array.from({ length: 10 }, (_, i) => ann.create({ title: `${i}` })),
          ...[1, 2, 3].map((n) => ann.update(at(n), { title: `longer than it was, ${n}` })),
          ...[4, 5].map((n) => ann.update(at(n), { description: null })),
          ...[6, 7].map((n) => ann.remove(at(n))),
          ann.send('DELETE', `/trash/${at(8)}`),
        ]),
    ],
  ]
  test.each(writes)('%s counts everything, to the byte', async (_, write) => {
    await write(await start())
    const count = await countOf('ann')
    expect(count?.counted).toBe(count?.real ?? -1)
  })

  test('deletions, completions, purges and shorter texts go on uncounted, and the next create counts right', async () => {
    const ann = await start()
    await ann.update(at(1), { description: 'short' })
    await ann.complete(at(2))
    await ann.remove(at(3))
    expect((await ann.send('DELETE', `/trash/${at(3)}`)).status).toBe(204)
    await ann.create({ title: 'new' })
    await ann.update(at(1), { description: 'a little longer' })
    await ann.remove(at(4))
    expect((await ann.send('DELETE', `/trash/${at(4)}`)).status).toBe(204)
    const count = await countOf('ann')
    expect(count?.counted).toBe(count?.real ?? -1)
  })

  test('a quota below what there is refuses what needs more, and keeps the rest', async () => {
    const ann = await start()
    // Ann has some 270,000 bytes: in what is left of 1,000,000, 23 more of 30,000 find room.
    const made = []
    for (;;) {
      const answer = await ann.post({ title: 'x', description: '買'.repeat(10_000) })
      if (answer.status !== 201) {
        await expectProblem(answer, 403, 'quota-exceeded')
        break
      }
      made.push(await answer.json())
    }
    expect(made).toHaveLength(23)
    await expectProblem(await ann.put(at(9), { title: 'x' }), 404, 'task-not-found')
    await expectProblem(await ann.put(at(1), { title: 'x' }, ifMatch(1)), 412, 'revision-mismatch')
    expect((await newUser(running as Target, 'bob').create()).revision).toBe(4)
  })
})
