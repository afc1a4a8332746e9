import { sql } from 'drizzle-orm'
import { sqlState } from '../db/errors.ts'
import type { Db } from '../db/open.ts'
import { tasks } from '../db/schema.ts'
import { ownRows, type Parameter, type Statement, statement } from '../db/statement.ts'
import { lockUser } from '../db/transaction.ts'
import type { Owner } from '../db/work.ts'
import { Problem } from '../problem.ts'
import {
  changeManyStatement,
  changePiece,
  changeStatement,
  insertStatement,
  type Mark,
  reckonStatement,
} from '../resource/change.ts'
import type { Place } from '../resource/resource.ts'
import { type Changes, completion, positions, type Task, task } from './fields.ts'
import type { NewTask } from './model.ts'

/** What a write may demand of the task's present state. */
export interface Precondition {
  /** `If-Match`: the task must stand at one of these. */
  revisions?: number[] | undefined
}

const find = (place: Place) =>
  statement(
    `find_task_${place}`,
    sql`select ${task.columns} from ${tasks} where ${task.where(place)} and ${tasks.id} = ${sql.placeholder('id')}`,
    (cells) => task.read(cells, 0),
  )
const selectFrom = { hand: find('hand'), trash: find('trash') }

const reckonUser = reckonStatement('reckon_user', task, 'uncounted')
const insert = insertStatement('create_task', task, { position: positions.inserted })
const update = changeStatement('update_task', task, {
  in: 'hand',
  set: task.update,
  bytes: task.bytes.updated,
  user: { position: positions.updated },
})
const complete = changeStatement('complete_task', task, { in: 'hand', set: completion })
const remove = changeStatement('delete_task', task, { in: 'hand', set: sql`deleted_at = now()` })
const restore = changeStatement('restore_task', task, { in: 'trash', set: sql`deleted_at = null` })
const purge = changeStatement('purge_task', task, { in: 'trash', set: task.purge, bytes: task.bytes.purged })
const removeCompleted = changeManyStatement(
  'delete_completed',
  task,
  { in: 'hand', set: sql`deleted_at = now()` },
  sql`${tasks.completed}`,
  tasks.created_at,
)

/**
 * Owner and id share one WHERE: another user's task and a missing one are the same 404, so
 * that ids cannot be probed.
 *
 * @throws Problem `task-not-found`.
 */
export async function findTask(db: Db, { id: owner }: Owner, id: string): Promise<Task> {
  const [row] = ownRows(owner, await selectFrom.hand(db, { owner, id }))
  if (!row) throw notFound('hand')
  return row
}

/**
 * Makes a task and, with a user's first one, the user's row.
 *
 * @throws Problem `task-exists` when the id is taken, also by a deleted task; `quota-exceeded`.
 */
export async function createTask(db: Db, { id: owner, quota }: Owner, created: NewTask): Promise<Task> {
  const id = created.id ?? Bun.randomUUIDv7()
  const values = { ...task.insertParameters(created), owner, id, quota: bytes(quota) }
  const attempt = (on: Db) =>
    insert(on, values).catch((error: unknown) => {
      if (sqlState(error) !== UNIQUE_VIOLATION) throw error
      throw new Problem('task-exists', 'You already have a task with this id.', { cause: error })
    })
  const [made] = ownRows(owner, await attempt(db))
  if (made) return made
  const [row] = ownRows(owner, await withCount(db, owner, attempt))
  if (!row) throw quotaExceeded()
  return row
}

/** Runs what a user without a row, or without a count of bytes, was refused: with both, and with the user's row locked. */
function withCount<T>(db: Db, owner: string, run: (tx: Db) => Promise<T>): Promise<T> {
  return db.transaction(async (tx) => {
    await lockUser(tx, owner, undefined)
    await reckonUser(tx, { owner })
    return await run(tx)
  })
}

/** Changes the given fields. @throws Problem `task-not-found`, `revision-mismatch`, `quota-exceeded`. */
export function updateTask(
  db: Db,
  owner: Owner,
  id: string,
  changes: Changes,
  given: Precondition = {},
): Promise<Task> {
  return changeOne(update, 'hand', db, owner, id, given, { ...task.updateParameters(changes), toggle: false })
}

/** Sets `completed`, or toggles it. @throws Problem `task-not-found`, `revision-mismatch`. */
export function completeTask(
  db: Db,
  owner: Owner,
  id: string,
  completed: boolean | undefined,
  given: Precondition = {},
): Promise<Task> {
  const toggle = completed === undefined
  return changeOne(complete, 'hand', db, owner, id, given, { completed: completed ?? null, toggle })
}

/** Moves a task to the trash. @throws Problem `task-not-found`, `revision-mismatch`. */
export function removeTask(db: Db, owner: Owner, id: string, given: Precondition = {}): Promise<Task> {
  return changeOne(remove, 'hand', db, owner, id, given)
}

/** Takes a task out of the trash. @throws Problem `task-not-found`, `revision-mismatch`. */
export function restoreTask(db: Db, owner: Owner, id: string, given: Precondition = {}): Promise<Task> {
  return changeOne(restore, 'trash', db, owner, id, given)
}

/** Empties a task in the trash for good; a tombstone stays for sync. @throws Problem `task-not-found`, `revision-mismatch`. */
export function purgeTask(db: Db, owner: Owner, id: string, given: Precondition = {}): Promise<Task> {
  return changeOne(purge, 'trash', db, owner, id, given)
}

/**
 * Moves up to `limit` completed tasks to the trash, after a mark. For a transaction that holds the
 * user's row.
 */
export function removeCompletedTasks(tx: Db, { id: owner }: Owner, limit: number, after?: Mark) {
  return changePiece(removeCompleted, tx, { owner, limit }, after)
}

async function changeOne(
  change: Statement<Task>,
  place: Place,
  db: Db,
  { id: owner, quota }: Owner,
  id: string,
  given: Precondition,
  values: Record<string, Parameter> = {},
): Promise<Task> {
  const { revisions } = given
  const accepted = revisions === undefined ? null : `{${revisions.join(',')}}`
  const parameters = { ...values, owner, id, revisions: accepted, quota: bytes(quota) }
  /** Only where nothing was changed does it matter why. Undefined: for want of room, or no longer. */
  const refusal = async (on: Db) => {
    const [found] = ownRows(owner, await selectFrom[place](on, { owner, id }))
    if (!found) return notFound(place)
    if (revisions !== undefined && !revisions.includes(found.revision))
      return new Problem('revision-mismatch', 'The task has been changed since it was read. Please read it again.')
    return undefined
  }
  const [changed] = ownRows(owner, await change(db, parameters))
  if (changed) return changed
  const refused = await refusal(db)
  if (refused) throw refused
  const outcome = await withCount(db, owner, async (tx) => {
    const [row] = ownRows(owner, await change(tx, parameters))
    return row ?? (await refusal(tx)) ?? quotaExceeded()
  })
  // Thrown outside of the transaction, which keeps the count.
  if (outcome instanceof Problem) throw outcome
  return outcome
}

const UNIQUE_VIOLATION = '23505'

/** The quota as PostgreSQL's bigint takes it, which has no infinity. */
const bytes = (quota: number) => Math.min(quota, Number.MAX_SAFE_INTEGER)

function notFound(place: Place): Problem {
  return new Problem(
    'task-not-found',
    place === 'hand' ? 'There is no such task.' : 'There is no such task in the trash.',
  )
}

function quotaExceeded(): Problem {
  return new Problem(
    'quota-exceeded',
    'There is no room left for your tasks. Please delete some, from the trash as well.',
  )
}
