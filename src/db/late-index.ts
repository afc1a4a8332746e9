import { sql } from 'drizzle-orm'
import type { Db } from './open.ts'
import { isPending, tasks } from './schema.ts'

/** Attempts at an index, of which another program's failed build can take one. */
const ATTEMPTS = 3

/** The columns of the condition by their names alone: an index's expressions cannot name their table. */
const columns = {
  remind_at: sql.identifier('remind_at'),
  reminded_at: sql.identifier('reminded_at'),
  completed: sql.identifier('completed'),
  deleted_at: sql.identifier('deleted_at'),
}

/**
 * Builds the index of pending reminders where it is missing. Not by a migration: these run in a transaction, in which
 * an index locks its table until all rows are read, ten seconds for ten million. Several programs may run it at once:
 * the second waits for the first.
 */
export async function buildReminderIndex(db: Db): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS && !(await hasReminderIndex(db)); attempt++) {
    // Left by a program that was killed while it built: it is kept up to date by writes, and used by none.
    if (attempt > 0) await db.execute(sql`drop index concurrently if exists doable.tasks_reminders`)
    await db.execute(
      sql`create index concurrently if not exists tasks_reminders on ${tasks} (remind_at) where ${isPending(columns)}`,
    )
  }
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
