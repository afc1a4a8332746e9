import { findNodeAtLocation, type ParseError, parseTree } from 'jsonc-parser'
import { invalid } from '../problem.ts'
import type { Entry } from './import.ts'

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
  return value.map((item: unknown, index) => ({
    value: item,
    place: (pointer) => placeOf(text, [index, ...pointer.split('/').slice(1)]),
  }))
}

/** Only on the way to a refusal: JSON.parse is many times faster, but does not tell where. */
function placeOf(text: string, path: (string | number)[]): string {
  const tree = parseTree(text)
  // What is missing has no place of its own: its object has.
  for (let depth = path.length; tree && depth >= 0; depth--) {
    const node = findNodeAtLocation(tree, path.slice(0, depth))
    if (node) return lineAndColumn(text, node.offset)
  }
  return 'line 1, column 1'
}

function placeOfError(text: string): string {
  const errors: ParseError[] = []
  parseTree(text, errors, { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false })
  return lineAndColumn(text, errors[0]?.offset ?? text.length)
}

function lineAndColumn(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n')
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
}
