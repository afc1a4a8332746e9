import { Kind, type Static, type TSchema, type TUnsafe, Type, TypeRegistry } from '@sinclair/typebox'

TypeRegistry.Set('Declared', () => true)

/**
 * An answer as the types and the document know it. No answer is compared with its schema at run
 * time, on any route: of a page of 50 tasks, that costs as much as writing them. The tests
 * compare every answer with the document instead (`test/kit/documented.ts`).
 *
 * The schema is kept one level down: the swagger plugin would take `additionalProperties` and
 * `$id` off one at the top.
 */
export function declared<Schema extends TSchema>(schema: Schema): TUnsafe<Static<Schema>> {
  const { description } = schema
  return Type.Unsafe<Static<Schema>>({ [Kind]: 'Declared', ...(description !== undefined && { description }), schema })
}
