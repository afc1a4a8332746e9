import type { Static, TObject, TSchema } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler'
import { ValueErrorType } from '@sinclair/typebox/errors'
import { type Fault, invalid } from '../problem.ts'
import { nearest } from './nearest.ts'

/** Faults listed in one answer, at most. */
export const MAX_FAULTS = 20

/** The check of a schema, compiled when it is first asked for: all of them would make every start longer. */
export function checkOf<Schema extends TSchema>(schema: Schema): () => TypeCheck<Schema> {
  let check: TypeCheck<Schema> | undefined
  return () => {
    check ??= TypeCompiler.Compile(schema)
    return check
  }
}

interface FoundError {
  path: string
  type: ValueErrorType
  schema: { error?: unknown } & Partial<Pick<TObject, 'properties'>>
  value: unknown
}

/** The faults that TypeBox finds, one for each value, in words that a client can show; nothing of the value is in them. */
export function faultsIn(errors: Iterable<FoundError>): Fault[] {
  const faults = new Map<string, Fault>()
  for (const found of errors) {
    // Only the first fault of a value counts: those of a union's options repeat it.
    if (!faults.has(found.path)) faults.set(found.path, faultOf(found))
    if (faults.size === MAX_FAULTS) break
  }
  return [...faults.values()]
}

function faultOf({ path: pointer, type, schema, value }: FoundError): Fault {
  if (type === ValueErrorType.ObjectAdditionalProperties)
    return unknownField(pointer, Object.keys(schema.properties ?? {}))
  return { pointer, detail: explain(type, schema.error, value) }
}

/** The name is the client's own text: it stands in the pointer and nowhere else. */
function unknownField(pointer: string, names: string[]): Fault {
  const name = pointer
    .slice(pointer.lastIndexOf('/') + 1)
    .replaceAll('~1', '/')
    .replaceAll('~0', '~')
  const meant = nearest(name, names)
  const hint = meant === undefined ? '' : `: did you mean ${meant}?`
  return {
    pointer,
    detail: `is not a field that can be sent here${hint}`,
    sentence: `The body has a field that cannot be sent here${hint || '.'}`,
  }
}

/** TypeBox's own messages are written for developers: a schema's `error` is the sentence for clients. */
function explain(type: ValueErrorType, error: unknown, value: unknown): string {
  if (type === ValueErrorType.ObjectRequiredProperty) return 'is required'
  if (type === ValueErrorType.ObjectMinProperties) return 'must have at least one field'
  const texts = (Array.isArray(value) ? value : [value]).filter((item) => typeof item === 'string')
  if (texts.some((text) => text.includes('\0'))) return 'must not contain the NUL character (U+0000)'
  if (!texts.every((text) => text.isWellFormed())) return 'must not contain half of a surrogate pair'
  const words = typeof error === 'function' ? error(value) : error
  return typeof words === 'string' && words !== '' ? words : 'is not valid'
}

/**
 * The value, with the type that its schema gives it.
 *
 * @throws Problem `validation-failed` with every fault.
 */
export function checked<Schema extends TSchema>(schema: TypeCheck<Schema>, value: unknown): Static<Schema> {
  if (schema.Check(value)) return value
  throw invalid(faultsIn(schema.Errors(value)))
}
