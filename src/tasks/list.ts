import { and, asc, desc, eq, type SQL, sql } from 'drizzle-orm'
import type { Db } from '../db/open.ts'
import { tasks, users } from '../db/schema.ts'
import { arrayLiteral, columnsOf, lazy, ownedIn, ownRows, type Place, param, reply, typed } from '../db/statement.ts'
import type { Cursors, Position } from '../http/cursor.ts'
import type { Task } from './model.ts'
import { type Filters, isFiltered, MAX_PAGE, type PageQuery, type SORTS } from './query.ts'
import { prepareRows, readRevisionAndTask } from './rows.ts'

type Sort = (typeof SORTS)[number] | 'deleted_at'

/** What is listed: the tasks that are there, or those in the trash. */
interface Shape {
  from: Place
  sort: Sort
  descending: boolean
  filtered: boolean
  after: boolean
}

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
  /** How many there are in all, where that was asked for. */
  total: number | undefined
}

export type Lists = ReturnType<typeof createLists>

const owner = param('owner')
const typesOfKeys: Record<Sort, string> = {
  created_at: 'timestamptz',
  updated_at: 'timestamptz',
  deleted_at: 'timestamptz',
  due_date: 'text',
  priority: 'doable.task_priority',
  title: 'text',
  position: 'double precision',
}

/**
 * Lists by keyset: a page starts behind the last task of the one before, wherever tasks
 * have come or gone since. One statement is prepared for each shape that is asked for;
 * there are 104 at most, and each reads one user's part of an index.
 *
 * @param collation for orders and searches that ignore case, by name.
 */
export function createLists(db: Db, cursors: Cursors, collation: string) {
  const prepared = new Map<string, ReturnType<typeof prepareList>>()
  const caseless = (text: SQL | typeof tasks.title | typeof tasks.description) =>
    sql`lower(${text} collate ${sql.identifier(collation)})`

  function listFor(shape: Shape) {
    const name = `list_${Object.values(shape).join('_')}`
    const known = prepared.get(name)
    if (known) return known
    const made = prepareList(name, shape)
    prepared.set(name, made)
    return made
  }

  function prepareList(name: string, { from, sort, descending, filtered, after }: Shape) {
    const direction = descending ? desc : asc
    const key = sortKey(sort, descending, sql`${tasks[sort]}`)
    const start = sortKey(sort, descending, typed('value', typesOfKeys[sort]))
    const page = db
      .select(reply)
      .from(tasks)
      .where(
        and(
          ownedIn(from),
          filtered ? matches() : undefined,
          after
            ? sql`(${key}, ${tasks.id}) ${sql.raw(descending ? '<' : '>')} (${start}, ${typed('id', 'uuid')})`
            : undefined,
        ),
      )
      .orderBy(direction(key), direction(tasks.id))
      .limit(param('limit'))
      .as('page')
    // The user's row comes along in the same snapshot: an ETag newer than its list would hide a change.
    const list = db
      .select({ revision: users.revision, task: columnsOf(page) })
      .from(users)
      .leftJoinLateral(page, sql`true`)
      .where(eq(users.id, owner))
    return prepareRows(db, list, name, readRevisionAndTask)
  }

  /** One non-null expression for each order, so that a page's start is one row comparison. */
  function sortKey(sort: Sort, descending: boolean, value: SQL): SQL {
    // A due date is text in byte order: `~` stands behind them all, nothing stands before them all.
    if (sort === 'due_date') return sql`coalesce(${value}, ${sql.raw(descending ? "''" : "'~'")}) collate "C"`
    return sort === 'title' ? caseless(value) : value
  }

  function matches(): SQL | undefined {
    const like = sql`like ${caseless(typed('text', 'text'))}`
    const unlessGiven = (name: string, type: string, condition: SQL) =>
      sql`(${typed(name, type)} is null or ${condition})`
    return and(
      unlessGiven('completed', 'boolean', sql`${tasks.completed} = ${typed('completed', 'boolean')}`),
      unlessGiven('priorities', 'text[]', sql`${tasks.priority}::text = any(${typed('priorities', 'text[]')})`),
      unlessGiven('tags', 'text[]', sql`${tasks.tags} @> ${typed('tags', 'text[]')}`),
      unlessGiven('due_from', 'text', sql`${tasks.due_date} >= ${typed('due_from', 'text')}`),
      unlessGiven('due_until', 'text', sql`${tasks.due_date} < ${typed('due_until', 'text')}`),
      unlessGiven('text', 'text', sql`(${caseless(tasks.title)} ${like} or ${caseless(tasks.description)} ${like})`),
    )
  }

  // By way of the user's row: a number shows nobody whose tasks were counted, so the owner is compared twice.
  const count = (from: Place, filtered: boolean) =>
    db
      .select({ total: sql<number>`count(*)::int` })
      .from(users)
      .innerJoin(tasks, eq(tasks.user_id, users.id))
      .where(and(eq(users.id, owner), ownedIn(from), filtered ? matches() : undefined))
      .prepare(`count_${from}_${filtered}`)
  const counts = {
    tasks: { plain: lazy(() => count('tasks', false)), filtered: lazy(() => count('tasks', true)) },
    trash: { plain: lazy(() => count('trash', false)), filtered: lazy(() => count('trash', true)) },
  }

  const selectRevision = lazy(() =>
    db
      .select({ user_id: users.id, revision: users.revision })
      .from(users)
      .where(eq(users.id, owner))
      .prepare('revision'),
  )

  return {
    /** The user's counter, by one look at a primary key; 0 before the first write. */
    async revision(user: string): Promise<number> {
      const [row] = ownRows(user, await selectRevision().execute({ owner: user }))
      return row?.revision ?? 0
    },

    /** @throws Problem `validation-failed` for a cursor that is not of this list. */
    async page(
      user: string,
      { from, sort, descending, filters, limit = MAX_PAGE, cursor, count: counted }: ListRequest,
    ): Promise<TaskPage> {
      const scope = JSON.stringify([user, from, sort, descending, filters])
      const start: Position | undefined = cursor === undefined ? undefined : cursors.read(cursor, scope)
      const filtered = isFiltered(filters)
      const values = { owner: user, ...parametersOf(filters) }
      const statement = listFor({ from, sort, descending, filtered, after: start !== undefined })
      const [rows, total] = await Promise.all([
        // One more than asked for, to know whether there is a next page.
        statement.execute({ ...values, limit: limit + 1, value: start?.value ?? null, id: start?.id ?? null }),
        counted ? counts[from][filtered ? 'filtered' : 'plain']().execute(values) : undefined,
      ])
      const found = ownRows(
        user,
        rows.flatMap(({ task }) => (task === null ? [] : [task])),
      )
      const last = found.length > limit ? found[limit - 1] : undefined
      return {
        tasks: found.slice(0, limit),
        revision: rows[0]?.revision ?? 0,
        cursor: last && cursors.write({ value: last[sort], id: last.id }, scope),
        total: total?.[0]?.total,
      }
    },
  }
}

function parametersOf({ completed, priorities, tags, dueFrom, dueUntil, text }: Filters) {
  return {
    completed,
    priorities: priorities && arrayLiteral(priorities),
    tags: tags && arrayLiteral(tags),
    due_from: dueFrom,
    due_until: dueUntil,
    // `%`, `_` and the escape itself are plain characters of a search.
    text: text && `%${text.replace(/[\\%_]/g, '\\$&')}%`,
  }
}
