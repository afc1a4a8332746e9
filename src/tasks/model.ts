import { Kind, type Static, type TObject, type TUnsafe, Type, TypeRegistry } from '@sinclair/typebox'
import type { tasks } from '../db/schema.ts'
import { invalid } from '../problem.ts'
import { canonicalDate } from '../resource/dates.ts'
import { Line, Text } from '../resource/text.ts'

// Of replies only: what stands in a timestamp column needs no calendar, just the one form that we give it.
TypeRegistry.Set('Time', (_, value) => typeof value === 'string' && value.length === 24 && value.endsWith('Z'))
TypeRegistry.Set('DueDate', (_, value) => typeof value === 'string' && canonicalDate(value) !== undefined)
TypeRegistry.Set(
  'Tags',
  (_, value) => Array.isArray(value) && value.length <= 20 && value.every(isTag) && isDistinct(value),
)

const isTag = (value: unknown) => typeof value === 'string' && TypeRegistry.Get('Line')?.(TagText, value) === true
const isDistinct = (tags: string[]) => new Set(tags.map((tag) => tag.trim())).size === tags.length

/** For the document: what is trimmed must have something left. */
const NOT_BLANK = '\\S'

const UUID = '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$'
export const Uuid = (description: string) =>
  Type.String({
    pattern: UUID,
    format: 'uuid',
    description,
    examples: ['01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80'],
    error: 'must be a UUID',
  })

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
  error: 'must be low, medium or high',
  examples: ['high'],
})
export const DueDate = Type.Unsafe<string>({
  [Kind]: 'DueDate',
  anyOf: [
    { type: 'string', format: 'date' },
    { type: 'string', format: 'date-time' },
  ],
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
const Position = Type.Number({
  description: 'For manual order. By default after everything the user has.',
  examples: [12],
  error: 'must be a finite number',
})
const Completed = Type.Boolean({ examples: [false], error: 'must be true or false' })

const nullable = (schema: TUnsafe<string>) => Type.Union([schema, Type.Null()], { error: schema.error ?? '' })
const time = (description: string) =>
  Type.Unsafe<string>({
    [Kind]: 'Time',
    type: 'string',
    format: 'date-time',
    description,
    examples: ['2026-11-20T22:02:42.578Z'],
  })
const optionalTime = (description: string) => Type.Union([time(description), Type.Null()], { examples: [null] })

/** A task as clients see it: the columns of a row, under their own names. */
export const Task = Type.Object(
  {
    id: Type.String({ format: 'uuid', examples: ['01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80'] }),
    user_id: Type.String({ examples: ['kX2mPqR7sT9vW1yZ3aB5cD7eF9gH1jK3'] }),
    title: Type.String({ examples: ['Buy milk'] }),
    description: Type.Union([Type.String(), Type.Null()], { examples: ['Two litres, oat'] }),
    completed: Completed,
    completed_at: optionalTime('When `completed` became true.'),
    priority: Priority,
    due_date: Type.Union([Type.String(), Type.Null()], { examples: ['2026-11-24'] }),
    tags: Type.Array(Type.String(), { examples: [['home', 'errands']] }),
    position: Type.Number({ examples: [12] }),
    revision: Type.Integer({ description: "The user's counter at this task's last change.", examples: [42] }),
    created_at: time('When the task was made.'),
    updated_at: time('When the task was last changed.'),
    deleted_at: optionalTime('When the task was moved to the trash.'),
  },
  { additionalProperties: false, description: 'A task' },
)
export type Task = Static<typeof Task>

/** What clients may write. */
const writable = {
  title: Title,
  description: nullable(Description),
  completed: Completed,
  priority: Priority,
  due_date: nullable(DueDate),
  tags: Tags,
  position: Position,
}

/** What clients may send back as they got it: ignored, so that a read task can be written. */
const readOnly = Object.fromEntries(
  ['user_id', 'revision', 'created_at', 'updated_at', 'completed_at', 'deleted_at'].map((name) => [
    name,
    Type.Optional(Type.Unknown({ description: 'Ignored.' })),
  ]),
)

export const NewTask = Type.Object(
  {
    ...readOnly,
    id: Type.Optional(Uuid('Chosen by the client, if it likes: the server makes a version 7 otherwise.')),
    ...Type.Partial(Type.Object(writable)).properties,
    title: Title,
  },
  {
    additionalProperties: false,
    description: 'A task to be made',
    examples: [
      {
        title: 'Buy milk',
        description: 'Two litres, oat',
        priority: 'high',
        due_date: '2026-11-24',
        tags: ['home', 'errands'],
      },
    ],
    error: 'must be an object',
  },
)

export const TaskPatch = Type.Object(
  {
    ...readOnly,
    id: Type.Optional(Type.Unknown({ description: 'Ignored.' })),
    ...Type.Partial(Type.Object(writable)).properties,
  },
  {
    additionalProperties: false,
    // For the document: `changesIn` says it in words.
    anyOf: Object.keys(writable).map((name) => ({ required: [name] })),
    description: 'The fields to change, at least one; the others stay. `null` clears a field that may be null.',
    examples: [{ title: 'Buy oat milk', due_date: null }],
    error: 'must be an object',
  },
)

export const Completion = Type.Object(
  { completed: Type.Optional(Completed) },
  {
    additionalProperties: false,
    description: '`completed` sets, and is safe to repeat. Without it, or without a body, the task is toggled.',
    examples: [{ completed: true }],
    error: 'must be an object',
  },
)

export const TaskPath = Type.Object({
  user_id: Type.String({ description: "The token's user.", examples: ['kX2mPqR7sT9vW1yZ3aB5cD7eF9gH1jK3'] }),
  id: Uuid('The task.'),
})
export const UserPath = Type.Pick(TaskPath, ['user_id'])

/** The writable fields in the form in which they are stored; undefined stays as it is. */
export type Changes = {
  [Field in keyof typeof writable]?: Static<(typeof writable)[Field]> | undefined
}

/** Trims, and puts dates into their one form. `body` must have passed its schema. */
export function storedForm(body: Changes): Changes {
  return {
    title: body.title?.trim(),
    description: body.description,
    completed: body.completed,
    priority: body.priority,
    due_date: body.due_date == null ? body.due_date : canonicalDate(body.due_date),
    tags: body.tags?.map((tag) => tag.trim()),
    position: body.position,
  }
}

/** What to make of a body that has passed `NewTask`. */
export function newTaskFrom(body: Changes & { id?: string | undefined; title: string }) {
  const { title = body.title, ...rest } = storedForm(body)
  return { ...rest, title, id: body.id }
}

/**
 * The changes of an update.
 *
 * @throws Problem `validation-failed` when no writable field is among them.
 */
export function changesIn(body: Changes, pointer = ''): Changes {
  const changes = storedForm(body)
  if (Object.values(changes).every((value) => value === undefined))
    throw invalid([{ pointer, detail: 'must have at least one field that can be changed' }])
  return changes
}

// A reply is a row: these fail to compile when the schema and the table drift apart.
type Row = Omit<typeof tasks.$inferSelect, 'purged_at'>
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never
const _replyIsRow: Same<Task, Row> = true
const _writableIsStorable: Static<TObject<typeof writable>> extends Partial<typeof tasks.$inferInsert> ? true : never =
  true
void _replyIsRow
void _writableIsStorable
