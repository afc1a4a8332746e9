import { ownRows } from '../db/statement.ts'
import type { Work } from '../db/work.ts'
import type { Cursors, Position } from '../http/cursor.ts'
import { MAX_PAGE, type PageQuery } from '../http/query.ts'
import { countFitting, MEASURED_HERE, measure, PAGE_BYTES } from '../resource/page.ts'
import type { Place } from '../resource/resource.ts'
import { bytesOf, type Task } from './fields.ts'
import { type Bound, createListStatements, type PageRow } from './list-statements.ts'
import { createListTerms, parametersOf, type Sort } from './list-terms.ts'
import { type Filters, isFiltered } from './query.ts'
import { countFound, searchTasks } from './search.ts'
import { createSearchStatements } from './search-statements.ts'

export interface ListRequest extends PageQuery {
  from: Place
  sort: Sort
  descending: boolean
  filters: Filters
}

export interface TaskPage {
  tasks: Task[]
  /** The user's revision in the snapshot that the tasks were read in. */
  revision: number
  /** For the next page; undefined on the last. */
  cursor: string | undefined
  /** How many there are in all, where that was asked for or the page is a part of what was asked for. */
  total: number | undefined
  /** Whether the search ended with its time, before the page was full. */
  isPartial: boolean
}

/** A page's tasks, with the position from which the next one starts. */
type Cut = Pick<TaskPage, 'tasks' | 'revision' | 'isPartial'> & { end: Position | undefined }

export type ListTasks = ReturnType<typeof createListTasks>

/** A user with no more than this is searched by one statement, in bytes as the quota counts them. */
const SMALL_USER = 128 * 1024

/** How long a search looks before it answers with what it has found, in milliseconds. */
const SEARCH_MS = 2000

/**
 * Lists by keyset: a page starts behind the last task of the one before, wherever tasks
 * have come or gone since.
 *
 * @param collation for orders and searches that ignore case, by name.
 */
export function createListTasks(cursors: Cursors, collation: string, { searchMs = SEARCH_MS } = {}) {
  const terms = createListTerms(collation)
  const statements = createListStatements(terms)
  const ofSearch = createSearchStatements(terms)

  /** @throws Problem `validation-failed` for a cursor that is not of this list. */
  return async function listTasks(work: Work, user: string, request: ListRequest): Promise<TaskPage> {
    const { from, sort, descending, filters, limit = MAX_PAGE, cursor } = request
    const scope = JSON.stringify([user, from, sort, descending, filters])
    const start = cursor === undefined ? undefined : cursors.read(cursor, scope)
    const filtered = isFiltered(filters)
    const shape = { from, sort, descending, filtered, after: start !== undefined }
    const values = { owner: user, ...parametersOf(filters) }
    // A statement that reads much, sorts, or meets every task, waits for the user's others of that kind.
    const isShort = limit <= MEASURED_HERE && !filtered && (sort === 'created_at' || sort === 'deleted_at')
    const read = isShort ? work.read : work.scan

    const readPage = (bound: Bound) =>
      read(user, (db) =>
        statements.page(shape, bound)(db, {
          ...values,
          small: SMALL_USER,
          // One more than asked for, to know whether there is a next page.
          limit: limit + 1,
          value: start?.value ?? null,
          id: start?.id ?? null,
        }),
      )
    const count = async () => (await work.scan(user, (db) => statements.count(from, filtered)(db, values)))[0]

    const answer = ({ end, ...cut }: Cut, total: number | undefined): TaskPage => ({
      ...cut,
      total,
      cursor: end && cursors.write(end, scope),
    })
    /** Of a list asked for as a whole, a part must say so; whoever follows `Link` knows. */
    const isCounted = ({ end }: Cut) =>
      request.count || (request.limit === undefined && start === undefined && end !== undefined)

    if (filters.text === null) {
      const [rows, counted] = await Promise.all([
        readPage(limit <= MEASURED_HERE ? 'rows' : 'bytes'),
        request.count ? count() : undefined,
      ])
      const cut = cutPage(user, rows, limit, sort)
      return answer(cut, counted ?? (isCounted(cut) ? await count() : undefined))
    }

    const deadline = performance.now() + searchMs
    const rows = await readPage('small user')
    if (!rows[0]?.beyond) {
      const cut = cutPage(user, rows, limit, sort)
      return answer(cut, isCounted(cut) ? await count() : undefined)
    }
    const search = { work, user, statements: ofSearch, values, deadline }
    let bytes = 0
    const { stopped, ...found } = await searchTasks(search, shape, start, limit, (tasks, next) => {
      bytes += bytesOf(next)
      return tasks.length > 0 && bytes > PAGE_BYTES
    })
    const cut = { ...found, end: stopped }
    const all = start === undefined && stopped === undefined ? found.tasks.length : undefined
    return answer(cut, isCounted(cut) && !found.isPartial ? (all ?? (await countFound(search))) : undefined)
  }
}

function cutPage(user: string, rows: readonly PageRow[], limit: number, sort: Sort): Cut {
  const found = rows.flatMap(({ item, beyond }) => (item === null ? [] : [{ item, beyond }]))
  ownRows(
    user,
    found.map(({ item }) => item),
  )
  const measured = measure(found, { beyond: ({ beyond }) => beyond, bytesOf: ({ item }) => bytesOf(item) })
  const tasks = found.slice(0, countFitting(measured, limit)).map(({ item }) => item)
  const last = tasks.length < found.length ? tasks.at(-1) : undefined
  return { tasks, revision: rows[0]?.revision ?? 0, isPartial: false, end: last && { value: last[sort], id: last.id } }
}
