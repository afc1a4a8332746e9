import { createHash } from 'node:crypto'
import { sql } from 'drizzle-orm'
import type { MigrationMeta } from 'drizzle-orm/migrator'
import type { PgDialect, PgSession } from 'drizzle-orm/pg-core'
import init from '../../drizzle/0000_init.sql' with { type: 'text' }
import accounts from '../../drizzle/0001_accounts.sql' with { type: 'text' }
import history from '../../drizzle/0002_history.sql' with { type: 'text' }
import keptAnswers from '../../drizzle/0003_kept_answers.sql' with { type: 'text' }
import lists from '../../drizzle/0004_lists.sql' with { type: 'text' }
import oauth from '../../drizzle/0005_oauth.sql' with { type: 'text' }
import recurrence from '../../drizzle/0006_recurrence.sql' with { type: 'text' }
import importPieces from '../../drizzle/0007_import_pieces.sql' with { type: 'text' }
import domains from '../../drizzle/0008_domains.sql' with { type: 'text' }
import journal from '../../drizzle/meta/_journal.json'
import type { Db } from './database.ts'
import { sqlState } from './errors.ts'
import { buildReminderIndex, hasReminderIndex } from './late-index.ts'

/** The SQL is compiled into the program; a test compares this list with the folder. */
const files: Record<string, string> = {
  '0000_init': init,
  '0001_accounts': accounts,
  '0002_history': history,
  '0003_kept_answers': keptAnswers,
  '0004_lists': lists,
  '0005_oauth': oauth,
  '0006_recurrence': recurrence,
  '0007_import_pieces': importPieces,
  '0008_domains': domains,
}

interface Migration extends MigrationMeta {
  /** `0000_init`: the name of its file. */
  readonly name: string
}

export const migrations: Migration[] = journal.entries.map(({ tag, when, breakpoints }) => {
  const text = files[tag]
  if (text === undefined) throw new Error(`migration ${tag} is in the journal but not in the program`)
  return {
    name: tag,
    sql: text.split('--> statement-breakpoint'),
    bps: breakpoints,
    folderMillis: when,
    hash: createHash('sha256').update(text).digest('hex'),
  }
})

/** Our key among the database's advisory locks: "doable" in hex. */
const LOCK = 0x646f61626c65

/**
 * How long a statement of a migration waits for a table that is in use, in milliseconds: whoever comes
 * after it waits behind it.
 */
const LOCK_MS = 500
const LOCK_NOT_AVAILABLE = '55P03'

/** How long it is tried again, in milliseconds: longer than an import holds its tables. */
const TRIED_MS = 120_000

const config = { migrationsFolder: '', migrationsSchema: 'doable', migrationsTable: 'migrations' }

/**
 * Applies the missing migrations one after the other, each as a whole: a transaction of all of them would lock the
 * first one's tables until the last one is done. Many replicas may run it at once: each transaction
 * holds the lock, which therefore works through a transaction pooler and ends with a killed process.
 * While older programs serve, it lets them go on: it gives up a table that is in use, and tries again.
 *
 * @returns the names of those applied.
 */
export async function migrate(db: Db): Promise<string[]> {
  const applied: string[] = []
  for (const giveUp = Date.now() + TRIED_MS; ; await Bun.sleep(LOCK_MS))
    try {
      const before = await appliedIn(db)
      for (const [i, { name, hash }] of migrations.entries())
        if (!before.has(hash) && (await migrateUpTo(db, i + 1))) applied.push(name)
      await buildReminderIndex(db)
      return applied
    } catch (error) {
      if (sqlState(error) !== LOCK_NOT_AVAILABLE || Date.now() > giveUp) throw error
    }
}

/** Applies the first `count` migrations, of which the last is missing. @returns false when another program has done so. */
async function migrateUpTo(db: Db, count: number): Promise<boolean> {
  return await db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${sql.raw(String(LOCK))})`)
    await tx.execute(sql`set local lock_timeout = ${sql.raw(String(LOCK_MS))}`)
    // Drizzle's own migrator, inside our lock. Both members are internal to Drizzle, hence the casts.
    const { dialect, session } = tx as unknown as { dialect: PgDialect; session: PgSession }
    const inside = {
      execute: session.execute.bind(session),
      all: session.all.bind(session),
      transaction: tx.transaction.bind(tx),
    } as unknown as PgSession
    const before = await appliedIn(tx)
    await dialect.migrate(migrations.slice(0, count), inside, config)
    return !before.has(migrations[count - 1]?.hash ?? '')
  })
}

/** Whether every migration of this program has been applied, and what they leave to be built is there. */
export async function isMigrated(db: Db): Promise<boolean> {
  const newest = migrations.at(-1)
  return newest !== undefined && (await appliedIn(db)).has(newest.hash) && (await hasReminderIndex(db))
}

/** The hashes of the migrations that have been applied. */
async function appliedIn(db: Pick<Db, 'select'>): Promise<Set<string>> {
  const [schema] = await db
    .select({ there: sql<boolean>`to_regclass('doable.migrations') is not null` })
    .from(sql`(values (1)) as one`)
  if (!schema?.there) return new Set()
  const rows = await db.select({ hash: sql<string>`hash` }).from(sql`doable.migrations`)
  return new Set(rows.map(({ hash }) => hash))
}
