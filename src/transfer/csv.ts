import { Type } from '@sinclair/typebox'
import { stringify } from 'csv-stringify/sync'
import { fields as fieldsOfLists } from '../lists/fields.ts'
import { client, type Field } from '../resource/field.ts'
import { type Kind as FieldKind, kinds } from '../resource/kind.ts'
import { nullable } from '../resource/schemas.ts'
import { fields as fieldsOfTasks } from './fields.ts'

/** A line is a task, or a list: that one has `kind` and `name`, and no `title`. */
export const fields: Record<string, Field> = {
  ...fieldsOfTasks,
  kind: client(kinds.opaque, nullable(Type.String()), {}),
  name: client(kinds.text, nullable(fieldsOfLists.name.schema), {}),
}

/** The columns of an export, which are also those that an import knows. */
export const COLUMNS: readonly string[] = Object.entries(fields).flatMap(([name, field]) =>
  field.by === 'client' || field.isImported ? [name] : [],
)

/**
 * Text that a spreadsheet would run as a formula (OWASP, "CSV Injection") gets an apostrophe in
 * front. Text that begins with one before such a character gets another: an import takes one away.
 */
const FORMULA = /^'*[=+\-@\t\r]/
const DEFUSED = /^''*[=+\-@\t\r]/

/** The header line (RFC 4180). */
export const csvHeader = `${COLUMNS.join(',')}\r\n`

/** Lines (RFC 4180). Null is an empty field, an empty text is a quoted one; tags are a JSON array. */
export function csvLines(rows: readonly object[]): string {
  return stringify(
    rows.map((row) => COLUMNS.map((name) => cellOf(name, Reflect.get(row, name)))),
    {
      record_delimiter: '\r\n',
      cast: {
        boolean: String,
        string: (value) => {
          if (value === '') return { value, quoted_empty: true }
          // csv-stringify quotes CRLF only: other readers would take a lone line feed for the end of a record.
          return /[\r\n]/.test(value) ? { value, quoted: true } : value
        },
      },
    },
  )
}

function cellOf(name: string, value: unknown): unknown {
  const kind: FieldKind | undefined = fields[name]?.kind
  if (value === null || value === undefined || kind === undefined) return value
  // The row has been read by the same field, so its kind takes the value.
  if (kind.toCsv) return kind.toCsv(value as never)
  return kind.isProse ? defuse(value as string) : value
}

const defuse = (text: string) => (FORMULA.test(text) ? `'${text}` : text)

/** Takes away the apostrophe that `defuse` has put before a text. */
export const infuse = (text: string) => (DEFUSED.test(text) ? text.slice(1) : text)
