import { and, asc, eq, gt, sql } from 'drizzle-orm'
import type { Db } from '../db/open.ts'
import { tasks, users } from '../db/schema.ts'
import { columnsOf, ownRows, reply } from '../db/statement.ts'
import { invalid } from '../problem.ts'
import type { Task } from '../tasks/model.ts'
import { prepareRows, readRevisionAndTask } from '../tasks/rows.ts'

export interface ChangePage {
  /** In the order of their revisions, each task once, in its latest state. */
  changes: Task[]
  /** What to ask for next: everything up to it has been told. */
  next: number
  /** Whether there is more already. */
  more: boolean
}

/** Above every revision. */
const NEVER = Number.MAX_SAFE_INTEGER

export type ReadChanges = ReturnType<typeof createChanges>

/**
 * Reads what has changed since a revision. Every write takes its revision under the lock
 * of its user's row, so revisions are committed in their order: whoever has seen one has
 * seen all before it.
 */
export function createChanges(db: Db) {
  const page = db
    .select(reply)
    .from(tasks)
    .where(and(eq(tasks.user_id, sql.placeholder('owner')), gt(tasks.revision, sql.placeholder('since'))))
    .orderBy(asc(tasks.revision))
    .limit(sql.placeholder('limit'))
    .as('page')
  const latest = db
    .select({ revision: users.revision, task: columnsOf(page) })
    .from(users)
    .leftJoinLateral(page, sql`true`)
    .where(eq(users.id, sql.placeholder('owner')))
  const select = prepareRows(db, latest, 'changes', readRevisionAndTask)

  /**
   * @param since undefined stands for now: no changes, and `next` where to go on.
   * @throws Problem `validation-failed` for a revision that the user has not reached.
   */
  return async (user: string, since: number | undefined, limit: number): Promise<ChangePage> => {
    // One more than asked for, to know whether there is a next page.
    const rows = await select.execute({ owner: user, since: since ?? NEVER, limit: limit + 1 })
    const revision = rows[0]?.revision ?? 0
    if (since === undefined) return { changes: [], next: revision, more: false }
    if (since > revision) throw invalid([{ pointer: '/since', detail: 'lies ahead: start again from 0' }])
    const found = ownRows(
      user,
      rows.flatMap(({ task }) => (task === null ? [] : [task])),
    )
    // They come in this order, though no statement promises it through a join: to sort them there would cost more.
    const changes = found.sort((a, b) => a.revision - b.revision).slice(0, limit)
    return { changes, next: changes.at(-1)?.revision ?? since, more: found.length > limit }
  }
}
