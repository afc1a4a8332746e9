import { sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { idempotencyKeys, users } from '../db/schema.ts'
import { statement, typed, unread } from '../db/statement.ts'
import type { Owner } from '../db/work.ts'
import { Problem } from '../problem.ts'

/** What identifies the repeat of a request, beside its user. */
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

/** Bytes of answers kept for one user: some 30,000 new tasks a day, or 50,000 in batches. */
const MAX_BYTES = 32 * 1024 * 1024

/** The bytes that an answer counts beside its body: about what its other columns and its index entries take. */
const ROW_BYTES = sql.raw('500')

/** Answers forgotten by one statement, at most. */
const BATCH = 500

const kept = idempotencyKeys
const param = sql.placeholder

/** Joined to the user's row, so that the owner is compared twice: an answer does not show whose it is. */
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

const lasting = sql`${kept.user_id} = ${param('owner')} and ${kept.created_at} > now() - ${KEPT}`

/**
 * Inserts nothing where there is no room. What is kept is the newest running total less what came
 * before the oldest answer that lasts: two looks into an index, however many answers there are.
 * For that order, `created_at` is the time under the lock of the user's row, not that of the
 * transaction's begin. Only an answer whose time is over can be in the way of a new one.
 */
const keep = statement(
  'keep_answer',
  sql`insert into ${kept}
      (user_id, method, route, key, fingerprint, status, headers, body, created_at, running_bytes)
    select ${param('owner')}, ${param('method')}, ${param('route')}, ${param('key')}, ${param('fingerprint')},
      ${typed('status', 'integer')}, ${typed('headers', 'jsonb')}, ${param('body')}, clock_timestamp(), newest + size
    from (select
      octet_length(${typed('body', 'text')}) + ${ROW_BYTES} as size,
      coalesce((select ${kept.running_bytes} from ${kept} where ${lasting}
        order by ${kept.created_at} desc, ${kept.running_bytes} desc limit 1), 0) as newest,
      coalesce((select ${kept.running_bytes} - octet_length(${kept.body}) - ${ROW_BYTES} from ${kept} where ${lasting}
        order by ${kept.created_at}, ${kept.running_bytes} limit 1), 0) as past
    ) as count
    where newest - past + size <= ${typed('max', 'bigint')}
    on conflict (user_id, method, route, key) do update set fingerprint = excluded.fingerprint,
      status = excluded.status, headers = excluded.headers, body = excluded.body,
      created_at = excluded.created_at, running_bytes = excluded.running_bytes
    returning 1`,
  unread,
)

const secondsLeft = statement(
  'oldest_answer',
  sql`select ceil(extract(epoch from min(${kept.created_at}) + ${KEPT} - now())) from ${kept} where ${lasting}`,
  ([seconds]) => Number(seconds),
)

const forget = statement(
  'forget_answers',
  sql`delete from ${kept} where (user_id, method, route, key) in (
      select user_id, method, route, key from ${kept} where ${kept.created_at} <= now() - ${KEPT}
      limit ${param('limit')} for update skip locked
    ) returning 1`,
  unread,
)

/** The kept answer to a request, unless its time is over. For a transaction that holds the user's row. */
export async function findAnswer(tx: Db, { id: owner }: Owner, request: RequestKey): Promise<KeptAnswer | undefined> {
  const [found] = await find(tx, { owner, ...request })
  return found
}

/**
 * Keeps an answer; it commits together with the work that it answers. For a transaction that holds
 * the user's row.
 *
 * @throws Problem `too-many-kept-answers`: to forget an answer before its time could do work twice.
 */
export async function keepAnswer(tx: Db, { id: owner }: Owner, request: RequestKey, answer: KeptAnswer): Promise<void> {
  const values = { owner, ...request, ...answer, headers: JSON.stringify(answer.headers), max: MAX_BYTES }
  if ((await keep(tx, values)).length > 0) return
  const [seconds = 0] = await secondsLeft(tx, { owner })
  throw new Problem(
    'too-many-kept-answers',
    'The answers to your requests with an Idempotency-Key are kept for 24 hours, and there is no room for more. Please wait, or send this without a key.',
    { headers: { 'retry-after': String(Math.max(1, seconds)) } },
  )
}

/**
 * Forgets answers whose time is over. Safe to run from many replicas at once: rows that another
 * one is deleting are left to it.
 *
 * @returns how many were forgotten.
 */
export async function forgetAnswers(db: Db): Promise<number> {
  for (let forgotten = 0; ; ) {
    const { length } = await forget(db, { limit: BATCH })
    forgotten += length
    if (length < BATCH) return forgotten
  }
}
