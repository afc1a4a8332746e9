import { Kind, type Static, Type, TypeRegistry } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { canonicalDate } from '../resource/dates.ts'
import { type ChangesOf, clientSchemas, entriesBy, ignoredSchemas, storedFormOf } from '../resource/field.ts'
import { Uuid } from '../resource/schemas.ts'
import { fields, type Task } from '../tasks/fields.ts'

/** PostgreSQL's calendar has no year 0: before the year 1 comes 1 BC. */
const isInstant = (time: string | undefined) => time !== undefined && time.length > 10 && time >= '0001'

TypeRegistry.Set('Instant', (_, value) => typeof value === 'string' && isInstant(canonicalDate(value)))

const error = 'must be a time like 2026-11-24T18:30:00Z, or null'
const instant = Type.Unsafe<string>({ [Kind]: 'Instant', type: 'string', format: 'date-time', error })
const optionalInstant = Type.Optional(Type.Union([instant, Type.Null()], { error }))

/** A task on its way in: what an export holds of it. Only `title` is needed; `user_id` and `revision` are ignored. */
export const TaskRecord = Type.Object(
  {
    ...ignoredSchemas(fields),
    ...clientSchemas(fields),
    title: fields.title.schema,
    id: Type.Optional(Uuid('Made where there is none.')),
    completed_at: optionalInstant,
    created_at: optionalInstant,
    updated_at: optionalInstant,
    deleted_at: optionalInstant,
  },
  {
    $id: 'TaskRecord',
    additionalProperties: false,
    description: 'A task as it was exported',
    error: 'must be an object',
  },
)
export type TaskRecord = Static<typeof TaskRecord>

export const taskRecord = TypeCompiler.Compile(TaskRecord)

const storedForm = storedFormOf(fields)

/** What a new task has where the file does not say. */
const initial = Object.fromEntries(
  entriesBy(fields, 'client').map(([name, field]) => [name, 'initial' in field ? field.initial : null]),
)

/** A record as the table takes it; a position of null is for the database to choose. */
export type Row = Omit<Task, 'user_id' | 'revision' | 'position'> & { position: number | null }

/**
 * @param record one that has passed its schema. @param now stands in for times that it does not tell.
 */
export function rowOf(record: TaskRecord, now: string): Row {
  const given = Object.entries(storedForm(record)).filter(([, value]) => value !== undefined)
  // Every field that clients write: what the record has, else what a new task has.
  const written = { ...initial, ...Object.fromEntries(given) } as Required<ChangesOf<typeof fields>>
  const created = instantOf(record.created_at) ?? now
  const updated = instantOf(record.updated_at) ?? created
  return {
    ...(written as Omit<Row, 'id' | `${string}_at`>),
    id: record.id?.toLowerCase() ?? Bun.randomUUIDv7(),
    // A completed task has a time of completion, and no other has.
    completed_at: written.completed ? (instantOf(record.completed_at) ?? updated) : null,
    created_at: created,
    updated_at: updated,
    deleted_at: instantOf(record.deleted_at) ?? null,
  }
}

function instantOf(text: string | null | undefined): string | undefined {
  return text == null ? undefined : canonicalDate(text)
}
