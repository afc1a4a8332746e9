import { type Field, isNullable } from '../resource/field.ts'
import { COLUMNS, fields, infuse } from './csv.ts'
import { BadFile, countTasks, type Entry, MAX_RECORD, type Reader } from './file.ts'

/** Columns that an import ignores: a table that people made from a JSON export may have them. */
const IGNORED = Object.keys(fields).filter((name) => !COLUMNS.includes(name))

const [LINE_FEED, RETURN, QUOTE, COMMA] = [0x0a, 0x0d, 0x22, 0x2c]

/** Puts a cell into a record; null is an empty cell without quotes. */
type PutCell = (record: Record<string, unknown>, cell: string | null) => void

/**
 * Reads a table (RFC 4180) with a header line, by any of the known columns in any order. Lines end as the
 * first one does, with CR LF, LF or CR; empty ones are skipped.
 */
export class CsvReader implements Reader {
  #text = ''
  #isOver = false
  /** Where the record under way begins, and how far it has been looked through. */
  #start = 0
  #at = 0
  /** Where the field under way begins. */
  #fieldStart = 0
  #isInQuotes = false
  #lineEnd: string | undefined
  /** Line ends before the record under way, and within it. */
  #linesBefore = 0
  #linesWithin = 0
  #columns: readonly PutCell[] | undefined
  #names: readonly string[] = []
  #count = 0

  get waiting(): number {
    return this.#text.length - this.#start
  }

  feed(piece: string | undefined): void {
    this.#text = this.#text.slice(this.#start) + (piece ?? '')
    this.#at -= this.#start
    this.#fieldStart -= this.#start
    this.#start = 0
    this.#isOver = piece === undefined
  }

