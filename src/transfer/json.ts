import { findNodeAtLocation, parseTree, visit } from 'jsonc-parser'
import { lineAndColumn } from '../http/json-place.ts'
import { invalid } from '../problem.ts'
import { checkCount, type Entry } from './import.ts'

/**
 * Reads an array of tasks, as an export holds it.
 *
 * @throws Problem `validation-failed` that names line and column.
 */
export function readJson(text: string): Entry[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw invalid([{ pointer: '', detail: `${placeOfError(text)}: is not well-formed JSON` }])
  }
  if (!Array.isArray(value)) throw invalid([{ pointer: '', detail: 'line 1, column 1: must be an array of tasks' }])
  checkCount(value.length)
  let starts: number[] | undefined
  return value.map((item: unknown, index) => ({
    value: item,
    place: (pointer) => {
      starts ??= startsOf(text)
      return lineAndColumn(text, placeOf(text, starts, index, pointer.split('/').slice(1)))
    },
  }))
}

// Places are looked for only when a file is refused: JSON.parse is many times faster, but gives
// none. A tree of the whole file would take thirty times its size.

/** Where each entry of the array begins. */
function startsOf(text: string): number[] {
  const starts: number[] = []
  let depth = 0
  const value = (offset: number) => {
    if (depth === 1) starts.push(offset)
  }
  const begin = (offset: number) => {
    value(offset)
    depth += 1
  }
  const end = () => {
    depth -= 1
  }
  visit(text, { onObjectBegin: begin, onArrayBegin: begin, onObjectEnd: end, onArrayEnd: end, onLiteralValue: value })
  return starts
}

function placeOf(text: string, starts: readonly number[], index: number, path: string[]): number {
  const start = starts[index] ?? 0
  const tree = parseTree(text.slice(start, starts[index + 1]))
  // A missing member has no place: the place of its object is given.
  for (let depth = path.length; tree && depth >= 0; depth--) {
    const node = findNodeAtLocation(tree, path.slice(0, depth))
    if (node) return start + node.offset
  }
  return start
}

function placeOfError(text: string): string {
  let first = text.length
  visit(
    text,
    {
      onError: (_, offset) => {
        first = Math.min(first, offset)
      },
    },
    { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false },
  )
  return lineAndColumn(text, first)
}
