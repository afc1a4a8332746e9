import { and, eq, isNull, type SQL, sql } from 'drizzle-orm'
import type { Db } from '../db/open.ts'
import { tasks, users } from '../db/schema.ts'
import { Problem } from '../problem.ts'
import type { Changes, Task } from './model.ts'

/** The columns of a reply, in its order. */
export const reply = {
  id: tasks.id,
  user_id: tasks.user_id,
  title: tasks.title,
  description: tasks.description,
  completed: tasks.completed,
  completed_at: tasks.completed_at,
  priority: tasks.priority,
  due_date: tasks.due_date,
  tags: tasks.tags,
  position: tasks.position,
  revision: tasks.revision,
  created_at: tasks.created_at,
  updated_at: tasks.updated_at,
  deleted_at: tasks.deleted_at,
}

/** A named parameter of a prepared statement, with its type where PostgreSQL cannot tell. */
const param = (name: string) => sql.placeholder(name)
const typed = (name: string, type: string) => sql`${sql.placeholder(name)}::${sql.raw(type)}`

const owner = param('owner')
const id = param('id')

/** What a write may demand of the task as it stands. */
interface Precondition {
  /** `If-Match`: the task must stand at one of these. */
  revisions?: number[] | undefined
}

export type Store = ReturnType<typeof createStore>

/**
 * The statements on tasks, prepared once. Each names the owner in its WHERE. Each write
 * is one statement that locks the user's row first, raises the user's revision and
 * stamps it on the task; when it refuses, it raises nothing.
 */
