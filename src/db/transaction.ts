import { sql } from 'drizzle-orm'
import { sqlState } from './errors.ts'
import type { Db } from './open.ts'
import { settings, users } from './schema.ts'
import { statement, unread } from './statement.ts'

/** How long to wait for the user's other writes, in milliseconds, and what to throw when that was too short. */
export interface Patience {
  waitMs: number
  late(cause: unknown): Error
}

const owner = sql.placeholder('owner')

/** The setting that new histories start behind: the highest counter that was ever erased ahead of the clock. */
export const HISTORY_FLOOR = 'history_floor'

/** Milliseconds since 1970, or one more than the highest counter that was erased: above every earlier revision of anybody. */
export const newHistory = sql`greatest((extract(epoch from clock_timestamp()) * 1000)::bigint,
  (select value::bigint + 1 from ${settings} where ${settings.name} = ${sql.raw(`'${HISTORY_FLOOR}'`)}))`

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

/** Makes the user's row where there is none: their history begins. */
export async function makeUser(db: Db, user: string): Promise<void> {
  await makeRow(db, { owner: user })
}

/**
 * Locks the user's row, made where there is none, so that there is something to lock. In two
 * statements: one that has waited for another's insert cannot see that row by its own snapshot.
 *
 * @throws what `patience` says when the row stays locked for too long.
 */
export async function lockUser(tx: Db, user: string, patience: Patience | undefined): Promise<void> {
  try {
    if (patience) await setLockTimeout(tx, { milliseconds: String(patience.waitMs) })
    do await makeRow(tx, { owner: user })
    while (
      // Erased between the two statements: there is nothing to lock.
      (await lockRow(tx, { owner: user })).length === 0
    )
  } catch (error) {
    throw patience && sqlState(error) === LOCK_NOT_AVAILABLE ? patience.late(error) : error
  }
}

const LOCK_NOT_AVAILABLE = '55P03'
