import { Type } from '@sinclair/typebox'
import { type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { typed } from '../db/statement.ts'

export const Position = (description: string) =>
  Type.Number({ format: 'double', description, examples: [12], error: 'must be a finite number' })

const given = typed('position', 'double precision')

/** The next position: the next whole number or, where doubles have no whole steps, a slightly greater number. */
const next = (highest: PgColumn) => sql`case when ${highest} < 9e15 then floor(${highest}) + 1
  when ${highest} < 1.7e308 then ${highest} * 1.0000000000000003 else ${highest} end`

/**
 * The expressions for a field `position` that stands, by default, after everything the user has of its kind.
 *
 * @param highest the column of the user's row with the highest position that a row has had.
 */
export function placing(highest: PgColumn): {
  /** The position of a new row. */
  inserted: SQL
  /** What a new row, and a moved one, set in the user's row. */
  user: { inserted: Record<string, SQL>; updated: Record<string, SQL> }
} {
  return {
    inserted: sql`coalesce(${given}, raised.${sql.identifier(highest.name)})`,
    user: {
      inserted: { [highest.name]: sql`greatest(${highest}, coalesce(${given}, ${next(highest)}))` },
      updated: { [highest.name]: sql`greatest(${highest}, ${given})` },
    },
  }
}
