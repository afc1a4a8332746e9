import { getTableName, sql } from 'drizzle-orm'
import { accounts } from '../db/account-schema.ts'
import type { Db } from '../db/database.ts'
import { resourceTables, settings, users } from '../db/schema.ts'
import { ownRows, statement, unread } from '../db/statement.ts'
import { HISTORY_FLOOR, newHistory } from '../db/transaction.ts'
import type { Owner } from '../db/work.ts'

const owner = sql.placeholder('owner')

const ownerAndRevision = ([user_id, revision]: readonly unknown[]) => ({
  user_id: user_id as string,
  revision: Number(revision),
})

const deleteUser = statement(
  'erase_user',
  sql`delete from ${users} where ${users.id} = ${owner} returning ${users.id}, ${users.revision}`,
  ownerAndRevision,
)
const deleteAccount = statement(
  'erase_account',
  sql`delete from ${accounts} where ${accounts.id} = ${owner} returning ${accounts.id}, 0`,
  ownerAndRevision,
)

/** A counter that is behind the clock needs no floor: the next history of that user begins at the clock. */
const raiseFloor = statement(
  'raise_history_floor',
  sql`insert into ${settings} (name, value)
    select ${sql.raw(`'${HISTORY_FLOOR}'`)}, ${sql.placeholder('revision')}::bigint::text
    where ${sql.placeholder('revision')}::bigint >= (extract(epoch from clock_timestamp()) * 1000)::bigint - 1000
    on conflict (name) do update set value = greatest(${settings.value}::bigint, excluded.value::bigint)::text`,
  unread,
)

/**
 * Erases everything that is kept of a user, for good; the account, too, if `account` is true. In a
 * transaction, which is rolled back if another user's row is among the erased ones.
 *
 * A later history of the same user begins above every revision of the erased one, so that no
 * old ETag, cursor or `since` can match again.
 */
export async function eraseUser(db: Db, { id }: Owner, { account = false } = {}): Promise<void> {
  await db.transaction(async (tx) => {
    if (account) ownRows(id, await deleteAccount(tx, { owner: id }))
    const [erased] = ownRows(id, await deleteUser(tx, { owner: id }))
    if (erased) await raiseFloor(tx, { revision: erased.revision })
  })
}

const nextUsers = statement(
  'history_users',
  sql`select ${users.id} from ${users} where ${users.id} > ${sql.placeholder('after')}::text order by ${users.id} limit 500`,
  ([id]) => id as string,
)

/**
 * How far a user's history is to be moved up: to begin above the clock and above its own counter.
 * Each revision is moved by the same number, so that their order stays. Locks the user's row first,
 * as every write does.
 */
const lockCounter = statement(
  'history_lock',
  sql`select greatest((${newHistory}) - ${users.history_start}, ${users.revision} - ${users.history_start} + 1)
    from ${users} where ${users.id} = ${owner} for no key update`,
  ([by]) => Number(by),
)
const moveCounter = statement(
  'history_move_user',
  sql`update ${users} set revision = ${users.revision} + ${sql.placeholder('by')}::bigint,
    history_start = ${users.history_start} + ${sql.placeholder('by')}::bigint where ${users.id} = ${owner}`,
  unread,
)
const moveRows = resourceTables.map((table) =>
  statement(
    `history_move_${getTableName(table)}`,
    sql`update ${table} set revision = ${table.revision} + ${sql.placeholder('by')}::bigint
      where ${table.user_id} = ${owner}`,
    unread,
  ),
)

/**
 * Begins every user's history anew, for a database that was restored from a backup: each client is
 * answered 410 `history-gone` once, whatever it has seen, and starts from 0. One transaction for
 * each user, so that it may run beside the service and be repeated.
 *
 * @returns how many users there are.
 */
export async function beginHistoriesAnew(db: Db): Promise<number> {
  let count = 0
  for (let after = ''; ; ) {
    const found = await nextUsers(db, { after })
    for (const user of found)
      await db.transaction(async (tx) => {
        const [by] = await lockCounter(tx, { owner: user })
        if (by === undefined) return
        await moveCounter(tx, { owner: user, by })
        for (const move of moveRows) await move(tx, { owner: user, by })
      })
    count += found.length
    const last = found.at(-1)
    if (last === undefined) return count
    after = last
  }
}
