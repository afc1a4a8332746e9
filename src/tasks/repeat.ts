import { sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { tasks } from '../db/schema.ts'
import { ownRows, statement, typed, unread } from '../db/statement.ts'
import type { Owner } from '../db/work.ts'
import { invalid } from '../problem.ts'
import { hasOccurrence, nextOf, sameDistance, shiftedDate } from '../recurrence/next.ts'
import { readRule } from '../recurrence/rule.ts'
import { changeAll, changeManyStatement, changeStatement, type Insert } from '../resource/change.ts'
import type { RowChange, Store } from '../resource/store.ts'
import { isPartOfIt, restoration } from './along.ts'
import { type Changes, positions, type Task, task } from './fields.ts'
import { markParent } from './references.ts'

const owner = sql.placeholder('owner')
const id = typed('id', 'uuid')
const series = typed('series_id', 'uuid')
const isIt = sql`${tasks.user_id} = ${owner} and ${tasks.id} = ${id}`
const userOf = ([user_id]: readonly unknown[]) => ({ user_id: user_id as string })

/** Tasks whose completion is more than a change of their own row. */
export const isSingle = sql`${tasks.recurrence} is null and ${tasks.next_task_id} is null`

/** Wherever it is, a tombstone included. */
const selectAnywhere = statement(
  'find_next_task',
  sql`select ${tasks.purged_at} is not null, ${task.columns} from ${tasks} where ${isIt}`,
  (cells) => ({ isTombstone: cells[0] === true, ...task.read(cells, 1) }),
)
const deleteTombstone = statement(
  'delete_next_tombstone',
  sql`delete from ${tasks} where ${isIt} and ${tasks.purged_at} is not null`,
  unread,
)
/** Nobody has changed it, or its parts, since completing its predecessor has made it: a reminder is no change. */
const selectUntouched = statement(
  'untouched_next_task',
  sql`select ${tasks.user_id} from ${tasks} where ${isIt} and ${tasks.updated_at} = ${tasks.created_at}
    and not ${tasks.completed} and not (${tasks.has_parts} and exists (
      select from ${tasks} as part where part.user_id = ${owner} and part.parent_id = ${id} and part.deleted_at is null
        and (part.updated_at <> part.created_at or part.created_at <> ${tasks.created_at})))`,
  userOf,
)
/** The parts that a next task has, too. One that repeats itself, and has been completed, is followed by another part. */
const selectParts = statement(
  'parts_to_copy',
  sql`select ${task.columns} from ${tasks} where ${task.where('hand')} and ${isPartOfIt}
    and ${tasks.next_task_id} is null and exists (
      select from ${tasks} as whole where whole.user_id = ${owner} and whole.id = ${id} and whole.has_parts)
    order by ${tasks.position}, ${tasks.id}`,
  (cells) => task.read(cells, 0),
)
/** For a task that the same transaction has changed: it has its revision already. */
const link = statement(
  'link_next_task',
  sql`update ${tasks} set series_id = ${series}, next_task_id = ${typed('next_task_id', 'uuid')} where ${isIt}
    returning ${task.columns}`,
  (cells) => task.read(cells, 0),
)
/** As if it were made now, so that nobody seems to have changed it. */
const reviveNext = changeStatement('revive_next_task', task, {
  in: 'trash',
  set: sql`${task.update}, deleted_at = null, trashed_with = null, created_at = now(), series_id = ${series},
    next_task_id = null`,
  bytes: task.bytes.updated,
  user: positions.user.updated,
})
const reviveParts = changeManyStatement(
  'revive_next_parts',
  task,
  { in: 'trash', set: sql`${restoration}, created_at = now()` },
  sql`${tasks.trashed_with} = ${id} and ${isPartOfIt}`,
  tasks.deleted_at,
)

interface Needs {
  store: Pick<Store<Task>, 'insertOne' | 'changeOne'>
  insert: Insert<Changes, Task>
  remove: RowChange<Task>
}

/**
 * What tasks that repeat need beside their own row. All of it is for transactions that hold the user's row and have
 * written the task itself.
 */
export function createRepetition({ store, insert, remove }: Needs) {
  /** Makes a task, or brings back what is in the trash under its id. What is there already stays. */
  async function ensure(tx: Db, user: Owner, id: string, seriesId: string | null, content: Changes): Promise<void> {
    if (content.remind_at) user.remind?.(content.remind_at)
    const [found] = ownRows(user.id, await selectAnywhere(tx, { owner: user.id, id }))
    if (found && !found.isTombstone) {
      if (found.deleted_at === null) return
      const values = { ...task.updateParameters({ ...content, completed: false }), toggle: false, series_id: seriesId }
      await store.changeOne({ in: 'trash', change: reviveNext }, tx, user, id, {}, values)
      await changeAll(reviveParts, tx, { owner: user.id, id })
      return
    }
    if (found) await deleteTombstone(tx, { owner: user.id, id })
    await store.insertOne(insert, tx, user, content, { id, series_id: seriesId })
  }

  /** Open copies of a task's parts, as far from the next due date as they were from its own. */
  async function copyParts(tx: Db, user: Owner, done: Task, nextId: string, due: string): Promise<void> {
    const parts = ownRows(user.id, await selectParts(tx, { owner: user.id, id: done.id }))
    for (const part of parts) {
      const { due_date, remind_at } = part
      const shifted = (date: string | null) =>
        date && done.due_date && (shiftedDate(date, done.due_date, due, done.time_zone) ?? null)
      await ensure(tx, user, Bun.randomUUIDv5(part.id, nextId), null, {
        ...contentOf(part),
        position: part.position,
        parent_id: nextId,
        due_date: shifted(due_date),
        remind_at: shifted(remind_at),
      })
    }
    if (parts.length > 0) await markParent(tx, { owner: user.id, id: nextId })
  }

  /**
   * Makes the task that follows one that has been completed, unless it has one or its rule is over.
   *
   * Its id is UUID version 5 (RFC 9562, 5.5) of the completed task's id, in the namespace of the series: whoever
   * completes the same task, on whatever day, gives the next one the same id.
   *
   * @throws Problem `quota-exceeded`.
   */
  async function makeNext(tx: Db, user: Owner, done: Task): Promise<Task> {
    const { recurrence, due_date, next_task_id } = done
    if (recurrence === null || due_date === null || next_task_id !== null) return done
    const next = nextOf({ ...done, recurrence, due_date }, Date.now())
    if (next === undefined) return done
    const seriesId = done.series_id ?? done.id
    const nextId = Bun.randomUUIDv5(done.id, seriesId)
    await ensure(tx, user, nextId, seriesId, {
      ...contentOf(done),
      ...next,
      parent_id: done.parent_id,
      remind_at: done.remind_at && (sameDistance(done.remind_at, due_date, next.due_date, done.time_zone) ?? null),
    })
    await copyParts(tx, user, done, nextId, next.due_date)
    return await linked(tx, user, done, seriesId, nextId)
  }

  /** Moves the next task to the trash, unless somebody has changed it: then it stays this one's next. */
  async function takeBackNext(tx: Db, user: Owner, open: Task): Promise<Task> {
    if (open.next_task_id === null) return open
    const next = { owner: user.id, id: open.next_task_id }
    const [found] = ownRows(user.id, await selectAnywhere(tx, next))
    if (found?.deleted_at === null) {
      if (ownRows(user.id, await selectUntouched(tx, next)).length === 0) return open
      await store.changeOne(remove, tx, user, next.id, {})
    }
    return await linked(tx, user, open, open.series_id, null)
  }

  async function linked(tx: Db, user: Owner, { id }: Task, seriesId: string | null, nextId: string | null) {
    const [row] = ownRows(user.id, await link(tx, { owner: user.id, id, series_id: seriesId, next_task_id: nextId }))
    if (!row) throw new Error('the transaction does not hold the row of its user')
    return row
  }

  return {
    makeNext,

    /** Does what follows from a change of a task. @throws Problem `validation-failed`, `quota-exceeded`. */
    async settle(tx: Db, user: Owner, before: Task, after: Task, changes: Changes): Promise<Task> {
      checkSchedule(after, before, changes)
      if (before.completed === after.completed) return after
      return await (after.completed ? makeNext : takeBackNext)(tx, user, after)
    },
  }
}

/** What a next task takes over as it is. */
function contentOf({
  title,
  description,
  priority,
  tags,
  list_id,
  recurrence,
  repeat_from,
  time_zone,
}: Task): Changes & {
  title: string
} {
  return { title, description, priority, tags, list_id, recurrence, repeat_from, time_zone }
}

type Schedule = Pick<Changes, 'recurrence' | 'due_date' | 'time_zone'>

/**
 * Checks a task's rule beside its due date: the result of a change, since a client may send only one of them. A rule
 * that was there before may be over.
 *
 * @throws Problem `validation-failed`.
 */
export function checkSchedule(task: Schedule, before?: Schedule, changes: Schedule = task): void {
  const { recurrence, due_date, time_zone = 'UTC' } = task
  if (recurrence == null) return
  if (due_date == null)
    throw invalid([
      before && changes.due_date === null
        ? { pointer: '/due_date', detail: 'must not be null as long as the task has a recurrence' }
        : { pointer: '/recurrence', detail: 'needs a due_date' },
    ])
  if (recurrence !== before?.recurrence && !hasOccurrence(readRule(recurrence), due_date, time_zone))
    throw invalid([{ pointer: '/recurrence', detail: 'has no occurrence from the due_date on' }])
}
