import { is, Placeholder, type Query, type SQL, sql } from 'drizzle-orm'
import { PgDialect, type PgPreparedQuery, type PreparedQueryConfig } from 'drizzle-orm/pg-core'
import type { Db } from './database.ts'

/** What a driver takes for a parameter; arrays and JSON travel as text. */
export type Parameter = string | number | boolean | null

/** A row as the drivers give it: its cells in the order of the statement's columns. */
export type Cells = readonly unknown[]

/** Runs a prepared statement on the database or within a transaction; a parameter that is left out throws. */
export type Statement<Row> = (db: Db, values: Record<string, Parameter>) => Promise<Row[]>

const dialect = new PgDialect()

/**
 * A statement, written once as SQL and prepared on each connection that runs it. `read` reads its
 * rows: Drizzle's own reader looks up each column's type in every row, at some 12 µs a task
 * instead of 3.
 *
 * @param name of the prepared statement; unique in the program.
 */
export function statement<Row>(name: string, text: SQL, read: (cells: Cells) => Row): Statement<Row> {
  let query: Query | undefined
  const readAll = (rows: Cells[]) => rows.map(read)
  const prepared = new WeakMap<object, PgPreparedQuery<PreparedQueryConfig & { execute: Row[] }>>()
  return (db, values) => {
    const { session } = db._
    let known = prepared.get(session)
    if (known === undefined) {
      // At its first use: to write out all of them took a fifth of a start's processor time.
      query ??= withEachParameterOnce(dialect.sqlToQuery(text))
      known = session.prepareQuery(query, undefined, name, true, readAll)
      prepared.set(session, known)
    }
    return known.execute(values)
  }
}

/** For statements of which only the number of rows is used. */
export const unread = (): null => null

/** A named parameter. */
export const param = (name: string): Placeholder => sql.placeholder(name)

/** A named parameter where PostgreSQL cannot tell its type from where it stands. */
export const typed = (name: string, type: string): SQL => sql`${sql.placeholder(name)}::${sql.raw(type)}`

/** Columns, values or conditions of a list. */
export const listed = (parts: readonly SQL[]): SQL => sql.join([...parts], sql`, `)

/** An array of one dimension in PostgreSQL's text form (manual, 8.15.6): both drivers pass text through as it is. */
export function arrayLiteral(items: readonly Parameter[]): string {
  return `{${items.map((item) => (item === null ? 'null' : `"${String(item).replace(/[\\"]/g, '\\$&')}"`)).join(',')}}`
}

/**
 * Compares the owner of each row that a statement has given back, a second time after its WHERE
 * (decision 9). A statement that has lost its owner then causes a 500 and no leak, and rolls back
 * the transaction that it is in.
 *
 * @throws Error for another user's row.
 */
export function ownRows<Row extends { user_id: string }>(owner: string, rows: Row[]): Row[] {
  for (const { user_id } of rows)
    if (user_id !== owner) throw new Error("a statement has given back another user's row")
  return rows
}

/** Drizzle gives each mention of a parameter a number. Here a parameter is sent once, under that of its first mention. */
function withEachParameterOnce({ sql: text, params }: Query): Query {
  const names = params.map((value) => {
    if (!is(value, Placeholder)) throw new Error('a prepared statement holds a value in place of a parameter')
    return value.name
  })
  const distinct = [...new Set(names)]
  return {
    sql: text.replace(/\$(\d+)/g, (_, number) => `$${distinct.indexOf(names[Number(number) - 1] ?? '') + 1}`),
    params: distinct.map((name) => sql.placeholder(name)),
  }
}
