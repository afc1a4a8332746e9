import { and, eq, type SQL, sql } from 'drizzle-orm'
import type { Db } from '../db/open.ts'
import { tasks, users } from '../db/schema.ts'
import { ownedIn, type Place, param, reply, typed } from '../db/statement.ts'
import { prepareRows, readTask } from './rows.ts'

const owner = param('owner')

interface Change {
  /** Where the task must be. */
  in: Place
  set: Record<string, SQL | null>
  /** The user's highest position afterwards. */
  position?: SQL
}

/**
 * A change of one task (`id`) that is where it should be and, where `revisions` is given,
 * at one of those. One statement: it locks the user's row, then the task's, each in its
 * newest state, raises the user's revision and stamps it on the task. Without the locks
 * it would judge the task by a snapshot from before its wait, and raise for nothing.
 */
export function prepareChange(db: Db, name: string, change: Change) {
  const revisions = typed('revisions', 'bigint[]')
  const locked = lockedUser(db)
  const found = db.$with('found').as(
    db
      .select({ user_id: tasks.user_id })
      .from(tasks)
      .innerJoin(locked, eq(tasks.user_id, locked.id))
      .where(
        and(
          ownedIn(change.in),
          eq(tasks.id, param('id')),
          sql`(${revisions} is null or ${tasks.revision} = any(${revisions}))`,
        ),
      )
      // Locks the task alone: a locking clause leaves out what a WITH query gives (SELECT, "The Locking Clause").
      .for('no key update'),
  )
  const raised = db.$with('raised').as(
    db
      .update(users)
      .set({ revision: sql`${users.revision} + 1`, ...(change.position && { position: change.position }) })
      .from(found)
      .where(and(eq(users.id, owner), eq(users.id, found.user_id)))
      .returning({ id: users.id, revision: users.revision }),
  )
  const update = db
    .with(locked, found, raised)
    .update(tasks)
    .set({ ...change.set, revision: sql`${raised.revision}`, updated_at: sql`now()` })
    .from(raised)
    .where(and(eq(tasks.user_id, owner), eq(tasks.user_id, raised.id), eq(tasks.id, param('id'))))
    .returning(reply)
  return prepareRows(db, update, name, readTask)
}

/**
 * The same change of all of a user's tasks under a condition, `limit` at a time. Each
 * gets a revision of its own, so that whoever follows the revisions sees every one.
 */
export function prepareChanges(db: Db, name: string, { in: place, set }: Change, condition: SQL) {
  const locked = lockedUser(db)
  const found = db.$with('found').as(
    db
      .select({ user_id: tasks.user_id, id: tasks.id, before: sql<number>`${tasks.revision}`.as('before') })
      .from(tasks)
      .innerJoin(locked, eq(tasks.user_id, locked.id))
      .where(and(ownedIn(place), condition))
      .orderBy(tasks.revision)
      .limit(param('limit'))
      .for('no key update'),
  )
  const numbered = db.$with('numbered').as(
    db
      .select({
        user_id: found.user_id,
        id: sql<string>`${found.id}`.as('numbered_id'),
        back: sql<number>`row_number() over (order by ${found.before} desc) - 1`.as('back'),
      })
      .from(found),
  )
  const raised = db.$with('raised').as(
    db
      .update(users)
      .set({ revision: sql`${users.revision} + (select count(*) from ${found})` })
      .where(and(eq(users.id, owner), sql`${users.id} = any(select ${found.user_id} from ${found})`))
      .returning({ id: users.id, revision: users.revision }),
  )
  return db
    .with(locked, found, numbered, raised)
    .update(tasks)
    .set({ ...set, revision: sql`${raised.revision} - ${numbered.back}`, updated_at: sql`now()` })
    .from(raised)
    .innerJoin(numbered, eq(numbered.user_id, raised.id))
    .where(and(eq(tasks.user_id, owner), eq(tasks.user_id, raised.id), eq(tasks.id, numbered.id)))
    .returning({ id: tasks.id })
    .prepare(name)
}

/** First of all locks, so that no two writes of one user can wait for each other in a circle. */
function lockedUser(db: Db) {
  return db.$with('locked').as(db.select({ id: users.id }).from(users).where(eq(users.id, owner)).for('no key update'))
}
