import { Kind, type Static, type TSchema, type TUnsafe, Type, TypeRegistry } from '@sinclair/typebox'

TypeRegistry.Set('Declared', () => true)

/**
 * The schema of an answer, for the handler's types and the document. No route compares its answers
 * with their schemas at run time: for a page of 50 tasks, that costs as much as writing it. The
 * tests compare every answer with the document instead (`test/kit/documented.ts`).
 *
 * The schema is kept one level down: the swagger plugin would take `additionalProperties` and
 * `$id` off one at the top.
 */
export function declared<Schema extends TSchema>(schema: Schema): TUnsafe<Static<Schema>> {
  const { description } = schema
  return Type.Unsafe<Static<Schema>>({ [Kind]: 'Declared', ...(description !== undefined && { description }), schema })
}
