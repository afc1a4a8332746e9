import { expect, setDefaultTimeout, test } from 'bun:test'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from '../../src/db/migrate.ts'
import { migrateAsBefore } from '../kit/older-database.ts'
import { newDatabase, openSession } from '../kit/postgres-server.ts'
import { newMigratedDatabase } from '../kit/templates.ts'

setDefaultTimeout(120_000)

/** Values that no request can bring about, as SQL. */
const refused: [column: string, value: string][] = [
  ['title', `repeat('x', 201)`],
  ['description', `repeat('x', 10001)`],
  ['due_date', `'tomorrow'`],
  ['tags', `array_fill('x'::text, array[21])`],
  ['tags', `array['x', null]`],
  ['position', `'Infinity'`],
  ['position', `'NaN'`],
  ['revision', `0`],
  ['completed', `true`],
  ['purged_at', `now()`],
  ['user_id', `''`],
]

test('the database itself refuses what breaks a rule, in new rows and in changed ones', async () => {
  const session = openSession(await newMigratedDatabase())
  await session`insert into doable.users (id, revision) values ('ann', 1)`
  const insert = (columns: Record<string, string>) => {
    const all = { id: 'gen_random_uuid()', user_id: `'ann'`, title: `'x'`, position: '1', revision: '1', ...columns }
    return session.unsafe(`insert into doable.tasks (${Object.keys(all)}) values (${Object.values(all)})`)
  }
  const stateOf = (work: Promise<unknown>) =>
    work.then(
      () => 'done',
      ({ code }: { code: string }) => code,
    )
  await insert({ due_date: `'2026-11-24'`, tags: `'{a,b}'` })
  for (const [column, value] of refused) {
    const isUser = column === 'user_id'
    const made = isUser
      ? session.unsafe(`insert into doable.users (id) values (${value})`)
      : insert({ [column]: value })
    expect([column, value, await stateOf(made)]).toEqual([column, value, '23514'])
    const table = isUser ? `doable.users set id = ${value}` : `doable.tasks set ${column} = ${value}`
    expect([column, value, await stateOf(session.unsafe(`update ${table}`))]).toEqual([column, value, '23514'])
  }
  await session.end()
})

test('the rules became those of domains without a row being written', async () => {
  const session = openSession(await newDatabase())
  const db = drizzle(session)
  await migrateAsBefore(db, (name) => name < '0008')
  await session`insert into doable.users (id, revision) values ('ann', 1)`
  await session`insert into doable.tasks (id, user_id, title, position, revision, due_date)
    values (gen_random_uuid(), 'ann', 'x', 1, 1, '2026-11-24')`
  /** The files of the tables and of their indexes, which are new ones where rows are written anew. */
  const files = () =>
    session`select relname, pg_relation_filenode(oid) as file from pg_class
      where relnamespace = 'doable'::regnamespace and relname like any('{tasks%,users%}') and relname <> 'tasks_reminders'
      order by relname`
  const before = await files()
  expect(before.length).toBeGreaterThan(6)
  await migrate(db)
  expect((await files()).map(({ relname, file }) => [relname, file])).toEqual(
    before.map(({ relname, file }) => [relname, file]),
  )
  expect(await session`select title, due_date, tags, position, revision::int from doable.tasks`).toMatchObject([
    { title: 'x', due_date: '2026-11-24', position: 1, revision: 1 },
  ])
  await session.end()
})
