import { type SQL, sql } from 'drizzle-orm'
import { arrayLiteral, type Parameter } from '../db/statement.ts'
import { readTexts, rfc3339 } from '../db/types.ts'

/** How values of one kind are stored, sent and exported. Its functions are never given null. */
export interface Kind {
  /** The SQL type of a parameter. */
  readonly type: string
  /** Turns a driver's cell into the value; undefined where they are the same. */
  readonly read?: (cell: unknown) => unknown
  /** Turns a value into a parameter; undefined where they are the same. */
  readonly write?: (value: never) => Parameter
  /** Whether it can hold words that a user has written: a purge empties it, and it counts against the quota. */
  readonly isContent: boolean
  /** Content that is so short that the quota leaves it out. */
  readonly isUncounted?: true
  /** What a purge leaves where the column may not be null. */
  readonly empty?: SQL
  /** Whether a spreadsheet could run the CSV cell as a formula. */
  readonly isProse?: true
  /** Turns a CSV cell into the value that the schema checks. A cell that cannot be read stays text. */
  readonly fromCsv?: (cell: string) => unknown
  /** Turns a value into a CSV cell; undefined where the CSV library's own form will do. */
  readonly toCsv?: (value: never) => string
}

const toNumber = (cell: string) => (cell.trim() === '' ? cell : Number(cell))

export const kinds = {
  uuid: { type: 'uuid', isContent: false },
  /** An id that an issuer has given, such as a user's. */
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
  /** A time that clients write. */
  moment: {
    type: 'timestamptz',
    isContent: true,
    isUncounted: true,
    read: (cell: unknown) => rfc3339(cell as string),
  },
  /** A rule of RFC 5545. */
  rule: { type: 'text', isContent: true },
  /** The name of a time zone. */
  zone: { type: 'text', isContent: true, isUncounted: true, empty: sql`'UTC'` },
  repeatFrom: { type: 'doable.repeat_from', isContent: false },
  time: { type: 'timestamptz', isContent: false, read: (cell: unknown) => rfc3339(cell as string) },
} as const satisfies Record<string, Kind>

function parseOrKeep(cell: string): unknown {
  try {
    return JSON.parse(cell)
  } catch {
    return cell
  }
}

/** A value that has passed the schema of its field, as a parameter. */
export const parameterOf = ({ write }: Kind, value: unknown): Parameter =>
  // The schema has seen to it that the kind takes it.
  value == null ? null : write ? write(value as never) : (value as Parameter)

/** Whether what it holds counts against the quota. */
export const isCounted = ({ isContent, isUncounted }: Kind): boolean => isContent && !isUncounted
