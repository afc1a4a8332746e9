import { Kind, Type, TypeRegistry } from '@sinclair/typebox'
import { sql } from 'drizzle-orm'
import { tasks, users } from '../db/schema.ts'
import { typed } from '../db/statement.ts'
import { canonicalRule } from '../recurrence/rule.ts'
import { Recurrence, RepeatFrom, TimeZone } from '../recurrence/schemas.ts'
import { canonicalZone } from '../recurrence/zone.ts'
import { canonicalDate } from '../resource/dates.ts'
import { type AnswerOf, type ChangesOf, client, now, server } from '../resource/field.ts'
import { kinds } from '../resource/kind.ts'
import { Position, placing } from '../resource/position.ts'
import { defineResource } from '../resource/resource.ts'
import { Instant, nullable, OptionalTime, Revision, Time, Uuid } from '../resource/schemas.ts'
import { Line, NOT_BLANK, Text, trimmed } from '../resource/text.ts'

TypeRegistry.Set('DueDate', (_, value) => typeof value === 'string' && canonicalDate(value) !== undefined)
TypeRegistry.Set(
  'Tags',
  (_, value) => Array.isArray(value) && value.length <= 20 && value.every(isTag) && isDistinct(value),
)

const isTag = (value: unknown) => typeof value === 'string' && TypeRegistry.Get('Line')?.(TagText, value) === true
const isDistinct = (tags: string[]) => new Set(tags.map(trimmed)).size === tags.length

const Title = Line({
  minLength: 1,
  maxLength: 200,
  pattern: NOT_BLANK,
  description: 'Counted and stored without outer white space.',
  examples: ['Buy milk'],
  error: 'must be text of 1 to 200 characters, not counting outer white space',
})
const Description = Text({
  maxLength: 10_000,
  examples: ['Two litres, oat'],
  error: 'must be text of at most 10,000 characters, or null',
})
export const Priority = Type.Union([Type.Literal('low'), Type.Literal('medium'), Type.Literal('high')], {
  $id: 'TaskPriority',
  error: 'must be low, medium or high',
  examples: ['high'],
})
export const DueDate = Type.Unsafe<string>({
  [Kind]: 'DueDate',
  // For the document: one pattern of both forms, since generators have no type for a choice of formats. It
  // tells every impossible time, and every day but those that only some months lack.
  type: 'string',
  pattern:
    '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])([Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))?$',
  description:
    'A day (`2026-11-20`), which stays that day in every time zone, or an RFC 3339 time with offset, which comes back in UTC.',
  examples: ['2026-11-24', '2026-11-24T17:30:00.000Z'],
  error: 'must be a day like 2026-11-24, a time like 2026-11-24T18:30:00+01:00, or null',
})
export const TagText = Line({
  minLength: 1,
  maxLength: 50,
  pattern: NOT_BLANK,
  error: 'must be text of 1 to 50 characters',
})
const Tags = Type.Unsafe<string[]>({
  [Kind]: 'Tags',
  type: 'array',
  maxItems: 20,
  uniqueItems: true,
  items: { type: 'string', minLength: 1, maxLength: 50, pattern: NOT_BLANK },
  examples: [['home', 'errands']],
  error: 'must be at most 20 distinct texts of 1 to 50 characters',
})
/** The id of another row. The database gives ids back in lower case. */
const Reference = (description: string) => ({ ...Uuid(description), error: 'must be a UUID, or null' })
const lowerCase = (id: string) => id.toLowerCase()
const OptionalUuid = (description: string) =>
  Type.Union([Type.String({ format: 'uuid' }), Type.Null()], { description, examples: [null] })
export const Completed = Type.Boolean({ examples: [false], error: 'must be true or false' })

/** The completed state after an update: turned over, set, or as it was. */
const completed = sql`case when ${typed('toggle', 'boolean')} then not ${tasks.completed}
  else coalesce(${typed('completed', 'boolean')}, ${tasks.completed}) end`

const completedAt = sql`case when ${completed} then coalesce(${tasks.completed_at}, now()) end`

/** What completing a task sets. */
export const completion = sql`completed = ${completed}, completed_at = ${completedAt}`

/** Where a task stands by default: after everything the user has. */
export const positions = placing(users.position)

/**
 * Each field of a task, said once: how clients see and write it, how it is stored, what a new task
 * has. Schemas, rows, statements, export, import and the client's types are made from this table.
 */
