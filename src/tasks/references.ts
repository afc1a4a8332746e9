import { sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { lists, tasks } from '../db/schema.ts'
import { ownRows, statement, typed, unread } from '../db/statement.ts'
import type { Owner } from '../db/work.ts'
import { type Fault, invalid } from '../problem.ts'
import { isPartOfIt } from './along.ts'
import { type Changes, task } from './fields.ts'

const owner = sql.placeholder('owner')
const id = typed('id', 'uuid')
const userOf = ([user_id]: readonly unknown[]) => ({ user_id: user_id as string })

const selectList = statement(
  'referred_list',
  sql`select ${lists.user_id} from ${lists}
    where ${lists.user_id} = ${owner} and ${lists.id} = ${id} and ${lists.deleted_at} is null`,
  userOf,
)
const selectParent = statement(
  'referred_parent',
  sql`select ${tasks.user_id} from ${tasks}
    where ${task.whereRow('hand')} and ${tasks.parent_id} is null`,
  userOf,
)
/** Of a task that has never had a part, no other one is looked at. */
const selectParts = statement(
  'referring_parts',
  sql`select ${tasks.user_id} from ${tasks} where ${task.where('hand')} and ${isPartOfIt} and exists (
    select from ${tasks} as whole where whole.user_id = ${owner} and whole.id = ${id} and whole.has_parts) limit 1`,
  userOf,
)
/** Says that a task has parts. For a transaction that makes one. */
export const markParent = statement(
  'mark_parent',
  sql`update ${tasks} set has_parts = true
    where ${tasks.user_id} = ${owner} and ${tasks.id} = ${id} and not ${tasks.has_parts}`,
  unread,
)

/** The references of a task to be made or changed that need a look at other rows: those that are not null. */
export interface References {
  list_id?: string | null | undefined
  parent_id?: string | null | undefined
}

export const refersToOthers = ({ list_id, parent_id }: Changes): boolean => list_id != null || parent_id != null

/**
 * Checks what a task is to refer to, and marks its parent as one that has parts. For a transaction that holds the
 * user's row and then writes the task: until its end nobody moves what was found to the trash.
 *
 * @param self the task, where it is there already.
 * @throws Problem `validation-failed`. Another user's row is refused as one that is not there.
 */
export async function checkReferences(
  tx: Db,
  { id: user }: Owner,
  self: string | undefined,
  { list_id, parent_id }: References,
): Promise<void> {
  const isThere = async (select: typeof selectList, id: string) =>
    ownRows(user, await select(tx, { owner: user, id })).length > 0
  const faults: Fault[] = []
  if (list_id != null && !(await isThere(selectList, list_id)))
    faults.push({ pointer: '/list_id', detail: 'must be one of your lists that is not in the trash, or null' })
  if (parent_id != null) {
    const detail =
      parent_id === self?.toLowerCase()
        ? 'must be another task'
        : !(await isThere(selectParent, parent_id))
          ? 'must be one of your tasks that is not in the trash and no part itself, or null'
          : self !== undefined && (await isThere(selectParts, self))
            ? 'must be null: the task has parts of its own'
            : undefined
    if (detail !== undefined) faults.push({ pointer: '/parent_id', detail })
  }
  if (faults.length > 0) throw invalid(faults)
  if (parent_id != null) await markParent(tx, { owner: user, id: parent_id })
}
