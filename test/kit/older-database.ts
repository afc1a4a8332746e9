import { type SQL, sql } from 'drizzle-orm'
import { migrations } from '../../src/db/migrate.ts'

/** Runs statements: a database of either kind, or a transaction on it. */
interface Runner {
  execute(statement: SQL): PromiseLike<unknown>
}

/** Makes an empty database what an older version has left: with some of the migrations, and a note of each. */
export async function migrateAsBefore(db: Runner, isKnown: (name: string) => boolean): Promise<void> {
  const known = migrations.filter(({ name }) => isKnown(name))
  for (const { sql: statements } of known) for (const statement of statements) await db.execute(sql.raw(statement))
  await db.execute(sql`create table doable.migrations (id serial primary key, hash text not null, created_at bigint)`)
  for (const { hash, folderMillis } of known)
    await db.execute(sql`insert into doable.migrations (hash, created_at) values (${hash}, ${folderMillis})`)
}
