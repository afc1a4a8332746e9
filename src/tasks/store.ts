import { eq, sql } from 'drizzle-orm'
import { accounts } from '../db/account-schema.ts'
import { sqlState } from '../db/errors.ts'
import type { Db } from '../db/open.ts'
import { tasks, users } from '../db/schema.ts'
import { arrayLiteral, lazy, nothingLeft, ownedIn, ownRows, type Place, param, reply } from '../db/statement.ts'
import { Problem } from '../problem.ts'
import { prepareChange, prepareChanges } from './change.ts'
import { prepareInsert } from './insert.ts'
import type { Changes, Task } from './model.ts'
import { prepareRows, readTask } from './rows.ts'
import { prepareUpdate, valuesOf } from './update.ts'

/** What a write may demand of the task as it stands. */
export interface Precondition {
  /** `If-Match`: the task must stand at one of these. */
  revisions?: number[] | undefined
}

export type NewTask = Changes & { id?: string | undefined; title: string }

export type Store = ReturnType<typeof createStore>

/**
 * The statements on tasks, each prepared once. Each names the owner in its WHERE; each
 * write is one statement that raises the user's revision, or refuses and raises nothing.
 *
 * @param changed is told whose tasks have changed, once that is committed.
 */
export function createStore(db: Db, changed: (user: string) => void = () => {}) {
  const select = (place: Place) =>
    prepareRows(
      db,
      db
        .select(reply)
        .from(tasks)
        .where(sql`${ownedIn(place)} and ${eq(tasks.id, param('id'))}`),
      `find_in_${place}`,
      readTask,
    )
  const selectFrom = { tasks: lazy(() => select('tasks')), trash: lazy(() => select('trash')) }

  const insert = lazy(() => prepareInsert(db))
  const update = lazy(() => prepareUpdate(db))
  const remove = lazy(() => prepareChange(db, 'delete_task', { in: 'tasks', set: { deleted_at: sql`now()` } }))
  const restore = lazy(() => prepareChange(db, 'restore_task', { in: 'trash', set: { deleted_at: null } }))
  const purge = lazy(() => prepareChange(db, 'purge_task', { in: 'trash', set: nothingLeft }))
  const removeCompleted = lazy(() =>
    prepareChanges(db, 'delete_completed', { in: 'tasks', set: { deleted_at: sql`now()` } }, eq(tasks.completed, true)),
  )

  /** Why a write found nothing to change: 412 where the task is there but has moved on, else 404. */
  async function refuse(user: string, task: string, place: Place, { revisions }: Precondition): Promise<never> {
    const [found] = revisions === undefined ? [] : await selectFrom[place]().execute({ owner: user, id: task })
    if (found)
      throw new Problem('revision-mismatch', 'The task has been changed since it was read. Please read it again.')
    throw notFound(place)
  }

  async function changeOne(
    statement: ReturnType<typeof prepareChange>,
    user: string,
    task: string,
    place: Place,
    given: Precondition,
    values: Record<string, unknown> = {},
  ): Promise<Task> {
    const rows = await statement.execute({ ...values, owner: user, id: task, revisions: accepted(given) })
    const [row] = ownRows(user, rows)
    if (!row) return refuse(user, task, place, given)
    changed(user)
    return row
  }

  return {
    /**
     * Owner and id share one WHERE: another user's task and a missing one are the same
     * 404, so that ids cannot be probed.
     *
     * @throws Problem `task-not-found`.
     */
    async find(user: string, task: string): Promise<Task> {
      const [row] = ownRows(user, await selectFrom.tasks().execute({ owner: user, id: task }))
      if (!row) throw notFound('tasks')
      return row
    },

    /**
     * Makes a task, and the user's row with their first one.
     *
     * @throws Problem `task-exists` when the id is taken, also by a deleted task.
     */
    async create(user: string, task: NewTask): Promise<Task> {
      const rows = await insert()
        .execute({
          owner: user,
          id: task.id ?? Bun.randomUUIDv7(),
          title: task.title,
          description: task.description ?? null,
          completed: task.completed ?? false,
          priority: task.priority ?? 'medium',
          due_date: task.due_date ?? null,
          tags: arrayLiteral(task.tags ?? []),
          position: task.position ?? null,
        })
        .catch((error: unknown) => {
          if (sqlState(error) !== UNIQUE_VIOLATION) throw error
          throw new Problem('task-exists', 'You already have a task with this id.', { cause: error })
        })
      const [row] = ownRows(user, rows)
      if (!row) throw new Error('an insert gave back no row')
      changed(user)
      return row
    },

    /** Changes the given fields. @throws Problem `task-not-found`, `revision-mismatch`. */
    update(user: string, task: string, changes: Changes, given: Precondition = {}): Promise<Task> {
      return changeOne(update(), user, task, 'tasks', given, valuesOf(changes, false))
    },

    /** Sets `completed`, or turns it over. @throws Problem `task-not-found`, `revision-mismatch`. */
    complete(user: string, task: string, completed: boolean | undefined, given: Precondition = {}): Promise<Task> {
      return changeOne(update(), user, task, 'tasks', given, valuesOf({ completed }, completed === undefined))
    },

    /** Moves a task to the trash. @throws Problem `task-not-found`, `revision-mismatch`. */
    remove(user: string, task: string, given: Precondition = {}): Promise<Task> {
      return changeOne(remove(), user, task, 'tasks', given)
    },

    /** Takes a task out of the trash. @throws Problem `task-not-found`, `revision-mismatch`. */
    restore(user: string, task: string, given: Precondition = {}): Promise<Task> {
      return changeOne(restore(), user, task, 'trash', given)
    },

    /** Empties a task in the trash for good; a tombstone stays for sync. @throws Problem `task-not-found`, `revision-mismatch`. */
    purge(user: string, task: string, given: Precondition = {}): Promise<Task> {
      return changeOne(purge(), user, task, 'trash', given)
    },

    /** Moves all completed tasks to the trash, and says how many. */
    async removeCompleted(user: string): Promise<number> {
      const rows = await removeCompleted().execute({ owner: user, limit: null })
      if (rows.length > 0) changed(user)
      return rows.length
    },

    /**
     * Erases everything that is kept of a user, at once and for good: the account too, if that
     * is wanted. In a transaction, which nobody else's row survives: it is rolled back.
     */
    async erase(user: string, { account = false } = {}): Promise<void> {
      await db.transaction(async (tx) => {
        for (const table of account ? [accounts, users] : [users]) {
          const gone = tx
            .delete(table)
            .where(eq(table.id, param('owner')))
            .returning({ user_id: table.id })
            .prepare(table === users ? 'erase_user' : 'erase_account')
          ownRows(user, await gone.execute({ owner: user }))
        }
      })
      changed(user)
    },
  }
}

const UNIQUE_VIOLATION = '23505'

function accepted({ revisions }: Precondition): string | null {
  return revisions === undefined ? null : `{${revisions.join(',')}}`
}

function notFound(place: Place): Problem {
  return new Problem(
    'task-not-found',
    place === 'tasks' ? 'There is no such task.' : 'There is no such task in the trash.',
  )
}
