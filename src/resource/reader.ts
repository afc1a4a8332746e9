import type { Cells } from '../db/statement.ts'
import type { AnswerOf, ChangesOf, Fields } from './field.ts'
import type { Kind } from './kind.ts'

/**
 * Reads a row's cells into an object, in the order of the fields. Compiled, as TypeBox compiles
 * its checks: a loop over the fields takes one and a half times as long (13.5 µs for 50 tasks, not 8.5).
 */
export function rowReader<Row>(fields: Fields): (cells: Cells, start: number) => Row {
  const readers = Object.values(fields).map(({ kind }) => kind.read)
  const members = Object.keys(fields).map((name, i) => `${name}: ${cellOf(`start + ${i}`, readers[i], i)}`)
  return new Function('readers', `return (cells, start) => ({ ${members.join(', ')} })`)(readers)
}

/** The same for a new row, of which the database gives back some columns. */
export function newRowReader<F extends Fields>(
  fields: F,
  returned: readonly string[],
  sent: readonly string[],
): (cells: Cells, sent: ChangesOf<F>) => AnswerOf<F> {
  const readers = Object.values(fields).map(({ kind }) => kind.read)
  const initial = Object.values(fields).map((field) => field.initial)
  const members = Object.keys(fields).map((name, i) => {
    const cell = returned.indexOf(name)
    if (cell >= 0) return `${name}: ${cellOf(String(cell), readers[i], i)}`
    if (initial[i] === undefined && !sent.includes(name)) throw new Error(`a new row has no value of ${name}`)
    return `${name}: ${sent.includes(name) ? `sent.${name} ?? ` : ''}initial[${i}]`
  })
  const text = `return (cells, sent) => ({ ${members.join(', ')} })`
  return new Function('readers', 'initial', text)(readers, initial)
}

function cellOf(place: string, read: Kind['read'], reader: number): string {
  const cell = `cells[${place}]`
  return read ? `${cell} === null ? null : readers[${reader}](${cell})` : cell
}
