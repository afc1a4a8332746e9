import { catalogue, type ProblemCode } from '../../problem.ts'
import type { Schema, Schemas } from './shape.ts'

/** A problem document that shows a code. */
export function problemExample(code: ProblemCode) {
  const [status, title] = catalogue[code]
  const fault = { pointer: '/title', detail: 'must be text of 1 to 200 characters, not counting outer white space' }
  const value = {
    type: `urn:doable:problem:${code}`,
    title,
    status,
    detail: code === 'validation-failed' ? `title ${fault.detail}.` : `${title}.`,
    code,
    request_id: '01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80',
    ...(code === 'validation-failed' && { errors: [fault] }),
  }
  return { summary: title, value }
}

/** Put together from the examples of the parts. Read-only parts of a request are left out. */
export function exampleOf(schema: Schema, schemas: Schemas): unknown {
  if (schema.$ref !== undefined) {
    const target = schemas[schema.$ref.split('/').at(-1) ?? '']
    return target && exampleOf(target, schemas)
  }
  if (schema.examples !== undefined) return schema.examples[0]
  if (schema.enum !== undefined) return schema.enum[0]
  if (schema.properties !== undefined)
    return Object.fromEntries(
      Object.entries(schema.properties)
        .map(([name, part]) => [name, part['readOnly'] ? undefined : exampleOf(part, schemas)])
        .filter(([, value]) => value !== undefined),
    )
  if (schema.type === 'array' && schema.items) {
    const item = exampleOf(schema.items, schemas)
    return item === undefined ? undefined : [item]
  }
  if (schema.anyOf !== undefined) return exampleOf(schema.anyOf[0] ?? {}, schemas)
  return undefined
}
