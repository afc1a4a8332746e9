import { and, asc, eq, gt, isNull, type SQL, sql } from 'drizzle-orm'
import type { Db } from '../db/open.ts'
import { tasks } from '../db/schema.ts'
import { lazy, ownRows, reply } from '../db/statement.ts'
import type { InTurn } from '../db/turns.ts'
import type { Task } from '../tasks/model.ts'
import { csvHeader, csvLines } from './csv.ts'

/** Tasks read at once: all that an export ever holds. */
const PAGE = 500

export type Format = 'json' | 'csv'
export type ExportTasks = ReturnType<typeof createExport>

/**
 * Everything of a user that is not gone for good, the trash included, in the order of
 * ids. Read page by page as the client takes it, so that it neither fills memory nor
 * holds a connection; a task that changes meanwhile comes in one of its states.
 */
export function createExport(db: Db, inTurn: InTurn = (_, read) => read()) {
  const page = (name: string, after: SQL | undefined) =>
    db
      .select(reply)
      .from(tasks)
      .where(and(eq(tasks.user_id, sql.placeholder('owner')), isNull(tasks.purged_at), after))
      .orderBy(asc(tasks.id))
      .limit(PAGE)
      .prepare(name)
  const first = lazy(() => page('export_first', undefined))
  const next = lazy(() => page('export_next', gt(tasks.id, sql.placeholder('after'))))

  async function* pages(user: string): AsyncGenerator<Task[]> {
    let rows = await inTurn(user, () => first().execute({ owner: user }))
    for (;;) {
      if (rows.length > 0) yield ownRows(user, rows)
      const last = rows.at(-1)
      if (last === undefined || rows.length < PAGE) return
      const after = last.id
      rows = await inTurn(user, () => next().execute({ owner: user, after }))
    }
  }

  return async function* exportTasks(user: string, format: Format): AsyncGenerator<string> {
    yield format === 'csv' ? csvHeader : '[\n'
    let any = false
    for await (const rows of pages(user)) {
      if (format === 'csv') yield csvLines(rows)
      else yield `${any ? ',\n' : ''}${rows.map((row) => JSON.stringify(row)).join(',\n')}`
      any = true
    }
    if (format === 'json') yield `${any ? '\n' : ''}]\n`
  }
}
