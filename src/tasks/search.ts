import { arrayLiteral, ownRows, type Parameter } from '../db/statement.ts'
import type { Work } from '../db/work.ts'
import type { Position } from '../http/cursor.ts'
import type { Task } from './fields.ts'
import type { Shape } from './list-terms.ts'
import type { SearchStatements, Standing } from './search-statements.ts'

/** Who searches what, how, and until when. */
export interface Search {
  work: Work
  user: string
  statements: SearchStatements
  values: Record<string, Parameter>
  /** When to stop and answer with what there is, in `performance.now()` milliseconds. */
  deadline: number
}

/** What one statement of a search looks at, at most, in tasks and in bytes of text: some 3 ms of the database's time. */
const PIECE = 1000
const PIECE_BYTES = 128 * 1024

/**
 * Tasks that the next statement measures, after one that looked at so many: those that do not fit are measured
 * in vain. Long texts often stand beside each other.
 */
const nextPiece = (looked: number) => Math.min(PIECE, Math.max(100, 2 * looked))

/**
 * Tasks whose places are read at once in an order without an index: each such statement sorts all of the user's
 * tasks. A title has 800 bytes at most, so they take some 10 MB.
 */
const PLACES = 10_000

/** What came of looking at some tasks, which follow each other in the order of the list. */
interface Look {
  /** Those that match, and where they stand. */
  matches: { task: Task; place: Position }[]
  /** The last that was looked at. */
  last: Position | undefined
  /** Whether nothing comes behind it. */
  isEnd: boolean
  revision: number
}

/**
 * Goes through the tasks in the order of their creation. Each statement is a turn of its own, so that others'
 * work comes between.
 *
 * @param most matches after which a look may end.
 */
async function* lookByIndex(
  { work, user, statements, values }: Search,
  shape: Shape,
  start: Position | undefined,
  most: number,
): AsyncGenerator<Look, void, void> {
  let limit = nextPiece(0)
  for (let at = start; ; ) {
    const look = statements.look({ ...shape, after: at !== undefined })
    const from = { value: at?.value ?? null, id: at?.id ?? null }
    const given = { ...values, ...from, owner: user, limit, bytes: PIECE_BYTES, most }
    const rows = (await work.scan(user, (db) => look(db, given))).flatMap((row) => {
      const { item: task } = row
      return task === null ? [] : [{ ...row, task, place: { value: task.created_at, id: task.id } }]
    })
    ownRows(
      user,
      rows.map(({ task }) => task),
    )
    const final = rows.at(-1)
    at = final?.place
    limit = nextPiece(final?.nth ?? 0)
    yield {
      matches: rows.filter(({ isMatch }) => isMatch),
      last: at,
      isEnd: final === undefined || final.isEnd,
      revision: final?.revision ?? 0,
    }
    if (final === undefined || final.isEnd) return
  }
}

/** Goes through them in another order: first asks where they stand, which reads no text, and then piece by piece. */
async function* lookByPlace(
  { work, user, statements, values }: Search,
  shape: Shape,
  start: Position | undefined,
): AsyncGenerator<Look, void, void> {
  for (let at = start; ; ) {
    const order = statements.order({ ...shape, after: at !== undefined })
    const given = { ...values, owner: user, limit: PLACES, value: at?.value ?? null, id: at?.id ?? null }
    const rows = await work.scan(user, (db) => order(db, given))
    const revision = rows[0]?.revision ?? 0
    const places = ownRows(
      user,
      rows.flatMap(({ item }) => item ?? []),
    )
    at = places.at(-1)
    if (at === undefined) yield { matches: [], last: undefined, isEnd: true, revision }
    for (let from = 0, to = 0; from < places.length; from = to) {
      to = endOfPiece(places, from)
      const piece = places.slice(from, to)
      const ids = arrayLiteral(piece.map(({ id }) => id))
      const tasks = await work.scan(user, (db) => statements.matching(db, { ...values, owner: user, ids }))
      const found = new Map(ownRows(user, tasks).map((task) => [task.id, task]))
      yield {
        matches: piece.flatMap((place) => {
          const task = found.get(place.id)
          return task ? [{ task, place }] : []
        }),
        last: piece.at(-1),
        isEnd: places.length < PLACES && to === places.length,
        revision,
      }
    }
    if (places.length < PLACES) return
  }
}

function endOfPiece(places: readonly Standing[], from: number): number {
  let bytes = 0
  for (let to = from; to < places.length; to++) {
    bytes += places[to]?.bytes ?? 0
    if (to > from && (bytes > PIECE_BYTES || to - from === PIECE)) return to
  }
  return places.length
}

export interface Found {
  tasks: Task[]
  revision: number
  /** The last task that was looked at, whether it is among them or not; undefined: there are no more. */
  stopped: Position | undefined
  /** Whether the time was over before the page was full. */
  isPartial: boolean
}

/**
 * A page of what a search finds behind `start`. Looks at one piece at least, however late it is,
 * so that whoever follows the pages gets to the end.
 *
 * @param limit tasks that the page takes.
 * @param isFull whether a page of these tasks takes no other one, for its bytes.
 */
export async function searchTasks(
  search: Search,
  shape: Shape,
  start: Position | undefined,
  limit: number,
  isFull: (tasks: readonly Task[], next: Task) => boolean,
): Promise<Found> {
  const tasks: Task[] = []
  // Of the oldest snapshot: an ETag newer than any part of the list would hide a change.
  let revision: number | undefined
  let stopped = start
  const looks =
    shape.sort === 'created_at' ? lookByIndex(search, shape, start, limit + 1) : lookByPlace(search, shape, start)
  for await (const look of looks) {
    revision ??= look.revision
    for (const { task, place } of look.matches) {
      if (tasks.length === limit || isFull(tasks, task)) return { tasks, revision, stopped, isPartial: false }
      tasks.push(task)
      stopped = place
    }
    if (look.isEnd) break
    stopped = look.last
    if (performance.now() >= search.deadline) return { tasks, revision, stopped, isPartial: true }
  }
  return { tasks, revision: revision ?? 0, stopped: undefined, isPartial: false }
}

/** How many tasks a search finds in all; undefined where the time is over before that is known. */
export async function countFound({ work, user, statements, values, deadline }: Search): Promise<number | undefined> {
  let total = 0
  let limit = nextPiece(0)
  for (let at: Position | undefined; ; ) {
    const count = statements.countLooked[at === undefined ? 'first' : 'next']
    const from = { value: at?.value ?? null, id: at?.id ?? null }
    const given = { ...values, ...from, owner: user, limit, bytes: PIECE_BYTES }
    const [row] = await work.scan(user, (db) => count(db, given))
    total += row?.total ?? 0
    if (row === undefined || row.isEnd) return total
    if (performance.now() >= deadline) return undefined
    at = row.at
    limit = nextPiece(row.nth)
  }
}
