import { sql } from 'drizzle-orm'
import type { Db } from '../db/open.ts'
import { tasks } from '../db/schema.ts'
import { statement, typed } from '../db/statement.ts'
import { changeManyStatement, changePiece, type Mark } from '../resource/change.ts'
import { task } from './fields.ts'

/** Tasks emptied by one statement, at most: the user's own writes wait for it. */
const BATCH = 500

/** Users looked up at once. */
const USERS = 100

const expired = sql`${tasks.deleted_at} < now() - make_interval(days => ${typed('days', 'integer')})
  and ${tasks.purged_at} is null`

const selectUsers = statement(
  'purge_users',
  sql`select distinct ${tasks.user_id} from ${tasks} where ${expired} and ${tasks.user_id} > ${typed('after', 'text')}
    order by ${tasks.user_id} limit ${sql.placeholder('limit')}`,
  ([user]) => user as string,
)

const purge = changeManyStatement(
  'purge_expired',
  task,
  { in: 'trash', set: task.purge, bytes: task.bytes.purged },
  expired,
  tasks.deleted_at,
)

/**
 * Empties what has been in the trash for `days`. Several replicas can run it at once: each task
 * is judged again under the lock of its user's row. Tombstones stay, each with a revision of
 * its own, for devices that sync.
 *
 * @param changed is told whose tasks have changed.
 * @returns how many tasks were emptied.
 */
export async function purgeExpired(db: Db, days: number, changed: (user: string) => void = () => {}): Promise<number> {
  let purged = 0
  let after = ''
  for (;;) {
    const users = await selectUsers(db, { days, after, limit: USERS })
    for (const owner of users) {
      let mark: Mark | undefined
      for (;;) {
        const { count, last } = await changePiece(purge, db, { owner, days, limit: BATCH }, mark)
        if (count === 0) break
        purged += count
        mark = last
        changed(owner)
      }
    }
    const last = users.at(-1)
    if (last === undefined || users.length < USERS) return purged
    after = last
  }
}
