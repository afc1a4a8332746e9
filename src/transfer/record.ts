import { type Static, Type } from '@sinclair/typebox'
import { ValueErrorType } from '@sinclair/typebox/errors'
import { checkOf, type faultsIn } from '../http/validation.ts'
import { type ChangesOf, clientSchemas, entriesBy, ignoredSchemas, storedFormOf } from '../resource/field.ts'
import { nullable, Uuid } from '../resource/schemas.ts'
import { fields, type Task } from './fields.ts'
import { instantOf, KindOf, optionalInstant } from './parts.ts'

const optionalUuid = Type.Optional(nullable({ ...Uuid('Another task.'), error: 'must be a UUID, or null' }))

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
    reminded_at: optionalInstant,
    series_id: optionalUuid,
    next_task_id: optionalUuid,
    trashed_with: optionalUuid,
    kind: Type.Optional(KindOf('task')),
  },
  {
    $id: 'TaskRecord',
    additionalProperties: false,
    description: 'A task as it was exported',
    error: 'must be an object',
  },
)
export type TaskRecord = Static<typeof TaskRecord>

const schemaCheck = checkOf(TaskRecord)

/** A rule that is over is no fault: its last task may have been put off. */
const lacksDueDate = ({ recurrence, due_date }: TaskRecord) => recurrence != null && due_date == null

/** The check of a record: that of its schema, and of what two of its fields are together. */
export const taskRecord = {
  Check: (value: unknown): value is TaskRecord => schemaCheck().Check(value) && !lacksDueDate(value),
  Errors(value: unknown): Parameters<typeof faultsIn>[0] {
    if (!schemaCheck().Check(value)) return schemaCheck().Errors(value)
    const type = ValueErrorType.Kind
    return lacksDueDate(value) ? [{ path: '/recurrence', type, schema: { error: 'needs a due_date' }, value }] : []
  },
}

const storedForm = storedFormOf(fields)

/** What a new task has where the file does not say. */
const initial = Object.fromEntries(
  entriesBy(fields, 'client').map(([name, field]) => [name, 'initial' in field ? field.initial : null]),
)

/** A record as the table takes it; a position of null is for the database to choose. */
export type Row = Omit<Task, 'user_id' | 'revision' | 'position'> & { position: number | null }

type ServerField =
  | 'id'
  | 'series_id'
  | 'next_task_id'
  | 'trashed_with'
  | `${'completed' | 'created' | 'updated' | 'deleted' | 'reminded'}_at`

/**
 * @param record one that has passed its schema. @param now stands in for times that it does not tell.
 */
export function rowOf(record: TaskRecord, now: string): Row {
  const given = Object.entries(storedForm(record)).filter(([, value]) => value !== undefined)
  // Every field that clients write: what the record has, else what a new task has.
  const written = { ...initial, ...Object.fromEntries(given) } as Required<ChangesOf<typeof fields>>
  const created = instantOf(record.created_at) ?? now
  const updated = instantOf(record.updated_at) ?? created
  const deleted = instantOf(record.deleted_at) ?? null
  const taker = record.trashed_with?.toLowerCase() ?? null
  return {
    ...(written as Omit<Row, ServerField>),
    id: record.id?.toLowerCase() ?? Bun.randomUUIDv7(),
    // A completed task has a time of completion, and no other has.
    completed_at: written.completed ? (instantOf(record.completed_at) ?? updated) : null,
    created_at: created,
    updated_at: updated,
    deleted_at: deleted,
    // What is at hand went nowhere, and a task goes with its list or its parent only.
    trashed_with: deleted !== null && [written.list_id, written.parent_id].includes(taker) ? taker : null,
    reminded_at: instantOf(record.reminded_at) ?? null,
    series_id: record.series_id?.toLowerCase() ?? null,
    next_task_id: record.next_task_id?.toLowerCase() ?? null,
  }
}
