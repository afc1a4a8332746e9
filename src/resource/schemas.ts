import { Kind, type TSchema, Type, TypeRegistry } from '@sinclair/typebox'
import { canonicalDate } from './dates.ts'
import { Text } from './text.ts'

const UUID = '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$'

/** A UUID of any version (RFC 9562), in either case. */
export const Uuid = (description: string) =>
  Type.String({
    pattern: UUID,
    format: 'uuid',
    description,
    examples: ['01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80'],
    error: 'must be a UUID',
  })

/** In a query: the id of another row, or `none` for rows that name no other. */
export const UuidOrNone = (description: string) =>
  Type.String({
    pattern: `${UUID}|^none$`,
    description,
    examples: ['01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80', 'none'],
    error: 'must be a UUID, or none',
  })

/** An instant as answers have it (RFC 3339, UTC, milliseconds). */
export const Time = (description: string) =>
  Type.String({ format: 'date-time', description, examples: ['2026-11-20T22:02:42.578Z'] })

/** The same, or null; an example shows null. */
export const OptionalTime = (description: string) =>
  Type.Union([Time(description), Type.Null()], { description, examples: [null] })

/** PostgreSQL's calendar has no year 0: before the year 1 comes 1 BC. */
const isInstant = (time: string | undefined) => time !== undefined && time.length > 10 && time >= '0001'

TypeRegistry.Set('Instant', (_, value) => typeof value === 'string' && isInstant(canonicalDate(value)))

/** An instant as clients write it (RFC 3339, with any offset); `canonicalDate` has its stored form. */
export const Instant = (description?: string) =>
  Type.Unsafe<string>({
    [Kind]: 'Instant',
    type: 'string',
    format: 'date-time',
    examples: ['2026-11-24T17:00:00.000Z'],
    ...(description !== undefined && { description }),
    error: 'must be a time like 2026-11-24T18:30:00Z, or null',
  })

export const nullable = <Schema extends TSchema>(schema: Schema) =>
  Type.Union([schema, Type.Null()], {
    error: schema['error'] ?? '',
    ...(schema.examples && { examples: schema.examples }),
  })

/** Above every revision, and within PostgreSQL's bigint. */
export const MAX_REVISION = 999_999_999_999_999

/** A user's counter, which begins at the clock in milliseconds: above 32 bits, to which generators cut other integers. */
export const Revision = (description: string, rules: object = {}) =>
  Type.Integer({ format: 'int64', description, examples: [1763676162578], ...rules })

export const UserPath = Type.Object({
  user_id: Text({
    minLength: 1,
    maxLength: 255,
    description: "The token's user.",
    examples: ['kX2mPqR7sT9vW1yZ3aB5cD7eF9gH1jK3'],
    error: 'must be text of 1 to 255 characters',
  }),
})
