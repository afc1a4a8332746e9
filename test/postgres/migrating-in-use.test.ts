import { expect, setDefaultTimeout, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate, migrations } from '../../src/db/migrate.ts'
import { migrateAsBefore } from '../kit/older-database.ts'
import { newDatabase, openSession } from '../kit/postgres-server.ts'

setDefaultTimeout(120_000)

/** The migrations of the version before lists. */
const isKnown = (name: string) => name < '0004'

/** Longer than a statement of the service may take. */
const HELD_MS = 2500

async function olderDatabase(): Promise<string> {
  const url = await newDatabase()
  const session = openSession(url, { max: 1 })
  const db = drizzle(session)
  await migrateAsBefore(db, isKnown)
  await db.execute(sql`insert into doable.users (id, revision, position) values ('ann', 1, 1)`)
  await db.execute(sql`insert into doable.tasks (id, user_id, title, position, revision)
    values (gen_random_uuid(), 'ann', 'x', 1, 1)`)
  await session.end()
  return url
}

test('a migration lets the service go on while a long transaction uses its tables, and is done after it', async () => {
  const url = await olderDatabase()
  const [long, service, migrating] = [openSession(url), openSession(url), openSession(url)]
  let done: string[] | undefined
  let migration: Promise<string[]> | undefined
  let longest = 0
  await long.begin(async (tx) => {
    await tx`select 1 from doable.tasks where user_id = 'ann' for update`
    migration = migrate(drizzle(migrating)).then((names) => {
      done = names
      return names
    })
    for (const end = Date.now() + HELD_MS; Date.now() < end; await Bun.sleep(20)) {
      const begun = performance.now()
      expect(await service`select title from doable.tasks where user_id = 'ann'`).toHaveLength(1)
      longest = Math.max(longest, performance.now() - begun)
    }
    expect(done).toBeUndefined()
  })
  expect(await migration).toEqual(migrations.map(({ name }) => name).filter((name) => !isKnown(name)))
  // It does wait behind the migration, but never for as long as the transaction lasts.
  expect(longest).toBeGreaterThan(100)
  expect(longest).toBeLessThan(1500)
  await Promise.all([long, service, migrating].map((session) => session.end()))
})

test('an older program writes beside a newer one: columns that it does not know have values', async () => {
  const url = await olderDatabase()
  const session = openSession(url)
  await migrate(drizzle(session))
  await session`insert into doable.tasks (id, user_id, title, position, revision)
    values (gen_random_uuid(), 'ann', 'y', 2, 2)`
  await session`insert into doable.users (id, revision, history_start, bytes) values ('bob', 1, 1, 0)`
  const rows = await session`select list_id, parent_id, trashed_with, has_parts from doable.tasks`
  expect(rows.map((row) => Object.values(row))).toEqual(rows.map(() => [null, null, null, false]))
  expect(rows).toHaveLength(2)
  await session.end()
})
