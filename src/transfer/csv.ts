import { CsvError, parse } from 'csv-parse/sync'
import { stringify } from 'csv-stringify/sync'
import { invalid } from '../problem.ts'
import { type Field, isNullable } from '../resource/field.ts'
import type { Kind as FieldKind } from '../resource/kind.ts'
import { fields, type Task } from '../tasks/fields.ts'
import { checkCount, type Entry, MAX_TASKS } from './import.ts'

/** The columns of an export, which are also those that an import knows. */
const COLUMNS = Object.entries(fields).flatMap(([name, field]) =>
  field.by === 'client' || field.isImported ? [name] : [],
)

/** Columns that an import ignores: a table that people made from a JSON export may have them. */
const IGNORED = Object.keys(fields).filter((name) => !COLUMNS.includes(name))

/**
 * Text that a spreadsheet would run as a formula (OWASP, "CSV Injection") gets an apostrophe in
 * front. Text that begins with one before such a character gets another: an import takes one away.
 */
const FORMULA = /^'*[=+\-@\t\r]/
const DEFUSED = /^''*[=+\-@\t\r]/

/** The header line (RFC 4180). */
export const csvHeader = `${COLUMNS.join(',')}\r\n`

/** Lines (RFC 4180). Null is an empty field, an empty text is a quoted one; tags are a JSON array. */
export function csvLines(tasks: readonly Task[]): string {
  return stringify(
    tasks.map((task) => COLUMNS.map((name) => cellOf(name, task[name as keyof Task]))),
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
  const kind: FieldKind | undefined = fields[name as keyof Task]?.kind
  if (value === null || kind === undefined) return value
  // The row has been read by the same field, so its kind takes the value.
  if (kind.toCsv) return kind.toCsv(value as never)
  return kind.isProse ? defuse(value as string) : value
}

/**
 * Reads a table with a header line, by any of the known columns in any order.
 *
 * @throws Problem `validation-failed` that names line and column.
 */
export function readCsv(text: string): Entry[] {
  let records: { record: Record<string, string | null>; info: { lines: number } }[]
  try {
    records = parse(text, {
      bom: true,
      columns: checkHeader,
      info: true,
      skip_empty_lines: true,
      to: MAX_TASKS + 1,
      cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
    }) as unknown as typeof records
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw invalid([{ pointer: '', detail: `line ${error['lines'] ?? 1}: ${MESSAGES[error.code] ?? 'is not CSV'}` }])
  }
  checkCount(records.length)
  return records.map(({ record, info }) => ({
    value: Object.fromEntries(Object.entries(record).flatMap(([name, cell]) => fieldOf(name, cell))),
    place: (pointer) => `line ${info.lines}, column ${pointer.split('/')[1] ?? 'title'}`,
  }))
}

const MESSAGES: Record<string, string> = {
  CSV_QUOTE_NOT_CLOSED: 'a quote is never closed',
  CSV_INVALID_CLOSING_QUOTE: 'text follows a closing quote',
  INVALID_OPENING_QUOTE: 'a quote stands inside of an unquoted field',
  CSV_RECORD_INCONSISTENT_COLUMNS: 'has another number of fields than the first line',
}

function checkHeader(names: string[]): string[] {
  for (const [index, name] of names.entries()) {
    if (![...COLUMNS, ...IGNORED].some((known) => known === name))
      throw invalid([{ pointer: '', detail: `line 1, column ${index + 1}: is not one of ${COLUMNS.join(', ')}` }])
    if (names.indexOf(name) !== index)
      throw invalid([{ pointer: '', detail: `line 1, column ${index + 1}: stands there twice` }])
  }
  if (!names.includes('title')) throw invalid([{ pointer: '', detail: 'line 1: must name the column title' }])
  return names
}

/** A cell as the record's schema expects it; what cannot be read goes on as text, for the schema to refuse. */
function fieldOf(name: string, cell: string | null): [string, unknown][] {
  const field: Field | undefined = fields[name as keyof Task]
  if (field === undefined) return []
  if (cell === null) return field.by === 'client' && field.kind.isProse && !isNullable(field) ? [[name, '']] : []
  const { isProse, fromCsv } = field.kind
  return [[name, fromCsv ? fromCsv(cell) : isProse ? infuse(cell) : cell]]
}

const defuse = (text: string) => (FORMULA.test(text) ? `'${text}` : text)
const infuse = (text: string) => (DEFUSED.test(text) ? text.slice(1) : text)
