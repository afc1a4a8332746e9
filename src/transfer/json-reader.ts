import { countTasks, type Entry, MAX_RECORD, type Reader } from './file.ts'
import { bad, entryOf, malformed, type Place } from './json-entry.ts'

/** Levels of nesting, the array of tasks included: no task needs more, and recursive code stays within its stack. */
const MAX_DEPTH = 32

/** Commas and brackets in one task, which needs some 40 at most: JSON.parse takes up to 77 bytes for each. */
const MAX_MARKS = 1000

const [TAB, LINE_FEED, RETURN, SPACE] = [0x09, 0x0a, 0x0d, 0x20]
const [QUOTE, COMMA, BACKSLASH] = [0x22, 0x2c, 0x5c]
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]

/** The characters that a JSON value can begin with (RFC 8259, 3). */
const VALUE = /[{"tfn\-\d]/

/**
 * Reads an array of tasks, as an export holds it. Finds where each task begins and ends, by quotes and
 * brackets alone, and bounds its depth and size; only then does JSON.parse see it.
 */
export class JsonReader implements Reader {
  #piece = ''
  #at = 0
  #isOver = false
  #line = 1
  /** Where the line under way begins: an offset into the piece, negative where it began in an earlier one. */
  #lineStart = 0
  #expects: 'array' | 'first' | 'value' | 'rest' | 'comma' | 'nothing' = 'array'
  #count = 0
  /** Of the task under way: what earlier pieces had of it, where it begins, and in the piece. */
  #text = ''
  #place: Place = { line: 1, column: 1 }
  #start = 0
  #depth = 0
  #marks = 0
  #isInString = false
  #isEscaped = false

  get waiting(): number {
    return this.#text.length
  }

  feed(piece: string | undefined): void {
    this.#lineStart -= this.#at
    this.#at = 0
    this.#start = 0
    this.#piece = piece ?? ''
    this.#isOver = piece === undefined
  }

  next(): Entry | undefined {
    for (;;) {
      if (this.#expects === 'rest') {
        const entry = this.#readRest()
        if (entry) return entry
      }
      this.#skipSpace()
      const code = this.#piece.charCodeAt(this.#at)
      if (Number.isNaN(code)) {
        if (this.#isOver && this.#expects !== 'nothing') throw malformed(this.#placeHere())
        return undefined
      }
      this.#readMark(code)
    }
  }

  /** What stands between tasks, and the first character of a task. */
  #readMark(code: number): void {
    const expects = this.#expects
    if (expects === 'array' && code !== OPEN_ARRAY) {
      const isValue = VALUE.test(String.fromCharCode(code))
      throw isValue ? bad('', this.#placeHere(), 'must be an array of tasks') : malformed(this.#placeHere())
    }
    if (expects === 'first' ? code !== CLOSE_ARRAY : expects === 'value' && code !== CLOSE_ARRAY && code !== COMMA) {
      this.#begin()
      return
    }
    if (expects === 'array') this.#expects = 'first'
    else if (code === CLOSE_ARRAY && (expects === 'first' || expects === 'comma')) this.#expects = 'nothing'
    else if (code === COMMA && expects === 'comma') this.#expects = 'value'
    else throw malformed(this.#placeHere())
    this.#at += 1
  }

  #begin(): void {
    countTasks(this.#count + 1)
    this.#expects = 'rest'
    this.#text = ''
    this.#place = this.#placeHere()
    this.#start = this.#at
    this.#depth = 1
    this.#marks = 0
    this.#isInString = false
    this.#isEscaped = false
  }

  /** The task under way, once its end is found. */
  #readRest(): Entry | undefined {
    const end = this.#findEnd()
    const text = this.#text + this.#piece.slice(this.#start, end ?? this.#at)
    if (text.length > MAX_RECORD) throw bad(`/${this.#count}`, this.#place, `is larger than ${MAX_RECORD / 1024} KiB`)
    if (end === undefined && !this.#isOver) {
      this.#text = text
      this.#start = this.#at
      return undefined
    }
    this.#text = ''
    this.#count += 1
    this.#expects = 'comma'
    return entryOf(text, this.#place)
  }

  /** Where in the piece the task under way ends, or undefined when it goes on behind the piece. */
  #findEnd(): number | undefined {
    const piece = this.#piece
    for (let at = this.#at; at < piece.length; at++) {
      const code = piece.charCodeAt(at)
      if (this.#isInString) {
        if (this.#isEscaped) this.#isEscaped = false
        else if (code === BACKSLASH) this.#isEscaped = true
        else if (code === QUOTE) {
          this.#isInString = false
          if (this.#depth === 1) return this.#endAt(at + 1)
        } else if (code < SPACE) throw malformed(this.#placeAt(at))
      } else if (code === QUOTE) this.#isInString = true
      else if (code === OPEN_OBJECT || code === OPEN_ARRAY) this.#open()
      else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
        // The array's own bracket, or a wrong one, ends a number or a word.
        if (this.#depth === 1) return this.#endAt(at)
        this.#depth -= 1
        if (this.#depth === 1) return this.#endAt(at + 1)
      } else if (code === COMMA) {
        if (this.#depth === 1) return this.#endAt(at)
        this.#mark()
      } else if (this.#depth === 1 && isSpace(code)) return this.#endAt(at)
      else if (code === LINE_FEED) this.#breakLine(at)
    }
    this.#at = piece.length
    return undefined
  }

  #endAt(at: number): number {
    this.#at = at
    return at
  }

  #open(): void {
    this.#depth += 1
    if (this.#depth > MAX_DEPTH) throw bad(`/${this.#count}`, this.#place, `is nested deeper than ${MAX_DEPTH} levels`)
    this.#mark()
  }

  #mark(): void {
    this.#marks += 1
    if (this.#marks > MAX_MARKS) throw bad(`/${this.#count}`, this.#place, `has more than ${MAX_MARKS} values`)
  }

  #skipSpace(): void {
    const piece = this.#piece
    for (let at = this.#at; ; at++) {
      const code = piece.charCodeAt(at)
      if (code === LINE_FEED) this.#breakLine(at)
      else if (!isSpace(code)) {
        this.#at = at
        return
      }
    }
  }

  #breakLine(at: number): void {
    this.#line += 1
    this.#lineStart = at + 1
  }

  #placeHere(): Place {
    return this.#placeAt(this.#at)
  }

  #placeAt(at: number): Place {
    return { line: this.#line, column: at - this.#lineStart + 1 }
  }
}

const isSpace = (code: number) => code === SPACE || code === LINE_FEED || code === RETURN || code === TAB