export function createStore(db: Db) {
  const mine = and(eq(tasks.user_id, owner), eq(tasks.id, id), isNull(tasks.deleted_at))

  const select = db.select(reply).from(tasks).where(mine).prepare('find_task')

  const selectNewest = db
    .select(reply)
    .from(tasks)
    .where(and(eq(tasks.user_id, owner), isNull(tasks.deleted_at)))
    .orderBy(sql`${tasks.created_at} desc, ${tasks.id} desc`)
    .limit(param('limit'))
    .prepare('list_tasks')

  const insert = prepareInsert(db)

  /**
   * A change of one task that is there. `locked` takes the user's row, then the task's,
   * each in its newest state: a statement that waited on the first would otherwise judge
   * the task by a snapshot from before the wait, and raise a revision for nothing.
   */
  function prepareChange(name: string, set: Record<string, SQL>, position: SQL) {
    const revisions = typed('revisions', 'bigint[]')
    const accepted = sql`(${revisions} is null or ${tasks.revision} = any(${revisions}))`
    const locked = db
      .$with('locked')
      .as(db.select({ id: users.id }).from(users).where(eq(users.id, owner)).for('no key update'))
    const found = db.$with('found').as(
      db
        .select({ user_id: tasks.user_id })
        .from(tasks)
        .innerJoin(locked, eq(tasks.user_id, locked.id))
        .where(and(mine, accepted))
        // Locks the task alone: a locking clause leaves out what a WITH query gives (SELECT, "The Locking Clause").
        .for('no key update'),
    )
    const raised = db.$with('raised').as(
      db
        .update(users)
        .set({ revision: sql`${users.revision} + 1`, position })
        .from(found)
        .where(and(eq(users.id, owner), eq(users.id, found.user_id)))
        .returning({ id: users.id, revision: users.revision }),
    )
    return db
      .with(locked, found, raised)
      .update(tasks)
      .set({ ...set, revision: sql`${raised.revision}`, updated_at: sql`now()` })
      .from(raised)
      .where(and(eq(tasks.user_id, owner), eq(tasks.user_id, raised.id), eq(tasks.id, id)))
      .returning(reply)
      .prepare(name)
  }

  const completed = sql`case when ${typed('toggle', 'boolean')} then not ${tasks.completed}
    else coalesce(${typed('completed', 'boolean')}, ${tasks.completed}) end`
  const update = prepareChange(
    'update_task',
    {
      title: sql`coalesce(${typed('title', 'text')}, ${tasks.title})`,
      description: sql`case when ${typed('set_description', 'boolean')} then ${typed('description', 'text')} else ${tasks.description} end`,
      completed,
      completed_at: sql`case when ${completed} then coalesce(${tasks.completed_at}, now()) end`,
      priority: sql`coalesce(${typed('priority', 'doable.task_priority')}, ${tasks.priority})`,
      due_date: sql`case when ${typed('set_due_date', 'boolean')} then ${typed('due_date', 'text')} else ${tasks.due_date} end`,
      tags: sql`coalesce(${typed('tags', 'text[]')}, ${tasks.tags})`,
      position: sql`coalesce(${typed('position', 'double precision')}, ${tasks.position})`,
    },
    sql`greatest(${users.position}, ${typed('position', 'double precision')})`,
  )

  const trash = prepareChange('delete_task', { deleted_at: sql`now()` }, sql`${users.position}`)

  /** Why a write found nothing to change: 412 where the task is there but has moved on, else 404. */
  async function refuse(user: string, task: string, { revisions }: Precondition): Promise<never> {
    const [found] = revisions === undefined ? [] : await select.execute({ owner: user, id: task })
    if (!found) throw new Problem('task-not-found', 'There is no such task.')
    throw new Problem('revision-mismatch', 'The task has been changed since it was read. Please read it again.')
  }

  async function change(user: string, task: string, changes: Changes & { toggle?: boolean }, given: Precondition) {
    const [row] = await update.execute({
      owner: user,
      id: task,
      revisions: accepts(given),
      toggle: changes.toggle ?? false,
      title: changes.title ?? null,
      set_description: changes.description !== undefined,
      description: changes.description ?? null,
      completed: changes.completed ?? null,
      priority: changes.priority ?? null,
      set_due_date: changes.due_date !== undefined,
      due_date: changes.due_date ?? null,
      tags: changes.tags ? arrayLiteral(changes.tags) : null,
      position: changes.position ?? null,
    })
    return row ?? refuse(user, task, given)
  }

  return {
    /** The user's tasks, newest first. */
    list(user: string, limit: number): Promise<Task[]> {
      return selectNewest.execute({ owner: user, limit })
    },

    /**
     * Owner and id share one WHERE: another user's task and a missing one are the same
     * 404, so that ids cannot be probed.
     *
     * @throws Problem `task-not-found`.
     */
    async find(user: string, task: string): Promise<Task> {
      const [row] = await select.execute({ owner: user, id: task })
      if (!row) throw new Problem('task-not-found', 'There is no such task.')
      return row
    },

    /**
     * Makes a task, and the user's row with their first one.
     *
     * @throws Problem `task-exists` when the id is taken, also by a deleted task.
     */
    async create(user: string, task: Changes & { id?: string | undefined; title: string }): Promise<Task> {
      try {
        const [row] = await insert.execute({
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
        if (!row) throw new Error('an insert gave back no row')
        return row
      } catch (error) {
        if (sqlState(error) !== '23505') throw error
        throw new Problem('task-exists', 'You already have a task with this id.', { cause: error })
      }
    },

    /** Changes the given fields. @throws Problem `task-not-found`, `revision-mismatch`. */
    update(user: string, task: string, changes: Changes, given: Precondition = {}): Promise<Task> {
      return change(user, task, changes, given)
    },

    /** Sets `completed`, or turns it over. @throws Problem `task-not-found`, `revision-mismatch`. */
    complete(user: string, task: string, value: boolean | undefined, given: Precondition = {}): Promise<Task> {
      return change(user, task, value === undefined ? { toggle: true } : { completed: value }, given)
    },

    /** Moves a task to the trash. @throws Problem `task-not-found`, `revision-mismatch`. */
    async remove(user: string, task: string, given: Precondition = {}): Promise<void> {
      const [row] = await trash.execute({ owner: user, id: task, revisions: accepts(given) })
      if (!row) await refuse(user, task, given)
    },
  }
}

/** The user's row is made or raised, then the task stands on what that gave back. */
function prepareInsert(db: Db) {
  const given = typed('position', 'double precision')
  // One more, in whole steps while there are any; past 2^53 the next number that there is.
  const next = sql`case when ${users.position} < 9e15 then floor(${users.position}) + 1
    when ${users.position} < 1.7e308 then ${users.position} * 1.0000000000000003 else ${users.position} end`
  const raised = db.$with('raised').as(
    db
      .insert(users)
      .values({ id: owner, revision: 1, position: sql`greatest(0, coalesce(${given}, 1))` })
      .onConflictDoUpdate({
        target: users.id,
        set: {
          revision: sql`${users.revision} + 1`,
          position: sql`greatest(${users.position}, coalesce(${given}, ${next}))`,
        },
      })
      .returning({ id: users.id, revision: users.revision, position: users.position }),
  )
  const completed = typed('completed', 'boolean')
  return db
    .with(raised)
    .insert(tasks)
    .select(
      db
        .select({
          id: sql`${typed('id', 'uuid')}`.as('id'),
          user_id: raised.id,
          title: sql`${typed('title', 'text')}`.as('title'),
          description: sql`${typed('description', 'text')}`.as('description'),
          completed: sql`${completed}`.as('completed'),
          completed_at: sql`case when ${completed} then now() end`.as('completed_at'),
          priority: sql`${typed('priority', 'doable.task_priority')}`.as('priority'),
          due_date: sql`${typed('due_date', 'text')}`.as('due_date'),
          tags: sql`${typed('tags', 'text[]')}`.as('tags'),
          position: sql`coalesce(${given}, ${raised.position})`.as('position'),
          revision: raised.revision,
          created_at: sql`now()`.as('created_at'),
          updated_at: sql`now()`.as('updated_at'),
          deleted_at: sql`null::timestamptz`.as('deleted_at'),
          purged_at: sql`null::timestamptz`.as('purged_at'),
        })
        .from(raised),
    )
    .returning(reply)
    .prepare('create_task')
}

function accepts({ revisions }: Precondition): string | null {
  return revisions === undefined ? null : `{${revisions.join(',')}}`
}

/** An array in PostgreSQL's text form (manual, 8.15.6): both drivers pass text through as it is. */
function arrayLiteral(items: readonly string[]): string {
  return `{${items.map((item) => `"${item.replace(/[\\"]/g, '\\$&')}"`).join(',')}}`
}

/** The SQLSTATE of a database error, under whatever Drizzle has wrapped it in. */
function sqlState(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown }
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code
  }
  return undefined
}
