import { type SQL, sql } from 'drizzle-orm'
import { tasks } from '../db/schema.ts'
import { arrayLiteral, type Parameter, typed } from '../db/statement.ts'
import { entriesBy, type Field } from '../resource/field.ts'
import type { Place } from '../resource/resource.ts'
import { fields, task } from './fields.ts'
import type { Filters, SORTS } from './query.ts'

export type Sort = (typeof SORTS)[number] | 'deleted_at'

/** What is listed, and in which order. */
export interface Shape {
  from: Place
  sort: Sort
  descending: boolean
  filtered: boolean
  after: boolean
}

/** What `q` searches. */
const searched = entriesBy(fields, 'client').flatMap(([name, { isSearched }]) => (isSearched ? [name] : []))

/** Bytes that a search has to read of a task. PostgreSQL knows them without reading it. */
export const textBytes = sql.join(
  searched.map((name) => sql`coalesce(octet_length(${tasks[name]}), 0)`),
  sql` + `,
)

export type ListTerms = ReturnType<typeof createListTerms>

/**
 * The parts that the statements of lists and searches are made of.
 *
 * @param collation for orders and searches that ignore case, by name.
 */
export function createListTerms(collation: string) {
  const caseless = (text: SQL) => sql`lower(${text} collate ${sql.identifier(collation)})`

  /** One non-null expression for each order, so that a page's start is one row comparison. */
  function sortKey(sort: Sort, descending: boolean, value: SQL): SQL {
    const { order }: Field = fields[sort]
    // A due date is text in byte order: `~` stands behind them all, nothing stands before them all.
    if (order === 'missing last') return sql`coalesce(${value}, ${sql.raw(descending ? "''" : "'~'")}) collate "C"`
    return order === 'caseless' ? caseless(value) : value
  }

  /** From `from` on: the rows of a shape in its order. */
  function rowsOf({ from, sort, descending, after }: Shape, conditions: SQL): SQL {
    const key = sortKey(sort, descending, sql`${tasks[sort]}`)
    const start = sortKey(sort, descending, typed('value', fields[sort].kind.type))
    const direction = sql.raw(descending ? 'desc' : 'asc')
    const behind = sql`and (${key}, ${tasks.id}) ${sql.raw(descending ? '<' : '>')} (${start}, ${typed('id', 'uuid')})`
    return sql`from ${tasks} where ${task.where(from)} ${conditions} ${after ? behind : sql``}
      order by ${key} ${direction}, ${tasks.id} ${direction} limit ${sql.placeholder('limit')}`
  }

  const unlessGiven = (name: string, type: string, condition: SQL) =>
    sql`(${typed(name, type)} is null or ${condition})`

  /** All filters but `q`: they read no long text. */
  const narrow = sql.join(
    [
      unlessGiven('completed', 'boolean', sql`${tasks.completed} = ${typed('completed', 'boolean')}`),
      unlessGiven('priorities', 'text[]', sql`${tasks.priority}::text = any(${typed('priorities', 'text[]')})`),
      unlessGiven('tags', 'text[]', sql`${tasks.tags} @> ${typed('tags', 'text[]')}`),
      unlessGiven('due_from', 'text', sql`${tasks.due_date} >= ${typed('due_from', 'text')}`),
      unlessGiven('due_until', 'text', sql`${tasks.due_date} < ${typed('due_until', 'text')}`),
      unlessGiven('list', 'text', sql`coalesce(${tasks.list_id}::text, 'none') = ${typed('list', 'text')}`),
      unlessGiven('parent', 'text', sql`coalesce(${tasks.parent_id}::text, 'none') = ${typed('parent', 'text')}`),
      unlessGiven('remind_before', 'timestamptz', sql`${tasks.remind_at} < ${typed('remind_before', 'timestamptz')}`),
      unlessGiven('recurring', 'boolean', sql`(${tasks.recurrence} is not null) = ${typed('recurring', 'boolean')}`),
    ],
    sql` and `,
  )
  const like = sql`like ${caseless(typed('text', 'text'))}`
  const contains = (columnOf: (name: (typeof searched)[number]) => SQL) =>
    sql.join(
      searched.map((name) => sql`${caseless(columnOf(name))} ${like}`),
      sql` or `,
    )
  const matches = sql`${narrow} and ${unlessGiven('text', 'text', sql`(${contains((name) => sql`${tasks[name]}`)})`)}`

  return { rowsOf, narrow, contains, matches }
}

/** Makes the statement of each shape once. */
export function madeOnce<Made>(make: (name: string, shape: Shape) => Made): (name: string, shape: Shape) => Made {
  const all = new Map<string, Made>()
  return (name, shape) => {
    const made = all.get(name) ?? make(name, shape)
    all.set(name, made)
    return made
  }
}

/** The filters as parameters of the statements: null where a list is not narrowed. */
export function parametersOf({
  completed,
  priorities,
  tags,
  dueFrom,
  dueUntil,
  text,
  list,
  parent,
  remindBefore,
  recurring,
}: Filters): Record<string, Parameter> {
  return {
    completed,
    priorities: priorities && arrayLiteral(priorities),
    tags: tags && arrayLiteral(tags),
    due_from: dueFrom,
    due_until: dueUntil,
    list: list ?? null,
    parent: parent ?? null,
    remind_before: remindBefore ?? null,
    recurring: recurring ?? null,
    // `%`, `_` and the escape itself are plain characters of a search.
    text: text && `%${text.replace(/[\\%_]/g, '\\$&')}%`,
  }
}
