import { findNodeAtLocation, parseTree } from 'jsonc-parser'
import { findFault } from '../http/json-place.ts'
import { BadFile, type Entry } from './file.ts'

/** A place in the file; both from 1, columns in UTF-16 units, as most editors count. */
export interface Place {
  line: number
  column: number
}

/** @param start where the text begins in the file. @throws BadFile when it is not JSON. */
export function entryOf(text: string, start: Place): Entry {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw malformed(placeIn(text, start, findFault(text)))
  }
  return { value, place: (pointer) => inWords(placeIn(text, start, offsetOf(text, pointer))) }
}

/** Where in the text of a task a value stands: JSON.parse is many times faster than this, but does not tell. */
function offsetOf(text: string, pointer: string): number {
  const path = pointer
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
  const tree = parseTree(text)
  // What is missing has no place of its own: its object has.
  for (let depth = path.length; tree && depth > 0; depth--) {
    const node = findNodeAtLocation(tree, path.slice(0, depth))
    if (node) return node.offset
  }
  return 0
}

function placeIn(text: string, { line, column }: Place, offset: number): Place {
  const before = text.slice(0, offset)
  const last = before.lastIndexOf('\n')
  if (last === -1) return { line, column: column + offset }
  return { line: line + before.split('\n').length - 1, column: offset - last }
}

const inWords = ({ line, column }: Place) => `line ${line}, column ${column}`
export const bad = (pointer: string, place: Place, detail: string) =>
  new BadFile({ pointer, place: inWords(place), detail })
export const malformed = (place: Place) => bad('', place, 'is not well-formed JSON')
