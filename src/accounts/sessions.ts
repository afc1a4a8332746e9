import { and, eq, gt, inArray, like, lt, type SQL, sql } from 'drizzle-orm'
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'
import type { Identity } from '../auth/token.ts'
import { accountRateLimits, accountSessions, accountVerifications } from '../db/account-schema.ts'
import type { Db } from '../db/database.ts'
import { oauthConsents, oauthRefreshTokens } from '../db/oauth-schema.ts'
import { Problem } from '../problem.ts'
import { forgetClients } from './oauth/registration.ts'

/** How long after signing in a session may delete the account without the password, in seconds. */
export const FRESH_S = 24 * 60 * 60

/** Rows deleted by one statement, at most. */
const BATCH = 500

/** Longer than any window of Better Auth's rate limits, in milliseconds. */
const ATTEMPTS_KEPT_MS = 60 * 60_000

/** Refuses a caller whose token was not made for a fresh session that is still there. */
export type CheckFresh = (user: Identity) => Promise<void>

/**
 * Guards what Better Auth lets only a fresh session do. A token outlives its session by
 * up to 15 minutes, so the session itself is looked up.
 *
 * The check throws a Problem `session-not-fresh`.
 */
export function createFreshCheck(db: Db): CheckFresh {
  const { id, userId, expiresAt, createdAt } = accountSessions
  const select = db
    .select({ id })
    .from(accountSessions)
    .where(
      and(
        eq(userId, sql.placeholder('owner')),
        eq(id, sql.placeholder('session')),
        gt(expiresAt, sql`now()`),
        gt(createdAt, sql`now() - make_interval(secs => ${sql.raw(String(FRESH_S))})`),
      ),
    )
    .prepare('find_fresh_session')
  return async ({ id: owner, session }) => {
    const found = session === undefined ? [] : await select.execute({ owner, session })
    if (found.length === 0)
      throw new Problem(
        'session-not-fresh',
        'To delete the account, sign in again: it takes a token of a session that is less than a day old.',
      )
  }
}

/**
 * Ends, once a password was reset, what somebody else may have got of the account: links that set a password, and the
 * access of programs. Better Auth ends the sessions.
 */
export async function endOtherAccess(db: Db, account: string): Promise<void> {
  const { value, identifier } = accountVerifications
  await db.delete(accountVerifications).where(and(eq(value, account), like(identifier, 'reset-password:%')))
  await db.delete(oauthConsents).where(eq(oauthConsents.userId, account))
  await db.delete(oauthRefreshTokens).where(eq(oauthRefreshTokens.userId, account))
}

/**
 * Deletes sessions, verifications and refresh tokens that have expired, programs that nobody has let in, and attempts that no rate limit counts any
 * more. Rows that another process is deleting are left to it.
 *
 * @returns how many rows were deleted.
 */
export async function forgetSessions(db: Db): Promise<number> {
  await forgetClients(db)
  const attempts = lt(accountRateLimits.lastRequest, Date.now() - ATTEMPTS_KEPT_MS)
  return (
    (await forget(db, accountSessions, lt(accountSessions.expiresAt, sql`now()`))) +
    (await forget(db, oauthRefreshTokens, lt(oauthRefreshTokens.expiresAt, sql`now()`))) +
    (await forget(db, accountVerifications, lt(accountVerifications.expiresAt, sql`now()`))) +
    (await forget(db, accountRateLimits, attempts))
  )
}

async function forget(db: Db, table: PgTable & { id: PgColumn }, over: SQL): Promise<number> {
  const some = db.select({ id: table.id }).from(table).where(over).limit(BATCH).for('update', { skipLocked: true })
  for (let forgotten = 0; ; ) {
    const gone = await db.delete(table).where(inArray(table.id, some)).returning({ id: table.id })
    forgotten += gone.length
    if (gone.length < BATCH) return forgotten
  }
}
