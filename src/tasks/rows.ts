import type { Query } from 'drizzle-orm'
import type { PgPreparedQuery, PreparedQueryConfig } from 'drizzle-orm/pg-core'
import type { Db } from '../db/open.ts'
import { rfc3339, tasks } from '../db/schema.ts'
import type { Task } from './model.ts'

interface Statement<Rows> {
  execute(values?: Record<string, unknown>): Promise<Rows>
}

/**
 * A statement prepared under `name`, its rows read by `read`. Drizzle's own reading looks
 * up every field's kind and path anew in every row, at some 12 µs a task instead of 3.
 */
export function prepareRows<Row>(
  db: Db,
  query: { toSQL(): Query },
  name: string,
  read: (row: readonly unknown[]) => Row,
): Statement<Row[]> {
  const session = db._.session
  const statement: PgPreparedQuery<PreparedQueryConfig & { execute: Row[] }> = session.prepareQuery(
    query.toSQL(),
    undefined,
    name,
    true,
    (rows) => rows.map(read),
  )
  return statement
}

/**
 * The task whose columns, in the order of `reply`, begin at `start` of a row. Written out,
 * since a loop over the columns would take longer than the rest of a page's way.
 */
export function taskAt(row: readonly unknown[], start: number): Task {
  return {
    id: row[start] as string,
    user_id: row[start + 1] as string,
    title: row[start + 2] as string,
    description: row[start + 3] as string | null,
    completed: row[start + 4] as boolean,
    completed_at: timeOrNull(row[start + 5]),
    priority: row[start + 6] as Task['priority'],
    due_date: row[start + 7] as string | null,
    tags: tasks.tags.mapFromDriverValue(row[start + 8] as string) as string[],
    position: Number(row[start + 9]),
    revision: Number(row[start + 10]),
    created_at: rfc3339(row[start + 11] as string),
    updated_at: rfc3339(row[start + 12] as string),
    deleted_at: timeOrNull(row[start + 13]),
  }
}

const timeOrNull = (value: unknown) => (value === null ? null : rfc3339(value as string))

/** Of rows that are a task and nothing else. */
export const readTask = (row: readonly unknown[]): Task => taskAt(row, 0)

/** Of rows that are a user's revision and a task, or nulls where there is none. */
export function readRevisionAndTask(row: readonly unknown[]): { revision: number; task: Task | null } {
  return { revision: Number(row[0]), task: row[1] === null ? null : taskAt(row, 1) }
}
