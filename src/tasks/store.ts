import { sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { tasks } from '../db/schema.ts'
import { typed } from '../db/statement.ts'
import type { Owner } from '../db/work.ts'
import {
  changeAll,
  changeManyStatement,
  changePiece,
  changeStatement,
  insertStatement,
  type Mark,
} from '../resource/change.ts'
import { createStore, holdingUser, type Precondition, type RowChange } from '../resource/store.ts'
import { reckonUser } from '../resources.ts'
import { isAlone, partsOfTask, removeCompletedParts, restoration } from './along.ts'
import { type Changes, completion, positions, type Task, task } from './fields.ts'
import type { NewTask } from './model.ts'
import { checkReferences, refersToOthers } from './references.ts'
import { checkSchedule, createRepetition, isSingle } from './repeat.ts'

export type { Precondition }

const store = createStore(task, 'task', reckonUser)

const hasNoParts = sql`not ${tasks.has_parts}`
const removal = sql`deleted_at = now()`
const emptying = { in: 'trash', set: task.purge, bytes: task.bytes.purged } as const

const insert = insertStatement('create_task', task, task.insert, positions.user.inserted)
/** Tasks without the fields that most of them leave at their defaults. */
const insertPlain = insertStatement('create_plain_task', task, task.plain.insert, positions.user.inserted)
const updating = {
  in: 'hand',
  set: task.update,
  bytes: task.bytes.updated,
  user: positions.user.updated,
} as const
const update = {
  in: 'hand',
  alone: changeStatement('update_task', task, {
    ...updating,
    only: sql`${isSingle} and ${typed('recurrence', 'text')} is null`,
  }),
  change: changeStatement('update_repeating', task, updating),
} as const
const updatePlain = {
  ...update,
  alone: changeStatement('update_plain_task', task, { ...updating, set: task.plain.update, only: isSingle }),
} as const
const complete = {
  in: 'hand',
  alone: changeStatement('complete_task', task, { in: 'hand', only: isSingle, set: completion }),
  change: changeStatement('complete_repeating', task, { in: 'hand', set: completion }),
} as const
const remove = {
  in: 'hand',
  alone: changeStatement('delete_task', task, { in: 'hand', only: hasNoParts, set: removal }),
  change: changeStatement('delete_parent', task, { in: 'hand', set: removal }),
  along: partsOfTask.remove,
} as const
const restore = {
  in: 'trash',
  alone: changeStatement('restore_task', task, { in: 'trash', only: isAlone, set: sql`deleted_at = null` }),
  change: changeStatement('restore_related', task, { in: 'trash', set: restoration }),
  along: partsOfTask.restore,
} as const
const purge = {
  in: 'trash',
  alone: changeStatement('purge_task', task, { ...emptying, only: hasNoParts }),
  change: changeStatement('purge_parent', task, emptying),
  along: partsOfTask.purge,
} as const
const repetition = createRepetition({ store, insert, remove })
const completing: RowChange<Task> = {
  ...complete,
  settle: (tx, owner, before, after) => repetition.settle(tx, owner, before, after, {}),
}
const removeCompleted = (name: string, whose: typeof hasNoParts) =>
  changeManyStatement(name, task, { in: 'hand', set: removal }, sql`${tasks.completed} and ${whose}`, tasks.created_at)
const removeCompletedAlone = removeCompleted('delete_completed', hasNoParts)
const removeCompletedParents = removeCompleted('delete_completed_parents', sql`${tasks.has_parts}`)

/** Says when a task that has been written reminds. */
function noted(owner: Owner, written: Task): Task {
  const { remind_at, reminded_at, completed } = written
  if (remind_at !== null && reminded_at === null && !completed) owner.remind?.(remind_at)
  return written
}

/** @throws Problem `task-not-found`. */
export const findTask = (db: Db, owner: Owner, id: string): Promise<Task> => store.findOne(db, owner, id)

/**
 * Makes a task and, with a user's first one, the user's row. One statement; a transaction where the task refers to
 * others or repeats.
 *
 * @throws Problem `validation-failed` for a list, a parent or a recurrence that cannot be; `task-exists` when the id is taken, also
 * by a deleted task; `quota-exceeded`.
 */
export async function createTask(db: Db, owner: Owner, created: NewTask): Promise<Task> {
  const others = { id: created.id ?? Bun.randomUUIDv7(), series_id: null }
  const isPlain = task.rare.every((name) => created[name] == null)
  if (!refersToOthers(created) && created.recurrence == null)
    return noted(owner, await store.insertOne(isPlain ? insertPlain : insert, db, owner, created, others))
  return await holdingUser(db, owner, async (tx) => {
    checkSchedule(created)
    await checkReferences(tx, owner, undefined, created)
    const made = noted(owner, await store.insertOne(insert, tx, owner, created, others))
    return made.completed ? await repetition.makeNext(tx, owner, made) : made
  })
}

/**
 * Changes the given fields. One statement; a transaction where the task is to refer to others or repeats.
 *
 * @throws Problem `validation-failed` for a list, a parent or a recurrence that cannot be; `task-not-found`, `revision-mismatch`,
 * `quota-exceeded`.
 */
export async function updateTask(
  db: Db,
  owner: Owner,
  id: string,
  changes: Changes,
  given: Precondition = {},
): Promise<Task> {
  const values = { ...task.updateParameters(changes), toggle: false }
  const isPlain = task.rare.every((name) => changes[name] === undefined)
  const change: RowChange<Task> = {
    ...(isPlain ? updatePlain : update),
    settle: (tx, owner, before, after) => repetition.settle(tx, owner, before, after, changes),
  }
  if (!refersToOthers(changes)) return noted(owner, await store.changeOne(change, db, owner, id, given, values))
  return await holdingUser(db, owner, async (tx) => {
    await checkReferences(tx, owner, id, changes)
    return noted(owner, await store.changeOne(change, tx, owner, id, given, values))
  })
}

/**
 * Sets `completed`, or toggles it. One statement; a transaction for a task that repeats, with the next one.
 *
 * @throws Problem `task-not-found`, `revision-mismatch`, `quota-exceeded`.
 */
export async function completeTask(
  db: Db,
  owner: Owner,
  id: string,
  completed: boolean | undefined,
  given: Precondition = {},
): Promise<Task> {
  const toggle = completed === undefined
  return noted(owner, await store.changeOne(completing, db, owner, id, given, { completed: completed ?? null, toggle }))
}

/** Moves a task to the trash, with its parts. @throws Problem `task-not-found`, `revision-mismatch`. */
export function removeTask(db: Db, owner: Owner, id: string, given: Precondition = {}): Promise<Task> {
  return store.changeOne(remove, db, owner, id, given)
}

/**
 * Takes a task out of the trash, with the parts that went with it. A list or a parent that is not at hand any more
 * is forgotten.
 *
 * @throws Problem `task-not-found`, `revision-mismatch`.
 */
export function restoreTask(db: Db, owner: Owner, id: string, given: Precondition = {}): Promise<Task> {
  // Its parts may remind, too.
  owner.remind?.(new Date().toISOString())
  return store.changeOne(restore, db, owner, id, given)
}

/**
 * Empties a task in the trash for good, with the parts that went with it; tombstones stay for sync.
 *
 * @throws Problem `task-not-found`, `revision-mismatch`.
 */
export function purgeTask(db: Db, owner: Owner, id: string, given: Precondition = {}): Promise<Task> {
  return store.changeOne(purge, db, owner, id, given)
}

/**
 * Moves up to `limit` completed tasks that never had parts to the trash, after a mark. For a transaction that holds the
 * user's row.
 */
export function removeCompletedTasks(tx: Db, { id: owner }: Owner, limit: number, after?: Mark) {
  return changePiece(removeCompletedAlone, tx, { owner, limit }, after)
}

/**
 * Moves the other completed tasks to the trash, with their parts. For a transaction that holds the user's row.
 *
 * @returns how many were moved, the parts included.
 */
export async function removeCompletedWithParts(tx: Db, { id: owner }: Owner): Promise<number> {
  const parts = await changeAll(removeCompletedParts, tx, { owner })
  return parts + (await changeAll(removeCompletedParents, tx, { owner }))
}
