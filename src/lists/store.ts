import { sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { lists, users } from '../db/schema.ts'
import { statement } from '../db/statement.ts'
import type { Owner } from '../db/work.ts'
import { Problem } from '../problem.ts'
import { changeStatement, insertStatement } from '../resource/change.ts'
import { createStore, holdingUser, type Precondition } from '../resource/store.ts'
import { reckonUser } from '../resources.ts'
import { tasksOfList } from '../tasks/along.ts'
import { type Changes, type List, list, MAX_LISTS, positions } from './fields.ts'
import type { NewList } from './model.ts'

const store = createStore(list, 'list', reckonUser)

const insert = insertStatement('create_list', list, list.insert, positions.user.inserted)
const update = {
  in: 'hand',
  change: changeStatement('update_list', list, {
    in: 'hand',
    set: list.update,
    bytes: list.bytes.updated,
    user: positions.user.updated,
  }),
} as const
const remove = {
  in: 'hand',
  change: changeStatement('delete_list', list, { in: 'hand', set: sql`deleted_at = now()` }),
  along: tasksOfList.remove,
} as const
const restore = {
  in: 'trash',
  change: changeStatement('restore_list', list, { in: 'trash', set: sql`deleted_at = null` }),
  along: tasksOfList.restore,
} as const
const purge = {
  in: 'trash',
  change: changeStatement('purge_list', list, { in: 'trash', set: list.purge, bytes: list.bytes.purged }),
  along: tasksOfList.purge,
} as const

/** By way of the user's row: a number shows nobody whose lists were counted, so the owner is compared twice. */
const countLists = statement(
  'count_lists',
  sql`select count(*) from ${users} inner join ${lists} on ${lists.user_id} = ${users.id}
    where ${users.id} = ${sql.placeholder('owner')} and ${list.where('hand')}`,
  ([total]) => Number(total),
)

/**
 * Makes a list.
 *
 * @throws Problem `list-exists` when the id is taken, also by a deleted list; `too-many-lists`, `quota-exceeded`.
 */
export function createList(db: Db, owner: Owner, created: NewList): Promise<List> {
  const id = created.id ?? Bun.randomUUIDv7()
  return withRoom(db, owner, (tx) => store.insertOne(insert, tx, owner, created, { id }))
}

/** Changes the given fields. @throws Problem `list-not-found`, `revision-mismatch`, `quota-exceeded`. */
export function updateList(
  db: Db,
  owner: Owner,
  id: string,
  changes: Changes,
  given: Precondition = {},
): Promise<List> {
  return store.changeOne(update, db, owner, id, given, list.updateParameters(changes))
}

/** Moves a list to the trash, with its tasks and their parts. @throws Problem `list-not-found`, `revision-mismatch`. */
export function removeList(db: Db, owner: Owner, id: string, given: Precondition = {}): Promise<List> {
  return store.changeOne(remove, db, owner, id, given)
}

/**
 * Takes a list out of the trash, with the tasks that went with it.
 *
 * @throws Problem `list-not-found`, `revision-mismatch`, `too-many-lists`.
 */
export function restoreList(db: Db, owner: Owner, id: string, given: Precondition = {}): Promise<List> {
  // Its tasks may remind.
  owner.remind?.(new Date().toISOString())
  return withRoom(db, owner, (tx) => store.changeOne(restore, tx, owner, id, given))
}

/**
 * Empties a list in the trash for good, with the tasks that went with it; tombstones stay for sync.
 *
 * @throws Problem `list-not-found`, `revision-mismatch`.
 */
export function purgeList(db: Db, owner: Owner, id: string, given: Precondition = {}): Promise<List> {
  return store.changeOne(purge, db, owner, id, given)
}

/** Runs what adds a list, and takes it back where it was one too many. */
function withRoom(db: Db, owner: Owner, add: (tx: Db) => Promise<List>): Promise<List> {
  return holdingUser(db, owner, async (tx) => {
    const added = await add(tx)
    const [total = 0] = await countLists(tx, { owner: owner.id })
    if (total > MAX_LISTS)
      throw new Problem('too-many-lists', `You may have ${MAX_LISTS} lists at most. Please delete one first.`)
    return added
  })
}
