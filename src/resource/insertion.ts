import { type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { type Cells, listed, type Parameter, typed } from '../db/statement.ts'
import type { AnswerOf, ChangesOf, Field, Fields } from './field.ts'
import { isCounted, parameterOf } from './kind.ts'
import { newRowReader } from './reader.ts'

/** How a new row is made of what a client sends. */
export interface Insertion<F extends Fields> {
  /** `(title, …) select $title, … from raised`: the columns and the values. */
  readonly values: SQL
  /** The bytes that the row will count against the quota. */
  readonly bytes: SQL
  /** The columns that are given back. */
  readonly returned: SQL
  parameters(sent: ChangesOf<F>): Record<string, Parameter>
  /** Makes the row of the cells that were given back and of what was sent. */
  read(cells: Cells, sent: ChangesOf<F>): AnswerOf<F>
}

/** The bytes that a row counts beside its texts: about what its other columns and its index entries take. */
export const ROW_BYTES = sql.raw('300')

/**
 * Makes new rows. Only what the database makes is given back: the rest of the row is what was sent.
 *
 * @param entries of the fields that are written; the others have their initial values.
 */
export function insertionOf<F extends Fields>(
  fields: F,
  entries: readonly [string, Field][],
  columnOf: (name: string) => PgColumn,
): Insertion<F> {
  const sent = entries.filter(([, field]) => field.by === 'client')
  const values = entries.flatMap(([name, field]) => {
    const value = field.insert ?? (field.by === 'client' ? typed(name, field.kind.type) : undefined)
    return value === undefined ? [] : [{ name, value }]
  })
  const returned = entries.flatMap(([name, { insert }]) => (insert ? [name] : []))
  // One call for all texts: PostgreSQL sets up each call of a function anew whenever the statement runs.
  const contents = sent.flatMap(([name, { kind }]) => (isCounted(kind) ? [typed(name, kind.type)] : []))
  return {
    values: sql`(${listed(values.map(({ name }) => sql`${sql.identifier(name)}`))}) select ${listed(values.map(({ value }) => value))} from raised`,
    bytes: sql`(${ROW_BYTES} + octet_length(concat(${listed(contents)})))`,
    returned: listed(returned.map((name) => sql`${columnOf(name)}`)),
    parameters(given) {
      const parameters: Record<string, Parameter> = {}
      for (const [name, { kind, initial }] of sent) {
        // Each of these is a client's field, of which `given` may have a value.
        const value: unknown = given[name as keyof typeof given]
        parameters[name] = parameterOf(kind, value ?? initial)
      }
      return parameters
    },
    read: newRowReader<F>(
      fields,
      returned,
      sent.map(([name]) => name),
    ),
  }
}
