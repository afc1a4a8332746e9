import type { Static, TSchema } from '@sinclair/typebox'
import type { TypeCheck } from '@sinclair/typebox/compiler'
import { ValueErrorType } from '@sinclair/typebox/errors'
import { type Fault, invalid } from '../problem.ts'

/** Faults listed in one answer, at most. */
const MAX_FAULTS = 20

interface FoundError {
  path: string
  type: ValueErrorType
  schema: { error?: unknown }
}

/** The faults that TypeBox finds, one for each value, in words that a client can show; nothing of the value is in them. */
export function faultsIn(errors: Iterable<FoundError>): Fault[] {
  const faults = new Map<string, Fault>()
  for (const found of errors) {
    // The first fault of a value is the one to mend; those inside a union only repeat it.
    if (!faults.has(found.path)) faults.set(found.path, { pointer: found.path, detail: explain(found) })
    if (faults.size === MAX_FAULTS) break
  }
  return [...faults.values()]
}

/** TypeBox's own messages are written for developers: a schema's `error` is the sentence for clients. */
function explain({ type, schema }: FoundError): string {
  if (type === ValueErrorType.ObjectAdditionalProperties) return 'is not a field that can be sent here'
  if (type === ValueErrorType.ObjectRequiredProperty) return 'is required'
  return typeof schema.error === 'string' && schema.error !== '' ? schema.error : 'is not valid'
}

/**
 * The value as what its schema says it is.
 *
 * @throws Problem `validation-failed` with every fault.
 */
export function checked<Schema extends TSchema>(schema: TypeCheck<Schema>, value: unknown): Static<Schema> {
  if (schema.Check(value)) return value
  throw invalid(faultsIn(schema.Errors(value)))
}
