import { bigint, boolean, doublePrecision, pgSchema, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'

const doable = pgSchema('doable')
const priority = doable.enum('task_priority', ['low', 'medium', 'high'])
const repeatFrom = doable.enum('repeat_from', ['due', 'completion'])
const time = { precision: 3, withTimezone: true } as const

export const users = doable.table('users', {
  id: text().primaryKey(),
  revision: bigint({ mode: 'number' }).notNull(),
  position: doublePrecision().notNull(),
})

export const tasks = doable.table(
  'tasks',
  {
    id: uuid().notNull(),
    user_id: text().notNull(),
    title: text().notNull(),
    description: text(),
    completed: boolean().notNull().default(false),
    completed_at: timestamp(time),
    priority: priority().notNull().default('medium'),
    due_date: text(),
    tags: text().array().notNull().default([]),
    position: doublePrecision().notNull(),
    revision: bigint({ mode: 'number' }).notNull(),
    created_at: timestamp(time).notNull().defaultNow(),
    updated_at: timestamp(time).notNull().defaultNow(),
    deleted_at: timestamp(time),
    list_id: uuid(),
    parent_id: uuid(),
    recurrence: text(),
    repeat_from: repeatFrom().notNull().default('due'),
    time_zone: text().notNull().default('UTC'),
    remind_at: timestamp(time),
    series_id: uuid(),
    next_task_id: uuid(),
    reminded_at: timestamp(time),
  },
  (t) => [primaryKey({ columns: [t.user_id, t.id] })],
)
