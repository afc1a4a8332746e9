import { Kind, type Static, Type, TypeRegistry } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { canonicalDate } from '../resource/dates.ts'
import { NewTask, storedForm } from '../tasks/model.ts'

TypeRegistry.Set('Instant', (_, value) => typeof value === 'string' && (canonicalDate(value)?.length ?? 0) > 10)

const error = 'must be a time like 2026-11-24T18:30:00Z, or null'
const instant = Type.Unsafe<string>({ [Kind]: 'Instant', type: 'string', format: 'date-time', error })
const optionalInstant = Type.Optional(Type.Union([instant, Type.Null()], { error }))

/** A task on its way in: what an export holds of it. Only `title` is needed; `user_id` and `revision` are ignored. */
export const TaskRecord = Type.Object(
  {
    ...NewTask.properties,
    completed_at: optionalInstant,
    created_at: optionalInstant,
    updated_at: optionalInstant,
    deleted_at: optionalInstant,
  },
  { additionalProperties: false, description: 'A task as it was exported', error: 'must be an object' },
)
export type TaskRecord = Static<typeof TaskRecord>

export const taskRecord = TypeCompiler.Compile(TaskRecord)

/** A record as the table takes it; nulls where the database has to choose. */
export interface Row {
  id: string
  title: string
  description: string | null
  completed: boolean
  completed_at: string | null
  priority: string
  due_date: string | null
  tags: string[]
  position: number | null
  created_at: string
  updated_at: string
  deleted_at: string | null
}

/**
 * @param record one that has passed its schema. @param now stands in for times that it does not tell.
 */
export function rowOf(record: TaskRecord, now: string): Row {
  const {
    title = record.title,
    description,
    completed = false,
    priority,
    due_date,
    tags,
    position,
  } = storedForm(record)
  const created = instantOf(record.created_at) ?? now
  const updated = instantOf(record.updated_at) ?? created
  return {
    id: record.id?.toLowerCase() ?? Bun.randomUUIDv7(),
    title,
    description: description ?? null,
    completed,
    // A completed task has a time of completion, and no other has.
    completed_at: completed ? (instantOf(record.completed_at) ?? updated) : null,
    priority: priority ?? 'medium',
    due_date: due_date ?? null,
    tags: tags ?? [],
    position: position ?? null,
    created_at: created,
    updated_at: updated,
    deleted_at: instantOf(record.deleted_at) ?? null,
  }
}

function instantOf(text: string | null | undefined): string | undefined {
  return text == null ? undefined : canonicalDate(text)
}
