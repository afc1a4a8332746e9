import { type SQL, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { tasks } from '../db/schema.ts'
import { ownRows, statement } from '../db/statement.ts'
import type { Owner, Work } from '../db/work.ts'
import { fitting } from '../resource/page.ts'
import { csvHeader, csvLines } from './csv.ts'
import { type Task, task } from './fields.ts'
import { readAllLists } from './lists.ts'

/**
 * Rows read at once: on the embedded database others wait for them, some 10 ms. A subquery, which the planner cannot
 * look into: knowing the number, and no statistics of the user, it would sort all of the user's tasks for each page.
 */
const PAGE_ROWS = 250
const LIMIT = sql.raw(`(select ${PAGE_ROWS})`)

export type Format = 'json' | 'csv'

/**
 * At most so many rows, of about 1 MiB: all that an export ever holds. Tombstones come along and are left out here, since
 * the planner takes a condition on them for one that leaves next to nothing, and sorts.
 */
const page = (name: string, behind: SQL) =>
  statement(
    name,
    sql`select ${task.columnsOf('page')}, page.purged_at is not null, page.beyond from (${fitting(
      sql`select ${task.columns}, ${tasks.purged_at}, ${task.bytes.kept} as bytes from ${tasks}
        where ${tasks.user_id} = ${sql.placeholder('owner')} ${behind} order by ${tasks.id} limit ${LIMIT}`,
    )}) as page order by page.id`,
    (cells) => ({
      ...task.read(cells, 0),
      isTombstone: cells.at(-2) as boolean,
      beyond: cells.at(-1) as boolean,
    }),
  )
const first = page('export_first', sql``)
const next = page('export_next', sql`and ${tasks.id} > ${sql.placeholder('after')}`)

/** A page behind the task `after`, and the last id that was read; undefined where nothing is left. */
async function readPage(
  db: Db,
  { id: owner }: Owner,
  after: string | undefined,
): Promise<{ rows: Task[]; last: string | undefined }> {
  const read = ownRows(owner, await (after === undefined ? first(db, { owner }) : next(db, { owner, after })))
  const rows = read.flatMap(({ isTombstone, beyond: _, ...row }) => (isTombstone ? [] : [row]))
  const last = read.at(-1)
  const isFull = read.length === PAGE_ROWS || last?.beyond
  return { rows, last: isFull ? last?.id : undefined }
}

/**
 * Everything of a user that is not gone for good, the trash included: the lists, then the tasks, in the
 * order of ids. Read page by page as the client takes it, so that it neither fills memory nor
 * holds a connection; a task that changes meanwhile comes in one of its states.
 */
export async function* exportTasks(work: Work, user: string, format: Format): AsyncGenerator<string> {
  yield format === 'csv' ? csvHeader : '[\n'
  let separator = ''
  const lists = (await work.goOn(user, readAllLists)).map((list) => ({ kind: 'list', ...list }))
  if (lists.length > 0) {
    yield format === 'csv' ? csvLines(lists) : lists.map((list) => JSON.stringify(list)).join(',\n')
    separator = ',\n'
  }
  let after: string | undefined
  do {
    const { rows, last } = await work.goOn(user, readPage, after)
    after = last
    if (rows.length === 0) continue
    if (format === 'csv') yield csvLines(rows)
    else yield separator + rows.map(written).join(',\n')
    separator = ',\n'
  } while (after !== undefined)
  if (format === 'json') yield '\n]\n'
}

/** Few tasks went to the trash with another: the rest has no member for it. */
function written({ trashed_with, ...task }: Task): string {
  return JSON.stringify(trashed_with === null ? task : { ...task, trashed_with })
}
