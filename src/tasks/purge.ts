import { asc, sql } from 'drizzle-orm'
import type { Db } from '../db/open.ts'
import { tasks } from '../db/schema.ts'
import { nothingLeft, param, typed } from '../db/statement.ts'
import { forgetReplies } from '../http/kept-answers.ts'
import { prepareChanges } from './change.ts'

/** Tasks emptied by one statement, at most: it holds the user's row for as long. */
const BATCH = 500

/** Users looked up at once. */
const USERS = 100

/**
 * Empties what has been in the trash for `days`, and forgets kept answers whose time is
 * over. Several replicas can run it at once: each task is judged again under the lock of
 * its user's row. Tombstones stay, each with a revision of its own, for devices that sync.
 *
 * @param changed is told whose tasks have changed.
 * @returns how many tasks were emptied.
 */
export async function purgeExpired(db: Db, days: number, changed: (user: string) => void = () => {}): Promise<number> {
  const expired = sql`${tasks.deleted_at} < now() - make_interval(days => ${typed('days', 'integer')}) and ${tasks.purged_at} is null`
  const selectUsers = db
    .selectDistinct({ user: tasks.user_id })
    .from(tasks)
    .where(sql`${expired} and ${tasks.user_id} > ${typed('after', 'text')}`)
    .orderBy(asc(tasks.user_id))
    .limit(param('limit'))
    .prepare('purge_users')
  const purge = prepareChanges(db, 'purge_expired', { in: 'trash', set: nothingLeft }, expired)

  let purged = 0
  let after = ''
  for (;;) {
    const found = await selectUsers.execute({ days, after, limit: USERS })
    for (const { user } of found) {
      let count: number
      do {
        count = (await purge.execute({ owner: user, days, limit: BATCH })).length
        purged += count
        if (count > 0) changed(user)
      } while (count > 0)
    }
    const last = found.at(-1)
    if (last === undefined || found.length < USERS) break
    after = last.user
  }
  await forgetReplies(db)
  return purged
}
