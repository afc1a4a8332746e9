import { arrayLiteral } from '../db/statement.ts'
import { isCounted } from '../resource/kind.ts'
import { fields } from './fields.ts'
import type { Row } from './record.ts'

/**
 * Rows and UTF-16 units of JSON in one piece, which is also what one statement inserts: on the embedded database
 * others wait for it, some 10 ms.
 */
export const MAX_ROWS = 250
const MAX_UNITS = 128 * 1024

/** Fast, and an id of 36 characters alone makes the other levels no smaller. */
const LEVEL = { level: 1 } as const

/** Some rows of a file, in its order. */
export interface Piece {
  /** How many there are, and how many of them have no position. */
  readonly rows: number
  readonly unplaced: number
  /** About what they will count against the quota. */
  readonly bytes: number
  /** For `unpack`. */
  readonly packed: Uint8Array
}

/**
 * Checked rows in compressed pieces: they wait for the end of the upload, since the transaction that
 * takes them must not wait for a slow client.
 */
export class HeldRows {
  readonly #pieces: Piece[] = []
  #ids: string[] = []
  #rows: string[] = []
  #unplaced = 0
  #bytes = 0
  #units = 0
  #held = 0
  #length = 0
  #reminds = false
  readonly #idsOnly: boolean

  /** @param idsOnly whether nothing will be inserted, so that of each row its id will do. */
  constructor({ idsOnly }: { idsOnly: boolean }) {
    this.#idsOnly = idsOnly
  }

  /** How many rows there are. */
  get length(): number {
    return this.#length
  }

  /** Whether one of them has a reminder. */
  get reminds(): boolean {
    return this.#reminds
  }

  /** About what they take in memory. */
  get bytes(): number {
    return this.#held + this.#units
  }

  /** @param isNamed whether the file names the id of the row, so that it can be taken already. */
  add(row: Row, { isNamed }: { isNamed: boolean }): void {
    const json = this.#idsOnly ? '' : JSON.stringify(row)
    this.#rows.push(json)
    if (isNamed) this.#ids.push(row.id)
    if (row.position === null) this.#unplaced += 1
    if (row.remind_at !== null) this.#reminds = true
    this.#bytes += bytesOf(row)
    this.#units += json.length + row.id.length
    this.#length += 1
    if (this.#rows.length === MAX_ROWS || this.#units >= MAX_UNITS) this.#pack()
  }

  /** The pieces in their order, for once: lets go of each as it gives it. */
  *take(): Generator<Piece> {
    this.#pack()
    for (let piece = this.#pieces.shift(); piece; piece = this.#pieces.shift()) {
      this.#held -= piece.packed.byteLength
      yield piece
    }
  }

  #pack(): void {
    const rows = this.#rows.length
    if (rows === 0) return
    const text = `${arrayLiteral(this.#ids)}\n[${this.#idsOnly ? '' : this.#rows.join(',')}]`
    const packed = Bun.zstdCompressSync(text, LEVEL)
    this.#pieces.push({ rows, unplaced: this.#unplaced, bytes: this.#bytes, packed })
    this.#held += packed.byteLength
    this.#ids = []
    this.#rows = []
    this.#unplaced = 0
    this.#bytes = 0
    this.#units = 0
  }
}

/** The ids that the file names, as an array in PostgreSQL's text form, and the rows, as a JSON array. */
export function unpack(packed: Uint8Array): { ids: string; rows: string } {
  const text = UTF8.decode(Bun.zstdDecompressSync(packed))
  const end = text.indexOf('\n')
  return { ids: text.slice(0, end), rows: text.slice(end + 1) }
}

/** For whole texts only. A leading U+FEFF stays, though a piece begins with none. */
const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true })

const contents = Object.entries(fields).flatMap(([name, { kind }]) => (isCounted(kind) ? [name as keyof Row] : []))

/** About what a row counts against the quota (`task.bytes`): PostgreSQL's form of an array has quotes around some items. */
function bytesOf(row: Row): number {
  const texts = contents.map((name) => {
    const value = row[name]
    return Array.isArray(value) ? `{${value.join()}}` : String(value ?? '')
  })
  return texts.reduce((bytes, text) => bytes + Buffer.byteLength(text), 300)
}
