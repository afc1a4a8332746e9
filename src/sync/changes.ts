import { type SQL, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { lists, tasks, users } from '../db/schema.ts'
import { ownRows, statement } from '../db/statement.ts'
import type { Owner } from '../db/work.ts'
import { type List, list } from '../lists/fields.ts'
import { Problem } from '../problem.ts'
import { countFitting, fitting, MEASURED_HERE, measure } from '../resource/page.ts'
import { bytesOf, type Task, task } from '../tasks/fields.ts'

export interface ChangePage {
  /** In the order of their revisions, each task once, in its latest state. */
  changes: Task[]
  /** The lists that have changed within the same revisions, likewise. */
  lists: List[]
  /** What to ask for next: everything up to it has been told. */
  next: number
  /** Whether there is more already. */
  more: boolean
}

/** A page, with what events say beside it. */
export interface ToldChanges extends ChangePage {
  /** The tasks among `changes` whose reminder was sent out after `since`; undefined: none. */
  reminded?: ReadonlySet<string>
}

/** Reads a page of a user's changes, as `readChanges` does. */
export type ReadChanges = (user: string, since: number | undefined, limit: number) => Promise<ToldChanges>

/** Above every revision. */
const NEVER = Number.MAX_SAFE_INTEGER

const owner = sql.placeholder('owner')

const rows = (columns: SQL) => sql`select ${columns} from ${tasks}
  where ${tasks.user_id} = ${owner} and ${tasks.revision} > ${sql.placeholder('since')}
  order by ${tasks.revision} limit ${sql.placeholder('limit')}`

/** Most users have no list that has changed: this look into an index spares them a statement. */
const anyList = sql`exists (select from ${lists}
  where ${lists.user_id} = ${owner} and ${lists.revision} > ${sql.placeholder('since')})`

const selectFrom = (name: string, beyond: SQL, page: SQL) =>
  statement(
    name,
    sql`select ${users.revision}, ${users.history_start}, ${anyList}, ${beyond}, page.reminded_revision, ${task.columnsOf('page')} from ${users}
      left join lateral (${page}) as page on true where ${users.id} = ${owner}`,
    (cells) => ({
      revision: Number(cells[0]),
      start: Number(cells[1]),
      hasLists: cells[2] === true,
      beyond: cells[3] as boolean | null,
      reminded: Number(cells[4] ?? 0),
      task: cells[5] === null ? null : task.read(cells, 5),
    }),
  )
const selectChanges = selectFrom('changes', sql`null`, rows(sql`${task.columns}, ${tasks.reminded_revision}`))
const selectFitting = selectFrom(
  'changes_fitting',
  sql`page.beyond`,
  fitting(rows(sql`${task.columns}, ${tasks.reminded_revision}, ${task.bytes.kept} as bytes`)),
)
const selectLists = statement(
  'changes_lists',
  sql`select ${list.columns} from ${lists} where ${lists.user_id} = ${owner}
    and ${lists.revision} > ${sql.placeholder('since')} and ${lists.revision} <= ${sql.placeholder('until')}
    order by ${lists.revision} limit ${sql.placeholder('limit')}`,
  (cells) => list.read(cells, 0),
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
): Promise<ToldChanges> {
  const select = limit > MEASURED_HERE ? selectFitting : selectChanges
  // One more than asked for, to know whether there is a next page.
  const rows = await select(db, { owner: user, since: since ?? NEVER, limit: limit + 1 })
  const { revision, start, hasLists } = rows[0] ?? { revision: 0, start: 0, hasLists: false }
  if (since === undefined) return { changes: [], lists: [], next: revision, more: false }
  if (since > revision || (since > 0 && since < start))
    throw new Problem(
      'history-gone',
      'What you have seen is of a history that is over: forget it, and start from since=0.',
    )
  // SQL promises no order through the join, though PostgreSQL keeps it: sorting here costs less than in the statement.
  const found = rows
    .flatMap(({ task, beyond, reminded }) => (task === null ? [] : [{ task, beyond, reminded }]))
    .sort((a, b) => a.task.revision - b.task.revision)
  const all = ownRows(
    user,
    found.map(({ task }) => task),
  )
  const measured = measure(found, { beyond: ({ beyond }) => beyond, bytesOf: ({ task }) => bytesOf(task) })
  const changes = all.slice(0, countFitting(measured, limit))
  const untold = all[changes.length]
  const reminded = new Set(found.flatMap(({ task, reminded }) => (reminded > since ? [task.id] : [])))
  if (!hasLists)
    return { changes, lists: [], next: changes.at(-1)?.revision ?? since, more: untold !== undefined, reminded }
  // A snapshot of its own, which may be later: a list that has moved beyond the first one's counter comes next time.
  const until = untold === undefined ? revision : untold.revision - 1
  const changed = ownRows(user, await selectLists(db, { owner: user, since, until, limit: limit + 1 }))
  const merged = [...changes, ...changed].map((row) => row.revision).sort((a, b) => a - b)
  const next = merged.slice(0, limit).at(-1) ?? since
  return {
    changes: changes.filter((row) => row.revision <= next),
    lists: changed.filter((row) => row.revision <= next),
    next,
    more: untold !== undefined || merged.length > limit,
    reminded,
  }
}
