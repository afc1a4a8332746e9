import { eq, sql } from 'drizzle-orm'
import { createStore, type Store } from '../tasks/store.ts'
import { sqlState } from './errors.ts'
import type { Db } from './open.ts'
import { users } from './schema.ts'
import { param } from './statement.ts'

/** Work on one user's tasks that commits as a whole or not at all; it must use the store and database it is given. */
export type Transact = <T>(user: string, work: (store: Store, tx: Db) => Promise<T>, patience?: Patience) => Promise<T>

/** How long to wait for the user's other writes, and what to throw when that was too short. */
interface Patience {
  waitMs: number
  late(cause: unknown): Error
}

/**
 * Locks the user's row before anything else, so that transactions and single writes of a
 * user queue and never wait for each other in a circle.
 *
 * @param changed is told whose tasks have changed, once that is committed.
 */
export function createTransact(db: Db, changed: (user: string) => void): Transact {
  return async (user, work, patience) => {
    const result = await db.transaction(async (tx) => {
      await lockUser(tx, user, patience)
      return work(createStore(tx), tx)
    })
    changed(user)
    return result
  }
}

/**
 * Makes the row where there is none, so that there is something to lock. In two
 * statements: one that has waited for another's row cannot see it by its own snapshot.
 */
async function lockUser(tx: Db, user: string, patience: Patience | undefined): Promise<void> {
  const made = tx
    .insert(users)
    .values({ id: param('owner') })
    .onConflictDoNothing()
    .prepare('make_user')
  const locked = tx
    .select({ id: users.id })
    .from(users)
    .where(eq(users.id, param('owner')))
    .for('no key update')
    .prepare('lock_user')
  try {
    if (patience) await tx.execute(sql`select set_config('lock_timeout', ${String(patience.waitMs)}, true)`)
    await made.execute({ owner: user })
    await locked.execute({ owner: user })
  } catch (error) {
    throw patience && sqlState(error) === LOCK_NOT_AVAILABLE ? patience.late(error) : error
  }
}

const LOCK_NOT_AVAILABLE = '55P03'
