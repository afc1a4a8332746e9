import { type SQL, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { lists, tasks } from '../db/schema.ts'
import { typed } from '../db/statement.ts'
import { changeManyStatement } from '../resource/change.ts'
import { task } from './fields.ts'

/**
 * What goes to the trash, comes back and is purged along with another row: the parts of a task (`id`), and the tasks of
 * a list (`id`) with their parts. `trashed_with` says with what a task went, so that what was in the trash before is
 * not brought back. For transactions that hold the user's row: the conditions read other rows.
 */

const owner = sql.placeholder('owner')
const id = typed('id', 'uuid')
const parent = alias(tasks, 'parent')

/** Whether there is a parent of the task, of this user, about which a condition is true. */
const hasParent = (condition: SQL) => sql`exists (select from ${tasks} as ${parent}
  where ${parent.user_id} = ${owner} and ${parent.id} = ${tasks.parent_id} and ${condition})`

export const isPartOfIt = sql`${tasks.parent_id} = ${id}`
const isInList = sql`${tasks.list_id} = ${id}`
const parentIsInList = sql`${parent.list_id} = ${id}`
const parentIsAtHand = sql`${parent.deleted_at} is null`

/** Whether the list of a task is at hand. */
export const hasListAtHand = sql`exists (select from ${lists} where ${lists.user_id} = ${owner}
  and ${lists.id} = ${tasks.list_id} and ${lists.deleted_at} is null)`

/** Whether the parent of a task is at hand, and no part itself. */
export const hasWholeAtHand = hasParent(sql`${parentIsAtHand} and ${parent.parent_id} is null`)

/** What a restored task has: a list or a parent that is not at hand any more is forgotten. */
export const restoration = sql`deleted_at = null, trashed_with = null,
  list_id = case when ${hasListAtHand} then ${tasks.list_id} end,
  parent_id = case when ${hasWholeAtHand} then ${tasks.parent_id} end`

/** Whether a task neither takes others along nor refers to others: then its own row is all there is to a change. */
export const isAlone = sql`${tasks.list_id} is null and ${tasks.parent_id} is null and not ${tasks.has_parts}`

const remove = (name: string, by: SQL, condition: SQL) =>
  changeManyStatement(
    name,
    task,
    { in: 'hand', set: sql`deleted_at = now(), trashed_with = ${by}` },
    condition,
    tasks.created_at,
  )
const restore = (name: string, by: SQL, condition: SQL) =>
  changeManyStatement(
    name,
    task,
    { in: 'trash', set: restoration },
    sql`${tasks.trashed_with} = ${by} and ${condition}`,
    tasks.deleted_at,
  )
const purge = (name: string, by: SQL, condition: SQL) =>
  changeManyStatement(
    name,
    task,
    { in: 'trash', set: task.purge, bytes: task.bytes.purged },
    sql`${tasks.trashed_with} = ${by} and ${condition}`,
    tasks.deleted_at,
  )

/** The parts of a task that is changed itself. */
export const partsOfTask = {
  remove: [remove('delete_parts', id, isPartOfIt)],
  restore: [restore('restore_parts', id, isPartOfIt)],
  purge: [purge('purge_parts', id, isPartOfIt)],
}

/** The parts of completed tasks, before these are removed. */
export const removeCompletedParts = remove(
  'delete_completed_parts',
  sql`${tasks.parent_id}`,
  sql`${tasks.parent_id} is not null and ${hasParent(sql`${parentIsAtHand} and ${parent.completed}`)}`,
)

/**
 * The tasks of a list, and their parts, which may be in another list. A part whose parent goes, too, goes with its
 * parent: whoever restores that one alone has its parts again.
 */
export const tasksOfList = {
  remove: [
    remove(
      'delete_parts_of_list',
      sql`${tasks.parent_id}`,
      sql`${tasks.parent_id} is not null and ${hasParent(sql`${parentIsAtHand} and ${parentIsInList}`)}`,
    ),
    remove('delete_tasks_of_list', id, isInList),
  ],
  restore: [
    restore('restore_tasks_of_list', id, isInList),
    restore('restore_parts_of_list', sql`${tasks.parent_id}`, hasParent(sql`${parentIsAtHand} and ${parentIsInList}`)),
  ],
  purge: [
    purge(
      'purge_parts_of_list',
      sql`${tasks.parent_id}`,
      hasParent(sql`${parent.trashed_with} = ${id} and ${parentIsInList} and ${parent.deleted_at} is not null`),
    ),
    purge('purge_tasks_of_list', id, isInList),
  ],
}
