import { and, eq, isNotNull, isNull, type Placeholder, type SQL, sql } from 'drizzle-orm'
import { tasks } from './schema.ts'

/** The columns of a reply, in its order: a row is a reply, nothing is mapped back and forth. */
export const reply = {
  id: tasks.id,
  user_id: tasks.user_id,
  title: tasks.title,
  description: tasks.description,
  completed: tasks.completed,
  completed_at: tasks.completed_at,
  priority: tasks.priority,
  due_date: tasks.due_date,
  tags: tasks.tags,
  position: tasks.position,
  revision: tasks.revision,
  created_at: tasks.created_at,
  updated_at: tasks.updated_at,
  deleted_at: tasks.deleted_at,
}

/** A named parameter of a prepared statement. */
export const param = (name: string): Placeholder => sql.placeholder(name)

/** The same where PostgreSQL cannot tell the type from where it stands. */
export const typed = (name: string, type: string): SQL => sql`${sql.placeholder(name)}::${sql.raw(type)}`

/** An array in PostgreSQL's text form (manual, 8.15.6): both drivers pass text through as it is. */
export function arrayLiteral(items: readonly string[]): string {
  return `{${items.map((item) => `"${item.replace(/[\\"]/g, '\\$&')}"`).join(',')}}`
}

/** A subquery's columns under the names of a reply. */
export function columnsOf<Part extends Record<keyof typeof reply, unknown>>(
  part: Part,
): Pick<Part, keyof typeof reply> {
  const names = Object.keys(reply) as (keyof typeof reply)[]
  return Object.fromEntries(names.map((name) => [name, part[name]])) as Pick<Part, keyof typeof reply>
}

/** Where a task of the owner can be: at hand, or in the trash. A tombstone is in neither. */
export type Place = 'tasks' | 'trash'

/** The parameter `owner` and a place: the start of every WHERE on tasks. */
export function ownedIn(place: Place): SQL | undefined {
  const at = place === 'tasks' ? isNull(tasks.deleted_at) : and(isNotNull(tasks.deleted_at), isNull(tasks.purged_at))
  return and(eq(tasks.user_id, param('owner')), at)
}

/**
 * The second wall: rows that a statement has given back, once each is seen to be the owner's.
 * Should a statement ever lose its owner, that is a 500 and not a leak; and within a
 * transaction nothing of it stays.
 */
export function ownRows<Row extends { user_id: string }>(owner: string, rows: Row[]): Row[] {
  for (const { user_id } of rows)
    if (user_id !== owner) throw new Error("a statement has given back another user's row")
  return rows
}

/** Makes a value on its first use: statements cost time to build, and a transaction needs few of them. */
export function lazy<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

/** What a tombstone keeps: that there was a task, and when it went. */
export const nothingLeft = {
  title: sql`''`,
  description: null,
  due_date: null,
  tags: sql`'{}'`,
  purged_at: sql`now()`,
}
