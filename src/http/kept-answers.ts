import { sql } from 'drizzle-orm'
import type { Db } from '../db/open.ts'
import { idempotencyKeys, users } from '../db/schema.ts'
import { statement, unread } from '../db/statement.ts'
import type { Owner } from '../db/work.ts'

/** What a repeat of a request is known by, beside its user. */
export interface RequestKey {
  method: string
  /** The pattern of the path. */
  route: string
  /** The `Idempotency-Key`. */
  key: string
}

export interface KeptAnswer {
  /** SHA-256 of the payload, in hex. */
  fingerprint: string
  status: number
  headers: Record<string, string>
  body: string
}

/** How long a repeat gets the first answer again. */
const KEPT = sql`interval '24 hours'`

const kept = idempotencyKeys
const param = sql.placeholder

/** Reached by way of the user's row: an answer does not show whose it is, so the owner is compared twice. */
const find = statement(
  'find_answer',
  sql`select ${kept.fingerprint}, ${kept.status}, ${kept.headers}::text, ${kept.body}
    from ${users} inner join ${kept} on ${kept.user_id} = ${users.id}
    where ${users.id} = ${param('owner')} and ${kept.user_id} = ${param('owner')} and ${kept.method} = ${param('method')}
      and ${kept.route} = ${param('route')} and ${kept.key} = ${param('key')} and ${kept.created_at} > now() - ${KEPT}`,
  ([fingerprint, status, headers, body]): KeptAnswer => ({
    fingerprint: fingerprint as string,
    status: Number(status),
    headers: JSON.parse(headers as string) as Record<string, string>,
    body: body as string,
  }),
)

/** Only an answer whose time is over can be in the way of a new one. */
const keep = statement(
  'keep_answer',
  sql`insert into ${kept} (user_id, method, route, key, fingerprint, status, headers, body)
    values (${param('owner')}, ${param('method')}, ${param('route')}, ${param('key')}, ${param('fingerprint')},
      ${param('status')}, ${param('headers')}, ${param('body')})
    on conflict (user_id, method, route, key) do update set fingerprint = excluded.fingerprint,
      status = excluded.status, headers = excluded.headers, body = excluded.body, created_at = now()`,
  unread,
)

const forget = statement('forget_answers', sql`delete from ${kept} where ${kept.created_at} <= now() - ${KEPT}`, unread)

/** The kept answer to a request, unless its time is over. For a transaction that holds the user's row. */
export async function findAnswer(tx: Db, { id: owner }: Owner, request: RequestKey): Promise<KeptAnswer | undefined> {
  const [found] = await find(tx, { owner, ...request })
  return found
}

/** Keeps an answer; it commits together with the work that it answers. */
export async function keepAnswer(tx: Db, { id: owner }: Owner, request: RequestKey, answer: KeptAnswer): Promise<void> {
  await keep(tx, { owner, ...request, ...answer, headers: JSON.stringify(answer.headers) })
}

/** Forgets answers whose time is over; safe to run from many replicas at once. */
export async function forgetAnswers(db: Db): Promise<void> {
  await forget(db, {})
}