  next(): Entry | undefined {
    for (;;) {
      this.#skipEmptyLines()
      const line = this.#linesBefore + 1
      const record = this.#nextRecord()
      if (record === undefined) {
        if (this.#isOver && this.#columns === undefined) throw bad(1, 'must name the column title', 'the file')
        return undefined
      }
      if (record === '') continue
      const cells = cellsOf(record, line)
      if (this.#columns) return this.#entryOf(cells, line)
      this.#names = cells.map((cell) => cell ?? '')
      checkHeader(this.#names, line)
      this.#columns = this.#names.map(putCell)
    }
  }

  #entryOf(cells: readonly (string | null)[], line: number): Entry {
    this.#count += 1
    countTasks(this.#count)
    const columns = this.#columns ?? []
    if (cells.length !== columns.length) throw bad(line, 'has another number of fields than the first line', 'it')
    const value: Record<string, unknown> = {}
    for (const [index, put] of columns.entries()) put(value, cells[index] ?? null)
    if (value['kind'] === 'list' && value['title'] === '') delete value['title']
    return { value, place: (pointer) => `line ${line}, column ${pointer.split('/')[1] ?? 'title'}` }
  }

  /** The text of the next record without its line end; undefined when the rest of it must be fed. */
  #nextRecord(): string | undefined {
    const text = this.#text
    for (let at = this.#at; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code === QUOTE) {
        // Within a field that began without one, a quote means nothing here, and is refused by `cellsOf`.
        if (this.#isInQuotes) this.#isInQuotes = false
        else if (at === this.#fieldStart || text.charCodeAt(at - 1) === QUOTE) this.#isInQuotes = true
      } else if (code === COMMA) {
        if (!this.#isInQuotes) this.#fieldStart = at + 1
      } else if (code === LINE_FEED || code === RETURN) {
        // Whether a line feed follows stands in the next piece.
        if (code === RETURN && at + 1 === text.length && !this.#isOver) return this.#wait(at)
        if (this.#lineEnd === undefined && !this.#isInQuotes)
          this.#lineEnd = code === LINE_FEED ? '\n' : text.charCodeAt(at + 1) === LINE_FEED ? '\r\n' : '\r'
        if (this.#lineEnd !== undefined && text.startsWith(this.#lineEnd, at)) {
          this.#linesWithin += 1
          if (!this.#isInQuotes) return this.#take(at, at + this.#lineEnd.length)
        }
      }
    }
    if (!this.#isOver) return this.#wait(text.length)
    return this.#start < text.length ? this.#take(text.length, text.length) : undefined
  }

  /** Where a record would begin: a file of nothing but these has millions. */
  #skipEmptyLines(): void {
    const end = this.#lineEnd
    if (end === undefined || this.#at > this.#start) return
    let start = this.#start
    for (; this.#text.startsWith(end, start); start += end.length) this.#linesBefore += 1
    if (start > this.#start) this.#begin(start)
  }

  /** @throws BadFile when the record is too large already. */
  #wait(at: number): undefined {
    this.#at = at
    this.#checkSize(at)
    return undefined
  }

  #take(end: number, next: number): string {
    this.#checkSize(end)
    const record = this.#text.slice(this.#start, end)
    this.#begin(next)
    this.#linesBefore += this.#linesWithin
    this.#linesWithin = 0
    return record
  }

  #begin(at: number): void {
    this.#start = at
    this.#at = at
    this.#fieldStart = at
    this.#isInQuotes = false
  }

  #checkSize(end: number): void {
    if (end - this.#start > MAX_RECORD)
      throw bad(this.#linesBefore + 1, `is larger than ${MAX_RECORD / 1024} KiB`, 'the task')
  }
}

/** The cells of a record; null where there is nothing, not even quotes. */
function cellsOf(record: string, line: number): (string | null)[] {
  const cells: (string | null)[] = []
  for (let at = 0; ; ) {
    let end: number
    if (record.charCodeAt(at) === QUOTE) {
      const close = endOfQuotes(record, at)
      if (close === -1) throw bad(line, 'a quote is never closed', '')
      end = close + 1
      if (end < record.length && record.charCodeAt(end) !== COMMA) throw bad(line, 'text follows a closing quote', '')
      cells.push(record.slice(at + 1, close).replaceAll('""', '"'))
    } else {
      const comma = record.indexOf(',', at)
      end = comma === -1 ? record.length : comma
      const cell = record.slice(at, end)
      if (cell.includes('"')) throw bad(line, 'a quote stands inside of an unquoted field', '')
      cells.push(cell === '' ? null : cell)
    }
    if (end === record.length) return cells
    at = end + 1
  }
}

/** Where the quote that begins at `at` is closed, or -1. */
function endOfQuotes(record: string, at: number): number {
  let end = record.indexOf('"', at + 1)
  while (end !== -1 && record.charCodeAt(end + 1) === QUOTE) end = record.indexOf('"', end + 2)
  return end
}

function checkHeader(names: readonly string[], line: number): void {
  for (const [index, name] of names.entries()) {
    const refuse = (detail: string) =>
      new BadFile({ pointer: '', place: `line ${line}, column ${index + 1}`, detail, subject: 'this' })
    if (![...COLUMNS, ...IGNORED].some((known) => known === name)) throw refuse(`is not one of ${COLUMNS.join(', ')}`)
    if (names.indexOf(name) !== index) throw refuse('stands there twice')
  }
  if (!names.includes('title')) throw bad(line, 'must name the column title', 'the file')
}

/** Reads a cell as the record's schema expects it; what cannot be read goes on as text, for the schema to refuse. */
function putCell(name: string): PutCell {
  const field: Field | undefined = fields[name]
  if (field === undefined || !COLUMNS.includes(name)) return () => {}
  const { isProse, fromCsv } = field.kind
  const isNeeded = field.by === 'client' && isProse && !isNullable(field)
  return (record, cell) => {
    if (cell !== null) record[name] = fromCsv ? fromCsv(cell) : isProse ? infuse(cell) : cell
    else if (isNeeded) record[name] = ''
  }
}

const bad = (line: number, detail: string, subject: string) =>
  new BadFile({ pointer: '', place: `line ${line}`, detail, subject })
