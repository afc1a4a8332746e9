import { type SQL, sql } from 'drizzle-orm'
import { arrayLiteral, type Parameter } from '../db/statement.ts'
import { readTexts, rfc3339 } from '../db/types.ts'

/** How values of one kind are stored, and how they travel. None of its functions meets a null. */
export interface Kind {
  /** The SQL type of a parameter. */
  readonly type: string
  /** A driver's cell as a value; undefined where they are the same. */
  readonly read?: (cell: unknown) => unknown
  /** A value as a parameter; undefined where they are the same. */
  readonly write?: (value: never) => Parameter
  /** Whether it can hold what a user has written: a purge empties it, and it counts against the quota. */
  readonly isContent: boolean
  /** What a purge leaves where the column may not be null. */
  readonly empty?: SQL
  /** Whether a spreadsheet could run the CSV cell as a formula. */
  readonly isProse?: true
  /** A CSV cell as the value that the schema judges; what cannot be read goes on as text. */
  readonly fromCsv?: (cell: string) => unknown
  /** A value as a CSV cell; undefined where CSV's own form will do. */
  readonly toCsv?: (value: never) => string
}

const toNumber = (cell: string) => (cell.trim() === '' ? cell : Number(cell))

export const kinds = {
  uuid: { type: 'uuid', isContent: false },
  /** An id that somebody else has made up. */
  opaque: { type: 'text', isContent: false },
  text: { type: 'text', isContent: true, empty: sql`''`, isProse: true },
  /** A day or an instant in UTC, as text whose byte order is its time order. */
  date: { type: 'text', isContent: true, empty: sql`''` },
  texts: {
    type: 'text[]',
    isContent: true,
    empty: sql`'{}'`,
    read: readTexts,
    write: (value: string[]) => arrayLiteral(value),
    fromCsv: parseOrKeep,
    toCsv: (value: string[]) => JSON.stringify(value),
  },
  boolean: {
    type: 'boolean',
    isContent: false,
    fromCsv: (cell: string) => (cell === 'true' ? true : cell === 'false' ? false : cell),
  },
  priority: { type: 'doable.task_priority', isContent: false },
  double: { type: 'double precision', isContent: false, read: Number, fromCsv: toNumber },
  revision: { type: 'bigint', isContent: false, read: Number, fromCsv: toNumber },
  time: { type: 'timestamptz', isContent: false, read: (cell: unknown) => rfc3339(cell as string) },
} as const satisfies Record<string, Kind>

function parseOrKeep(cell: string): unknown {
  try {
    return JSON.parse(cell)
  } catch {
    return cell
  }
}
