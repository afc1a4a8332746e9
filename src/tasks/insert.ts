import { sql } from 'drizzle-orm'
import type { Db } from '../db/open.ts'
import { tasks, users } from '../db/schema.ts'
import { param, reply, typed } from '../db/statement.ts'
import { prepareRows, readTask } from './rows.ts'

/**
 * A new task. One statement: the user's row is made or raised, and the task stands on
 * what that gave back. An id that is taken fails it as a whole, so that nothing is raised.
 */
export function prepareInsert(db: Db) {
  const given = typed('position', 'double precision')
  // One more, in whole steps while there are any; past 2^53 the next number that there is.
  const next = sql`case when ${users.position} < 9e15 then floor(${users.position}) + 1
    when ${users.position} < 1.7e308 then ${users.position} * 1.0000000000000003 else ${users.position} end`
  const raised = db.$with('raised').as(
    db
      .insert(users)
      .values({ id: param('owner'), revision: 1, position: sql`greatest(0, coalesce(${given}, 1))` })
      .onConflictDoUpdate({
        target: users.id,
        set: {
          revision: sql`${users.revision} + 1`,
          position: sql`greatest(${users.position}, coalesce(${given}, ${next}))`,
        },
      })
      .returning({ id: users.id, revision: users.revision, position: users.position }),
  )
  const completed = typed('completed', 'boolean')
  const insert = db
    .with(raised)
    .insert(tasks)
    .select(
      db
        .select({
          id: sql`${typed('id', 'uuid')}`.as('id'),
          user_id: raised.id,
          title: sql`${typed('title', 'text')}`.as('title'),
          description: sql`${typed('description', 'text')}`.as('description'),
          completed: sql`${completed}`.as('completed'),
          completed_at: sql`case when ${completed} then now() end`.as('completed_at'),
          priority: sql`${typed('priority', 'doable.task_priority')}`.as('priority'),
          due_date: sql`${typed('due_date', 'text')}`.as('due_date'),
          tags: sql`${typed('tags', 'text[]')}`.as('tags'),
          position: sql`coalesce(${given}, ${raised.position})`.as('position'),
          revision: raised.revision,
          created_at: sql`now()`.as('created_at'),
          updated_at: sql`now()`.as('updated_at'),
          deleted_at: sql`null::timestamptz`.as('deleted_at'),
          purged_at: sql`null::timestamptz`.as('purged_at'),
        })
        .from(raised),
    )
    .returning(reply)
  return prepareRows(db, insert, 'create_task', readTask)
}
