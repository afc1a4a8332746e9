import { type SQLWrapper, sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  doublePrecision,
  foreignKey,
  index,
  integer,
  jsonb,
  pgSchema,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { bytes, description, dueDate, opaque, position, revision, tags, timestamp, title, userId } from './types.ts'

/** A schema of our own: Doable can share a database with the front end's tables. */
export const doable = pgSchema('doable')

/** Whether a task is to remind still. */
export const isPending = (t: Record<'remind_at' | 'reminded_at' | 'completed' | 'deleted_at', SQLWrapper>) =>
  sql`${t.remind_at} is not null and ${t.reminded_at} is null and not ${t.completed} and ${t.deleted_at} is null`

export const repeatFrom = doable.enum('repeat_from', ['due', 'completion'])
export const priority = doable.enum('task_priority', ['low', 'medium', 'high'])

/**
 * A user's counter. The row is made by the user's first write and locked first by
 * every later one, so that writes of one user queue and revisions have no holes.
 */
export const users = doable.table('users', {
  id: userId().primaryKey(),
  revision: bigint({ mode: 'number' }).notNull().default(0),
  /** The counter when the history began. A `since` below it is refused, but for 0, which has seen nothing. */
  history_start: bigint({ mode: 'number' }).notNull().default(0),
  /** The highest position any of the user's tasks has had. */
  position: doublePrecision().notNull().default(0),
  /** The highest position any of the user's lists has had. */
  list_position: doublePrecision().notNull().default(0),
  /** What the user's tasks and lists count against `USER_QUOTA_MB`; null until it is first summed up. */
  bytes: bigint({ mode: 'number' }),
})

export const tasks = doable.table(
  'tasks',
  {
    id: uuid().notNull(),
    user_id: opaque().notNull(),
    title: title().notNull(),
    description: description(),
    completed: boolean().notNull().default(false),
    completed_at: timestamp(),
    priority: priority().notNull().default('medium'),
    due_date: dueDate(),
    tags: tags().notNull().default(sql`'{}'`),
    position: position().notNull(),
    revision: revision().notNull(),
    created_at: timestamp().notNull().default(sql`now()`),
    updated_at: timestamp().notNull().default(sql`now()`),
    deleted_at: timestamp(),
    /** Set when the content is gone for good and only the tombstone stays for sync. */
    purged_at: timestamp(),
    /** Of the same user's lists. Without a foreign key: validating one would lock a large table for too long. */
    list_id: uuid(),
    /** The task that this one is a part of. */
    parent_id: uuid(),
    /** The list or the parent with which the task went to the trash: a restoration of that one brings it back. */
    trashed_with: uuid(),
    /** Whether the task has ever had a part. Its parts are looked for only then: no index leads to them. */
    has_parts: boolean().notNull().default(false),
    /** An RFC 5545 rule; null for a task that does not repeat. */
    recurrence: opaque(),
    repeat_from: repeatFrom().notNull().default('due'),
    time_zone: opaque().notNull().default('UTC'),
    remind_at: timestamp(),
    /** The first task of those that completing has made from each other. */
    series_id: uuid(),
    /** The task that completing this one has made. */
    next_task_id: uuid(),
    /** When listeners were told of `remind_at`. */
    reminded_at: timestamp(),
    /** The revision by which they were told: whoever has seen less has not heard of it. */
    reminded_revision: bigint({ mode: 'number' }),
  },
  (t) => [
    primaryKey({ columns: [t.user_id, t.id] }),
    foreignKey({ name: 'tasks_user_id_fkey', columns: [t.user_id], foreignColumns: [users.id] }).onDelete('cascade'),
    uniqueIndex('tasks_revision').on(t.user_id, t.revision),
    index('tasks_list').on(t.user_id, t.created_at, t.id).where(sql`${t.deleted_at} is null`),
    index('tasks_trash')
      .on(t.user_id, t.deleted_at, t.id)
      .where(sql`${t.deleted_at} is not null and ${t.purged_at} is null`),
    index('tasks_purge').on(t.deleted_at).where(sql`${t.deleted_at} is not null and ${t.purged_at} is null`),
    // Built without a lock on the table, by `db/late-index.ts`: no migration has it.
    index('tasks_reminders').on(t.remind_at).where(isPending(t)),
    check('tasks_completed_at', sql`${t.completed} = (${t.completed_at} is not null)`),
    check('tasks_purged_after_deleted', sql`${t.purged_at} is null or ${t.deleted_at} is not null`),
  ],
)

export const lists = doable.table(
  'lists',
  {
    id: uuid().notNull(),
    user_id: opaque().notNull(),
    name: text().notNull(),
    position: doublePrecision().notNull(),
    revision: bigint({ mode: 'number' }).notNull(),
    created_at: timestamp().notNull().default(sql`now()`),
    updated_at: timestamp().notNull().default(sql`now()`),
    deleted_at: timestamp(),
    /** Set when the content is gone for good and only the tombstone stays for sync. */
    purged_at: timestamp(),
  },
  (t) => [
    primaryKey({ columns: [t.user_id, t.id] }),
    foreignKey({ name: 'lists_user_id_fkey', columns: [t.user_id], foreignColumns: [users.id] }).onDelete('cascade'),
    uniqueIndex('lists_revision').on(t.user_id, t.revision),
    index('lists_list').on(t.user_id, t.position, t.id).where(sql`${t.deleted_at} is null`),
    index('lists_trash')
      .on(t.user_id, t.deleted_at, t.id)
      .where(sql`${t.deleted_at} is not null and ${t.purged_at} is null`),
    index('lists_purge').on(t.deleted_at).where(sql`${t.deleted_at} is not null and ${t.purged_at} is null`),
  ],
)

/** The tables whose rows have revisions of their user. */
export const resourceTables = [tasks, lists] as const

/** The first answer to a request with an `Idempotency-Key`, kept for its repeats. */
export const idempotencyKeys = doable.table(
  'idempotency_keys',
  {
    user_id: opaque().notNull(),
    method: text().notNull(),
    route: text().notNull(),
    key: opaque().notNull(),
    /** SHA-256 of the payload, in hex: a repeat must carry the same one. */
    fingerprint: text().notNull(),
    status: integer().notNull(),
    headers: jsonb().$type<Record<string, string>>().notNull(),
    body: text().notNull(),
    created_at: timestamp().notNull().default(sql`now()`),
    /** What the user's kept answers took in all, this one included: the difference of two rows is what came between. */
    running_bytes: bigint({ mode: 'number' }).notNull().default(0),
  },
  (t) => [
    primaryKey({ columns: [t.user_id, t.method, t.route, t.key] }),
    foreignKey({ name: 'idempotency_keys_user_id_fkey', columns: [t.user_id], foreignColumns: [users.id] }).onDelete(
      'cascade',
    ),
    index('idempotency_keys_created_at').on(t.created_at),
    index('idempotency_keys_order').on(t.user_id, t.created_at, t.running_bytes),
  ],
)

/**
 * Files under way to the tasks, in pieces; on the embedded database only. Rows that are accepted belong to the user:
 * whatever happens, they will be tasks.
 */
export const importPieces = doable.table(
  'import_pieces',
  {
    user_id: opaque().notNull(),
    number: integer().notNull(),
    /** Rows as JSON, compressed. */
    packed: bytes().notNull(),
    /** Ids of the piece that were the user's already, and those that tombstones had. */
    taken: uuid().array().notNull(),
    gone: uuid().array().notNull(),
    /** The last ones before the first row's; until the piece is accepted, less those that the user had. */
    revision: bigint({ mode: 'number' }).notNull(),
    position: doublePrecision().notNull(),
    is_accepted: boolean().notNull().default(false),
  },
  (t) => [
    primaryKey({ columns: [t.user_id, t.number] }),
    foreignKey({ name: 'import_pieces_user_id_fkey', columns: [t.user_id], foreignColumns: [users.id] }).onDelete(
      'cascade',
    ),
  ],
)

/** Values that Doable keeps for itself, by name. */
export const settings = doable.table('settings', {
  name: text().primaryKey(),
  value: text().notNull(),
})
