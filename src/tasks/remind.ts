import { sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { isPending, tasks, users } from '../db/schema.ts'
import { statement } from '../db/statement.ts'
import { task } from './fields.ts'

/** Tasks stamped by one statement, at most: the user's writes wait for it, and requests behind it on its connection. */
const PIECE = 20

/** Users looked up at once. */
const USERS = 100

/** How soon to look again for a user whose row somebody else holds, in milliseconds. */
const HELD_MS = 200

const owner = sql.placeholder('owner')
const isDue = sql`${isPending(tasks)} and ${tasks.remind_at} <= now()`

/** By the database's own clock: those of replicas may differ, and jump. */
const selectNext = statement(
  'reminders_next',
  sql`select ceil(extract(epoch from min(${tasks.remind_at}) - now()) * 1000) from ${tasks} where ${isPending(tasks)}`,
  ([ms]) => (ms === null ? undefined : Number(ms)),
)

/** Beside the purge's, the one statement that looks at all users' rows. It gives back nobody's task. */
const selectUsers = statement(
  'reminders_users',
  sql`select ${tasks.user_id} from ${tasks} where ${isDue} order by ${tasks.remind_at} limit ${sql.placeholder('limit')}`,
  ([user]) => user as string,
)

/**
 * Stamps up to `limit` of a user's tasks whose reminder is due: `reminded_at`, and a revision for each. The user's row
 * is locked first, as all writes do; where another replica or a write holds it, nothing happens. Judged again under
 * that lock, no reminder is stamped twice. `updated_at` stays: nobody has changed the task.
 */
const stamp = statement(
  'reminders_stamp',
  sql`with locked as (
      select ${users.id} from ${users} where ${users.id} = ${owner} for no key update skip locked
    ), found as (
      select ${tasks.user_id}, ${tasks.id} as found_id, ${tasks.remind_at} as at
      from ${tasks} inner join locked on ${tasks.user_id} = locked.id
      where ${task.where('hand')} and ${isDue} order by ${tasks.remind_at}, ${tasks.id}
      limit ${sql.placeholder('limit')} for no key update skip locked
    ), numbered as (
      select found.user_id, found_id, row_number() over (order by at desc, found_id desc) - 1 as back from found
    ), raised as (
      update ${users} set revision = ${users.revision} + (select count(*) from found)
      where ${users.id} = ${owner} and ${users.id} = any(select found.user_id from found)
      returning ${users.id}, ${users.revision}
    ) update ${tasks} set reminded_at = now(), revision = raised.revision - numbered.back,
      reminded_revision = raised.revision - numbered.back
    from raised inner join numbered on numbered.user_id = raised.id
    where ${tasks.user_id} = ${owner} and ${tasks.user_id} = raised.id and ${tasks.id} = numbered.found_id
    returning ${tasks.user_id}`,
  ([user]) => user as string,
)

/**
 * Stamps every reminder that is due. Several replicas can do it at once: each reminder is stamped once, in the
 * statement that raises its user's revision. One user at a time, so that requests find connections.
 *
 * @param changed is told whose tasks have changed.
 * @returns in how many milliseconds the next reminder is due, by the database's clock; undefined where there is none.
 */
export async function remindDue(db: Db, changed: (user: string) => void): Promise<number | undefined> {
  for (;;) {
    const due = new Set(await selectUsers(db, { limit: USERS }))
    let stamped = 0
    for (const user of due) {
      const rows = await stamp(db, { owner: user, limit: PIECE })
      if (rows.length > 0) changed(user)
      stamped += rows.length
    }
    if (stamped > 0) continue
    const [next] = await selectNext(db, {})
    return due.size > 0 && next !== undefined ? Math.max(next, HELD_MS) : next
  }
}
