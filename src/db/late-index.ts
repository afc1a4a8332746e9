import { sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { sqlState } from './errors.ts'
import { isPending, tasks } from './schema.ts'

/** How often to look whether another program has built it, in milliseconds; and for how long at most. */
const LOOK_MS = 250
const BUILT_MS = 15 * 60_000

/** What PostgreSQL answers to two programs that build or drop one index at once, beside a deadlock. */
const RACES = ['40P01', 'XX000', '23505', '42P07', '42704', '55P03']

/** The columns of the condition by their names alone: an index's expressions cannot name their table. */
const columns = {
  remind_at: sql.identifier('remind_at'),
  reminded_at: sql.identifier('reminded_at'),
  completed: sql.identifier('completed'),
  deleted_at: sql.identifier('deleted_at'),
}

/**
 * Builds the index of pending reminders where it is missing. Not by a migration: these run in a transaction, in which
 * an index locks its table until all rows are read, ten seconds for ten million. Several programs may run it at once,
 * also through a pooler, which keeps no lock of a session: whoever loses a race looks again.
 */
export async function buildReminderIndex(db: Db): Promise<void> {
  for (
    const giveUp = Date.now() + BUILT_MS;
    !(await hasReminderIndex(db));
    await Bun.sleep(LOOK_MS * (1 + Math.random()))
  )
    try {
      if (await isBeingBuilt(db)) continue
      // Left by a program that was killed while it built: it is kept up to date by writes, and used by none.
      await db.execute(sql`drop index concurrently if exists doable.tasks_reminders`)
      await db.execute(
        sql`create index concurrently if not exists tasks_reminders on ${tasks} (remind_at) where ${isPending(columns)}`,
      )
    } catch (error) {
      if (!RACES.includes(sqlState(error) ?? '') || Date.now() > giveUp) throw error
    }
}

async function isBeingBuilt(db: Db): Promise<boolean> {
  const [found] = await db
    .select({
      by: sql<boolean>`exists (select from pg_stat_progress_create_index where relid = to_regclass('doable.tasks'))`,
    })
    .from(sql`(values (1)) as one`)
  return found?.by ?? false
}

/** Whether the index of pending reminders is there, and whole. */
export async function hasReminderIndex(db: Pick<Db, 'select'>): Promise<boolean> {
  const [found] = await db
    .select({
      isValid: sql<
        boolean | null
      >`(select indisvalid from pg_index where indexrelid = to_regclass('doable.tasks_reminders'))`,
    })
    .from(sql`(values (1)) as one`)
  return found?.isValid ?? false
}