export const fields = {
  id: server(kinds.uuid, Type.String({ format: 'uuid', examples: ['01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80'] }), {
    insert: typed('id', 'uuid'),
    isImported: true,
  }),
  user_id: server(kinds.opaque, Type.String({ examples: ['kX2mPqR7sT9vW1yZ3aB5cD7eF9gH1jK3'] }), {
    insert: sql`raised.id`,
    isImported: false,
  }),
  title: client(kinds.text, Title, { stored: trimmed, order: 'caseless', isSearched: true }),
  description: client(kinds.text, nullable(Description), { initial: null, isSearched: true }),
  completed: client(kinds.boolean, Completed, { initial: false, update: completed }),
  completed_at: server(kinds.time, OptionalTime('When `completed` became true.'), {
    insert: sql`case when ${typed('completed', 'boolean')} then now() end`,
    update: completedAt,
    isImported: true,
  }),
  priority: client(kinds.priority, Priority, { initial: 'medium', order: 'plain' }),
  due_date: client(kinds.date, nullable(DueDate), { initial: null, stored: canonicalDate, order: 'missing last' }),
  tags: client(kinds.texts, Tags, { initial: [], stored: (tags: string[]) => tags.map(trimmed) }),
  position: client(kinds.double, Position('For manual order. By default after everything the user has.'), {
    insert: positions.inserted,
    order: 'plain',
  }),
  list_id: client(kinds.uuid, nullable(Reference('One of the lists that are not in the trash; null: the inbox.')), {
    isRare: true,
    initial: null,
    stored: lowerCase,
  }),
  parent_id: client(
    kinds.uuid,
    nullable(Reference('The task that this one is a part of: not in the trash, and no part itself.')),
    { isRare: true, initial: null, stored: lowerCase },
  ),
  recurrence: client(kinds.rule, nullable(Recurrence), { isRare: true, initial: null, stored: canonicalRule }),
  repeat_from: client(kinds.repeatFrom, RepeatFrom, { isRare: true, initial: 'due' }),
  time_zone: client(kinds.zone, TimeZone, { isRare: true, initial: 'UTC', stored: canonicalZone }),
  remind_at: client(kinds.moment, nullable(Instant('When every listener is told of the task, once.')), {
    isRare: true,
    initial: null,
    stored: canonicalDate,
  }),
  series_id: server(kinds.uuid, OptionalUuid('The first of the tasks that completing has made from each other.'), {
    isRare: true,
    initial: null,
    insert: typed('series_id', 'uuid'),
    isImported: true,
  }),
  next_task_id: server(kinds.uuid, OptionalUuid('The task that completing this one has made.'), {
    isRare: true,
    initial: null,
    isImported: true,
  }),
  reminded_at: server(kinds.time, OptionalTime('When listeners were told of `remind_at`, as it is now.'), {
    isRare: true,
    initial: null,
    update: sql`case when not ${typed('set_remind_at', 'boolean')}
      or ${typed('remind_at', 'timestamptz')} is not distinct from ${tasks.remind_at} then ${tasks.reminded_at} end`,
    isImported: true,
  }),
  revision: server(kinds.revision, Revision("The user's counter at this task's last change."), {
    insert: sql`raised.revision`,
    isImported: false,
  }),
  created_at: server(kinds.time, Time('When the task was made.'), { insert: now, order: 'plain', isImported: true }),
  updated_at: server(kinds.time, Time('When the task was last changed.'), {
    insert: now,
    order: 'plain',
    isImported: true,
  }),
  deleted_at: server(kinds.time, OptionalTime('When the task was moved to the trash.'), {
    initial: null,
    isImported: true,
  }),
}

export type Task = AnswerOf<typeof fields>

/** What clients write of a task, in the form in which it is stored; undefined stays as it is. */
export type Changes = ChangesOf<typeof fields>

export const task = defineResource(tasks, fields)

/** About what a task counts as a row (`task.bytes`). */
export function bytesOf({ title, description, tags }: Task): number {
  const texts = [title, description ?? '', ...tags]
  return texts.reduce((bytes, text) => bytes + Buffer.byteLength(text), 300)
}

// Fields and columns must be the same: this fails to compile when one is missing on either side.
type Row = Omit<typeof tasks.$inferSelect, 'purged_at' | 'trashed_with' | 'has_parts' | 'reminded_revision'>
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never
const _fieldsAreColumns: Same<Task, Row> = true
void _fieldsAreColumns
