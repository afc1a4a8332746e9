import { sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { sqlState } from './errors.ts'
import { settings, users } from './schema.ts'
import { statement, unread } from './statement.ts'

/** How long to wait for the user's other writes, in milliseconds, and what to throw when that was too short. */
export interface Patience {
  waitMs: number
  late(cause: unknown): Error
}

const owner = sql.placeholder('owner')

/** The setting above which new histories start: the highest counter that was ahead of the clock when it was erased. */
export const HISTORY_FLOOR = 'history_floor'

/** Where a history starts: at the clock (milliseconds since 1970) or above that setting, whichever is greater. */
export const newHistory = sql`greatest((extract(epoch from clock_timestamp()) * 1000)::bigint,
  (select value::bigint + 1 from ${settings} where ${settings.name} = ${sql.raw(`'${HISTORY_FLOOR}'`)}))`

/** The user's row where there is none: their history begins. */
const makeRow = statement(
  'make_user',
  sql`insert into ${users} (id, revision, history_start, bytes)
    select ${owner}::text, start, start, 0 from (select ${newHistory} as start) as history
    on conflict do nothing`,
  unread,
)

const lockRow = statement(
  'lock_user',
  sql`select 1 from ${users} where ${users.id} = ${owner} for no key update`,
  unread,
)

const setLockTimeout = statement(
  'lock_timeout',
  sql`select set_config('lock_timeout', ${sql.placeholder('milliseconds')}, true)`,
  unread,
)

/**
 * Locks the user's row, made where there is none, so that there is something to lock. In two
 * statements: one that has waited for another's insert cannot see that row by its own snapshot.
 * The lock comes first: an insert that has waited for an erasure would not see, by its own
 * snapshot, the floor that the erasure has left, and begin the new history below the old one.
 *
 * @throws what `patience` says when the row stays locked for too long.
 */
export async function lockUser(tx: Db, user: string, patience: Patience | undefined): Promise<void> {
  try {
    if (patience) await setLockTimeout(tx, { milliseconds: String(patience.waitMs) })
    while ((await lockRow(tx, { owner: user })).length === 0) await makeRow(tx, { owner: user })
  } catch (error) {
    throw patience && sqlState(error) === LOCK_NOT_AVAILABLE ? patience.late(error) : error
  }
}

const LOCK_NOT_AVAILABLE = '55P03'
