import { type Static, Type } from '@sinclair/typebox'
import { checkOf } from '../http/validation.ts'
import { fields, type List } from '../lists/fields.ts'
import { clientSchemas, ignoredSchemas, storedFormOf } from '../resource/field.ts'
import { Uuid } from '../resource/schemas.ts'
import { instantOf, KindOf, optionalInstant } from './parts.ts'

/** A list on its way in or out. Tasks have no `kind`, or `task`. */
export const ListRecord = Type.Object(
  {
    ...ignoredSchemas(fields),
    ...clientSchemas(fields),
    kind: KindOf('list'),
    name: fields.name.schema,
    id: Type.Optional(Uuid('Made where there is none.')),
    created_at: optionalInstant,
    updated_at: optionalInstant,
    deleted_at: optionalInstant,
  },
  {
    $id: 'ListRecord',
    additionalProperties: false,
    description: 'A list as it was exported',
    error: 'must be an object',
  },
)
export type ListRecord = Static<typeof ListRecord>

export const listRecord = checkOf(ListRecord)

/** Whether an entry of a file says that it is a list. */
export const isList = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'list'

/** A record as the table takes it; a position of null is for the database to choose. */
export type ListRow = Omit<List, 'user_id' | 'revision' | 'position'> & { position: number | null }

const storedForm = storedFormOf(fields)

/**
 * @param record one that has passed its schema. @param now stands in for times that it does not tell.
 */
export function listRowOf(record: ListRecord, now: string): ListRow {
  const { name = record.name, position } = storedForm(record)
  const created = instantOf(record.created_at) ?? now
  return {
    id: record.id?.toLowerCase() ?? Bun.randomUUIDv7(),
    name,
    position: position ?? null,
    created_at: created,
    updated_at: instantOf(record.updated_at) ?? created,
    deleted_at: instantOf(record.deleted_at) ?? null,
  }
}
