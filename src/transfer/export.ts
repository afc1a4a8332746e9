import { type SQL, sql } from 'drizzle-orm'
import type { Db } from '../db/open.ts'
import { tasks } from '../db/schema.ts'
import { ownRows, statement } from '../db/statement.ts'
import type { Owner, Work } from '../db/work.ts'
import { type Task, task } from '../tasks/fields.ts'
import { csvHeader, csvLines } from './csv.ts'

/** Tasks read at once: all that an export ever holds. */
const PAGE = sql.raw('500')

export type Format = 'json' | 'csv'

const page = (name: string, behind: SQL) =>
  statement(
    name,
    sql`select ${task.columns} from ${tasks}
      where ${tasks.user_id} = ${sql.placeholder('owner')} and ${tasks.purged_at} is null ${behind}
      order by ${tasks.id} limit ${PAGE}`,
    (cells) => task.read(cells, 0),
  )
const first = page('export_first', sql``)
const next = page('export_next', sql`and ${tasks.id} > ${sql.placeholder('after')}`)

/** A page of everything that is not gone for good, behind the task `after`. */
async function readPage(db: Db, { id: owner }: Owner, after: string | undefined): Promise<Task[]> {
  return ownRows(owner, await (after === undefined ? first(db, { owner }) : next(db, { owner, after })))
}

/**
 * Everything of a user that is not gone for good, the trash included, in the order of
 * ids. Read page by page as the client takes it, so that it neither fills memory nor
 * holds a connection; a task that changes meanwhile comes in one of its states.
 */
export async function* exportTasks(work: Work, user: string, format: Format): AsyncGenerator<string> {
  yield format === 'csv' ? csvHeader : '[\n'
  let after: string | undefined
  for (;;) {
    const rows = await work.goOn(user, readPage, after)
    const separator = after === undefined ? '' : ',\n'
    after = rows.at(-1)?.id
    if (after === undefined) break
    if (format === 'csv') yield csvLines(rows)
    else yield separator + rows.map((row) => JSON.stringify(row)).join(',\n')
  }
  if (format === 'json') yield '\n]\n'
}
