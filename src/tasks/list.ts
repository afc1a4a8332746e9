import { type SQL, sql } from 'drizzle-orm'
import type { Db } from '../db/open.ts'
import { tasks, users } from '../db/schema.ts'
import { arrayLiteral, ownRows, type Parameter, type Statement, statement, typed } from '../db/statement.ts'
import type { Owner } from '../db/work.ts'
import type { Cursors, Position } from '../http/cursor.ts'
import { MAX_PAGE, type PageQuery } from '../http/query.ts'
import type { Field } from '../resource/field.ts'
import type { Place } from '../resource/resource.ts'
import { revisionAnd } from '../resource/rows.ts'
import { fields, type Task, task } from './fields.ts'
import { type Filters, isFiltered, type SORTS } from './query.ts'

type Sort = (typeof SORTS)[number] | 'deleted_at'

/** What is listed, and in which order. */
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

export type ListTasks = ReturnType<typeof createListTasks>

const owner = sql.placeholder('owner')

/**
 * Lists by keyset: a page starts behind the last task of the one before, wherever tasks
 * have come or gone since. One statement is prepared for each shape that is asked for;
 * there are 50 at most, and each reads one user's part of an index.
 *
 * @param collation for orders and searches that ignore case, by name.
 */
export function createListTasks(cursors: Cursors, collation: string) {
  const lists = new Map<string, ReturnType<typeof listStatement>>()
  const caseless = (text: SQL) => sql`lower(${text} collate ${sql.identifier(collation)})`

  function listOf(shape: Shape) {
    const name = `list_${Object.values(shape).join('_')}`
    const known = lists.get(name) ?? listStatement(name, shape)
    lists.set(name, known)
    return known
  }

  function listStatement(name: string, { from, sort, descending, filtered, after }: Shape) {
    const key = sortKey(sort, descending, sql`${tasks[sort]}`)
    const start = sortKey(sort, descending, typed('value', fields[sort].kind.type))
    const direction = sql.raw(descending ? 'desc' : 'asc')
    const behind = sql`and (${key}, ${tasks.id}) ${sql.raw(descending ? '<' : '>')} (${start}, ${typed('id', 'uuid')})`
    return statement(
      name,
      // The user's row comes along in the same snapshot: an ETag newer than its list would hide a change.
      sql`select ${users.revision}, ${task.columnsOf('page')} from ${users} left join lateral (
        select ${task.columns} from ${tasks} where ${task.where(from)} ${filtered ? sql`and ${matches()}` : sql``}
          ${after ? behind : sql``}
        order by ${key} ${direction}, ${tasks.id} ${direction} limit ${sql.placeholder('limit')}
      ) as page on true where ${users.id} = ${owner}`,
      revisionAnd(task.read),
    )
  }

  /** One non-null expression for each order, so that a page's start is one row comparison. */
  function sortKey(sort: Sort, descending: boolean, value: SQL): SQL {
    const { order }: Field = fields[sort]
    // A due date is text in byte order: `~` stands behind them all, nothing stands before them all.
    if (order === 'missing last') return sql`coalesce(${value}, ${sql.raw(descending ? "''" : "'~'")}) collate "C"`
    return order === 'caseless' ? caseless(value) : value
  }

  function matches(): SQL {
    const like = sql`like ${caseless(typed('text', 'text'))}`
    const unlessGiven = (name: string, type: string, condition: SQL) =>
      sql`(${typed(name, type)} is null or ${condition})`
    const searched = [tasks.title, tasks.description].map((text) => sql`${caseless(sql`${text}`)} ${like}`)
    return sql.join(
      [
        unlessGiven('completed', 'boolean', sql`${tasks.completed} = ${typed('completed', 'boolean')}`),
        unlessGiven('priorities', 'text[]', sql`${tasks.priority}::text = any(${typed('priorities', 'text[]')})`),
        unlessGiven('tags', 'text[]', sql`${tasks.tags} @> ${typed('tags', 'text[]')}`),
        unlessGiven('due_from', 'text', sql`${tasks.due_date} >= ${typed('due_from', 'text')}`),
        unlessGiven('due_until', 'text', sql`${tasks.due_date} < ${typed('due_until', 'text')}`),
        unlessGiven('text', 'text', sql`(${sql.join(searched, sql` or `)})`),
      ],
      sql` and `,
    )
  }

  // By way of the user's row: a number shows nobody whose tasks were counted, so the owner is compared twice.
  const countStatement = (from: Place, filtered: boolean): Statement<number> =>
    statement(
      `count_${from}_${filtered}`,
      sql`select count(*) from ${users} inner join ${tasks} on ${tasks.user_id} = ${users.id}
        where ${users.id} = ${owner} and ${task.where(from)} ${filtered ? sql`and ${matches()}` : sql``}`,
      ([total]) => Number(total),
    )
  const counts = {
    hand: { plain: countStatement('hand', false), filtered: countStatement('hand', true) },
    trash: { plain: countStatement('trash', false) },
  }
  const countOf = (from: Place, filtered: boolean) =>
    from === 'hand' && filtered ? counts.hand.filtered : counts[from].plain

  /** @throws Problem `validation-failed` for a cursor that is not of this list. */
  return async function listTasks(
    db: Db,
    { id: user }: Owner,
    { from, sort, descending, filters, limit = MAX_PAGE, cursor, count: counted }: ListRequest,
  ): Promise<TaskPage> {
    const scope = JSON.stringify([user, from, sort, descending, filters])
    const start: Position | undefined = cursor === undefined ? undefined : cursors.read(cursor, scope)
    const filtered = isFiltered(filters)
    const values = { owner: user, ...parametersOf(filters) }
    const list = listOf({ from, sort, descending, filtered, after: start !== undefined })
    const [rows, total] = await Promise.all([
      // One more than asked for, to know whether there is a next page.
      list(db, { ...values, limit: limit + 1, value: start?.value ?? null, id: start?.id ?? null }),
      counted ? countOf(from, filtered)(db, values) : undefined,
    ])
    const found = ownRows(
      user,
      rows.flatMap(({ item }) => (item === null ? [] : [item])),
    )
    const last = found.length > limit ? found[limit - 1] : undefined
    return {
      tasks: found.slice(0, limit),
      revision: rows[0]?.revision ?? 0,
      cursor: last && cursors.write({ value: last[sort], id: last.id }, scope),
      total: total?.[0],
    }
  }
}

function parametersOf({ completed, priorities, tags, dueFrom, dueUntil, text }: Filters): Record<string, Parameter> {
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
