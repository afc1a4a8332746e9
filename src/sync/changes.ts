import { type SQL, sql } from 'drizzle-orm'
import type { Db } from '../db/open.ts'
import { tasks, users } from '../db/schema.ts'
import { ownRows, statement } from '../db/statement.ts'
import type { Owner } from '../db/work.ts'
import { Problem } from '../problem.ts'
import { ALWAYS_FIT, countFitting, fitting } from '../resource/page.ts'
import { type Task, task } from '../tasks/fields.ts'

export interface ChangePage {
  /** In the order of their revisions, each task once, in its latest state. */
  changes: Task[]
  /** What to ask for next: everything up to it has been told. */
  next: number
  /** Whether there is more already. */
  more: boolean
}

/** Reads a page of a user's changes, as `readChanges` does. */
export type ReadChanges = (user: string, since: number | undefined, limit: number) => Promise<ChangePage>

/** Above every revision. */
const NEVER = Number.MAX_SAFE_INTEGER

const rows = (columns: SQL) => sql`select ${columns} from ${tasks}
  where ${tasks.user_id} = ${sql.placeholder('owner')} and ${tasks.revision} > ${sql.placeholder('since')}
  order by ${tasks.revision} limit ${sql.placeholder('limit')}`

const selectFrom = (name: string, beyond: SQL, page: SQL) =>
  statement(
    name,
    sql`select ${users.revision}, ${users.history_start}, ${beyond}, ${task.columnsOf('page')} from ${users}
      left join lateral (${page}) as page on true where ${users.id} = ${sql.placeholder('owner')}`,
    (cells) => ({
      revision: Number(cells[0]),
      start: Number(cells[1]),
      beyond: cells[2] as boolean | null,
      task: cells[3] === null ? null : task.read(cells, 3),
    }),
  )
const selectChanges = selectFrom('changes', sql`null`, rows(task.columns))
const selectFitting = selectFrom(
  'changes_fitting',
  sql`page.beyond`,
  fitting(rows(sql`${task.columns}, ${task.bytes.kept} as bytes`)),
)

/**
 * What has changed since a revision, as far as it fits into a page of `limit` and about 1 MiB. Every write takes
 * its revision under the lock of its user's row, so revisions are committed in their order: a client that has seen
 * one has seen all before it.
 *
 * @param since undefined stands for now: no changes, and `next` where to go on.
 * @throws Problem `history-gone` for a revision of another history than the user's present one.
 */
export async function readChanges(
  db: Db,
  { id: user }: Owner,
  since: number | undefined,
  limit: number,
): Promise<ChangePage> {
  const select = limit > ALWAYS_FIT ? selectFitting : selectChanges
  // One more than asked for, to know whether there is a next page.
  const rows = await select(db, { owner: user, since: since ?? NEVER, limit: limit + 1 })
  const { revision, start } = rows[0] ?? { revision: 0, start: 0 }
  if (since === undefined) return { changes: [], next: revision, more: false }
  if (since > revision || (since > 0 && since < start))
    throw new Problem(
      'history-gone',
      'What you have seen is of a history that is over: forget it, and start from since=0.',
    )
  // SQL promises no order through the join, though PostgreSQL keeps it: sorting here costs less than in the statement.
  const found = rows
    .flatMap(({ task, beyond }) => (task === null ? [] : [{ task, beyond }]))
    .sort((a, b) => a.task.revision - b.task.revision)
  const all = ownRows(
    user,
    found.map(({ task }) => task),
  )
  const changes = all.slice(0, countFitting(found, limit))
  return { changes, next: changes.at(-1)?.revision ?? since, more: found.length > changes.length }
}
