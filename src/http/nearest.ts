/** Characters of a name that is compared: the time grows with the length of both. */
const MAX_LENGTH = 64

/**
 * The known name that was probably meant: one that differs only in case and separators
 * (`dueDate`, `due_date`), the only one that begins so (`prio`), or the nearest by one letter
 * in three, two at most. Undefined where none is near.
 */
export function nearest(name: string, names: readonly string[]): string | undefined {
  if (name.length > MAX_LENGTH) return undefined
  const given = plain(name)
  const same = names.find((known) => plain(known) === given)
  if (same !== undefined) return same
  const ranked = names
    .map((known) => ({ known, steps: distance(given, plain(known)) }))
    .filter(({ steps }) => steps <= Math.min(2, Math.floor(given.length / 3)))
    .sort((a, b) => a.steps - b.steps)
  if (ranked[0]) return ranked[0].known
  const longer = given.length < 3 ? [] : names.filter((known) => plain(known).startsWith(given))
  return longer.length === 1 ? longer[0] : undefined
}

const plain = (name: string) => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')

/** Letters put in, left out, replaced or swapped with their neighbour (optimal string alignment). */
function distance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1]
      const isSwapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      current[column] = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (isSame ? 0 : 1),
        isSwapped ? at(before, column - 2) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    before = last
    last = current
  }
  return at(last, b.length)
}

const at = (row: number[], column: number) => row[column] ?? Number.POSITIVE_INFINITY
