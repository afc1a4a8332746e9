import { sql } from 'drizzle-orm'
import type { Db } from '../db/open.ts'
import { tasks, users } from '../db/schema.ts'
import { arrayLiteral, typed } from '../db/statement.ts'
import { prepareChange } from './change.ts'
import type { Changes } from './model.ts'

/** One statement for every set of fields: a parameter that is null leaves its column alone. */
export function prepareUpdate(db: Db) {
  const completed = sql`case when ${typed('toggle', 'boolean')} then not ${tasks.completed}
    else coalesce(${typed('completed', 'boolean')}, ${tasks.completed}) end`
  const orNull = (name: string, column: typeof tasks.description | typeof tasks.due_date) =>
    sql`case when ${typed(`set_${name}`, 'boolean')} then ${typed(name, 'text')} else ${column} end`
  return prepareChange(db, 'update_task', {
    in: 'tasks',
    set: {
      title: sql`coalesce(${typed('title', 'text')}, ${tasks.title})`,
      description: orNull('description', tasks.description),
      completed,
      completed_at: sql`case when ${completed} then coalesce(${tasks.completed_at}, now()) end`,
      priority: sql`coalesce(${typed('priority', 'doable.task_priority')}, ${tasks.priority})`,
      due_date: orNull('due_date', tasks.due_date),
      tags: sql`coalesce(${typed('tags', 'text[]')}, ${tasks.tags})`,
      position: sql`coalesce(${typed('position', 'double precision')}, ${tasks.position})`,
    },
    position: sql`greatest(${users.position}, ${typed('position', 'double precision')})`,
  })
}

/** The parameters of that statement. `toggle` turns `completed` over, whatever it is. */
export function valuesOf(changes: Changes, toggle: boolean): Record<string, unknown> {
  return {
    toggle,
    title: changes.title ?? null,
    set_description: changes.description !== undefined,
    description: changes.description ?? null,
    completed: changes.completed ?? null,
    priority: changes.priority ?? null,
    set_due_date: changes.due_date !== undefined,
    due_date: changes.due_date ?? null,
    tags: changes.tags ? arrayLiteral(changes.tags) : null,
    position: changes.position ?? null,
  }
}
