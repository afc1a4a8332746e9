import { and, eq, sql } from 'drizzle-orm'
import type { Db } from '../db/open.ts'
import { idempotencyKeys, users } from '../db/schema.ts'

/** What a repeat of a request is known by. */
export interface ReplyKey {
  user: string
  method: string
  route: string
  key: string
}

export interface Reply {
  fingerprint: string
  status: number
  headers: Record<string, string>
  body: string
}

/** How long a repeat gets the first answer again. */
const KEPT = sql`interval '24 hours'`

/**
 * The kept answer to a request, unless its time is over. For use under the lock of the user's
 * row, and found by way of it: an answer does not show whose it is, so the owner is compared twice.
 */
export async function findReply(tx: Db, { user, method, route, key }: ReplyKey): Promise<Reply | undefined> {
  const { fingerprint, status, headers, body } = idempotencyKeys
  const [row] = await tx
    .select({ fingerprint, status, headers, body })
    .from(users)
    .innerJoin(idempotencyKeys, eq(idempotencyKeys.user_id, users.id))
    .where(
      and(
        eq(users.id, sql.placeholder('user')),
        eq(idempotencyKeys.user_id, sql.placeholder('user')),
        eq(idempotencyKeys.method, sql.placeholder('method')),
        eq(idempotencyKeys.route, sql.placeholder('route')),
        eq(idempotencyKeys.key, sql.placeholder('key')),
        sql`${idempotencyKeys.created_at} > now() - ${KEPT}`,
      ),
    )
    .prepare('find_reply')
    .execute({ user, method, route, key })
  return row
}

/** Keeps an answer; it commits together with the work that it answers. */
export async function keepReply(tx: Db, { user, method, route, key }: ReplyKey, reply: Reply): Promise<void> {
  const excluded = (column: string) => sql`excluded.${sql.identifier(column)}`
  await tx
    .insert(idempotencyKeys)
    .values({
      user_id: sql.placeholder('user'),
      method: sql.placeholder('method'),
      route: sql.placeholder('route'),
      key: sql.placeholder('key'),
      fingerprint: sql.placeholder('fingerprint'),
      status: sql.placeholder('status'),
      headers: sql.placeholder('headers'),
      body: sql.placeholder('body'),
    })
    // Only one whose time is over can be in the way.
    .onConflictDoUpdate({
      target: [idempotencyKeys.user_id, idempotencyKeys.method, idempotencyKeys.route, idempotencyKeys.key],
      set: {
        fingerprint: excluded('fingerprint'),
        status: excluded('status'),
        headers: excluded('headers'),
        body: excluded('body'),
        created_at: sql`now()`,
      },
    })
    .prepare('keep_reply')
    .execute({ user, method, route, key, ...reply })
}

/** Forgets answers whose time is over; safe to run from many replicas at once. */
export async function forgetReplies(db: Db): Promise<void> {
  await db.delete(idempotencyKeys).where(sql`${idempotencyKeys.created_at} <= now() - ${KEPT}`)
}
