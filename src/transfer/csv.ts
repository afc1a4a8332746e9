import { CsvError, parse } from 'csv-parse/sync'
import { stringify } from 'csv-stringify/sync'
import { invalid } from '../problem.ts'
import type { Task } from '../tasks/model.ts'
import { checkCount, type Entry, MAX_TASKS } from './import.ts'

/** The columns of an export, which are also those that an import knows. */
const COLUMNS = [
  'id',
  'title',
  'description',
  'completed',
  'completed_at',
  'priority',
  'due_date',
  'tags',
  'position',
  'created_at',
  'updated_at',
  'deleted_at',
] as const

/** Exported by nobody, but what a JSON export shows of a task may stand in a table that people made of it. */
const IGNORED = ['user_id', 'revision']

/**
 * Text that a spreadsheet would run as a formula (OWASP, "CSV Injection") is led by an
 * apostrophe, and so is text that already looks as if it were: the way back is exact.
 */
const FORMULA = /^'*[=+\-@\t\r]/
const DEFUSED = /^''*[=+\-@\t\r]/

/** The header line (RFC 4180). */
export const csvHeader = `${COLUMNS.join(',')}\r\n`

/** Lines (RFC 4180). Null is an empty field, an empty text is a quoted one; tags are a JSON array. */
export function csvLines(tasks: readonly Task[]): string {
  return stringify(
    tasks.map((task) => ({
      ...task,
      title: defuse(task.title),
      description: task.description === null ? null : defuse(task.description),
      tags: JSON.stringify(task.tags),
    })),
    {
      columns: [...COLUMNS],
      record_delimiter: '\r\n',
      cast: {
        boolean: String,
        string: (value) => (value === '' ? { value, quoted_empty: true } : value),
      },
    },
  )
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
  if (name === 'title') return [[name, infuse(cell ?? '')]]
  if (cell === null) return []
  if (name === 'description') return [[name, infuse(cell)]]
  if (name === 'completed') return [[name, cell === 'true' ? true : cell === 'false' ? false : cell]]
  if (name === 'position') return [[name, cell.trim() === '' ? cell : Number(cell)]]
  if (name === 'tags') return [[name, parseTags(cell)]]
  return [[name, cell]]
}

function parseTags(cell: string): unknown {
  try {
    return JSON.parse(cell)
  } catch {
    return cell
  }
}

const defuse = (text: string) => (FORMULA.test(text) ? `'${text}` : text)
const infuse = (text: string) => (DEFUSED.test(text) ? text.slice(1) : text)
