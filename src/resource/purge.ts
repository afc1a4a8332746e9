import { getTableName, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { statement, typed } from '../db/statement.ts'
import { changeManyStatement, changePiece, type Mark } from './change.ts'
import type { Fields } from './field.ts'
import type { Resource } from './resource.ts'

/** Rows emptied by one statement, at most: the user's own writes wait for it. */
const BATCH = 500

/** Users looked up at once. */
const USERS = 100

/** Empties what has been in the trash for a number of days. */
export type PurgeExpired = ReturnType<typeof createPurge>

export function createPurge<F extends Fields>(resource: Resource<F>) {
  const { table } = resource
  const expired = sql`${table.deleted_at} < now() - make_interval(days => ${typed('days', 'integer')})
    and ${table.purged_at} is null`
  const selectUsers = statement(
    `purge_users_${getTableName(table)}`,
    sql`select distinct ${table.user_id} from ${table} where ${expired} and ${table.user_id} > ${typed('after', 'text')}
      order by ${table.user_id} limit ${sql.placeholder('limit')}`,
    ([user]) => user as string,
  )
  const purge = changeManyStatement(
    `purge_expired_${getTableName(table)}`,
    resource,
    { in: 'trash', set: resource.purge, bytes: resource.bytes.purged },
    expired,
    table.deleted_at,
  )

  /**
   * Several replicas can run it at once: each row is judged again under the lock of its user's row. Tombstones
   * stay, each with a revision of its own, for devices that sync.
   *
   * @param changed is told whose rows have changed.
   * @returns how many rows were emptied.
   */
  return async (db: Db, days: number, changed: (user: string) => void = () => {}): Promise<number> => {
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
}
