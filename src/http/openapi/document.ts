import { catalogue, type ProblemCode } from '../../problem.ts'
import { headers, parameters } from './headers.ts'

/** As much of an OpenAPI 3.1 document as is touched here. */
interface Document {
  paths: Record<string, Record<string, Operation>>
  components: Record<string, Record<string, unknown>> & { schemas: Record<string, Schema> }
}
interface Operation {
  responses: Record<string, Response>
  requestBody?: { required?: boolean; content: Record<string, Media> }
  parameters?: (Parameter | { $ref: string })[]
  /** Names of response headers by status, from the route; resolved and removed here. */
  'x-headers'?: Record<string, string[]>
  /** Names of request headers, likewise. */
  'x-request-headers'?: string[]
  /** Media types that a body of the same schema may have beside JSON, likewise. */
  'x-media-types'?: string[]
  /** Bodies in other forms than JSON, by status (or `request`) and media type; `null` takes JSON away. Likewise. */
  'x-content'?: Record<string, Record<string, Media | null>>
  'x-optional-body'?: boolean
}
interface Parameter {
  required: boolean
  schema: Schema
  example?: unknown
  examples?: unknown
}
interface Response {
  description?: string
  content?: Record<string, Media>
  headers?: Record<string, unknown>
  /** The codes of a problem, from `problems`; resolved and removed here. */
  'x-codes'?: ProblemCode[]
  /** Problems that are not in the catalogue, likewise. */
  'x-examples'?: { detail: string; code: string }[]
}
interface Media {
  schema?: Schema
  example?: unknown
  examples?: unknown
}
interface Schema {
  [keyword: string]: unknown
  $ref?: string
  type?: string
  anyOf?: Schema[]
  const?: unknown
  examples?: unknown[]
  properties?: Record<string, Schema>
  items?: Schema
}

/** Response headers that follow from the status. */
const headersOf = (status: string, method: string): string[] =>
  ({
    401: ['WWW-Authenticate'],
    415: [method === 'patch' ? 'Accept-Patch' : 'Accept'],
    429: ['Retry-After', 'RateLimit', 'RateLimit-Policy'],
    503: ['Retry-After'],
  })[status] ?? []

const OURS = ['x-headers', 'x-request-headers', 'x-media-types', 'x-content', 'x-optional-body'] as const

/** Statuses whose answers have no content (RFC 9110, 15.3.5 and 15.4.5). */
const EMPTY = ['204', '304']

/**
 * Makes of the swagger plugin's document what OpenAPI 3.1 and its users expect: problem
 * documents under their media type, JSON and nothing else elsewhere, response headers, an
 * example for every body, and no keyword of our validation.
 */
export function finishDocument(generated: object): object {
  // Through JSON: drops TypeBox's symbols and leaves the routes' own schemas alone.
  const document = JSON.parse(JSON.stringify(generated, dropOurs)) as Document
  const { components } = document
  const codes = new Set<ProblemCode>()
  for (const path of Object.values(document.paths))
    for (const [method, operation] of Object.entries(path)) {
      for (const { 'x-codes': own = [] } of Object.values(operation.responses)) for (const code of own) codes.add(code)
      finishOperation(operation, method, components.schemas)
    }
  components['headers'] = headers
  components['parameters'] = parameters
  components['examples'] = Object.fromEntries([...codes].map((code) => [code, problemExample(code)]))
  return document
}

function finishOperation(operation: Operation, method: string, schemas: Record<string, Schema>): void {
  const named = operation['x-headers'] ?? {}
  const forms = operation['x-content'] ?? {}
  for (const [status, { description, content, 'x-codes': codes, 'x-examples': others }] of Object.entries(
    operation.responses,
  )) {
    const names = [...(named[status] ?? []), ...headersOf(status, method)]
    operation.responses[status] = {
      description: description ?? status,
      ...(names.length > 0 && { headers: Object.fromEntries(names.map((name) => [name, ref('headers', name)])) }),
      ...(!EMPTY.includes(status) && {
        content: codes ? problemContent(codes, others) : withForms(jsonContent(content, schemas), forms[status]),
      }),
    }
  }
  const body = operation.requestBody
  if (body || forms['request']) {
    const json = body && jsonContent(body.content, schemas, operation['x-media-types'])
    operation.requestBody = {
      required: !operation['x-optional-body'],
      content: withForms(json ?? {}, forms['request']),
    }
  }
  for (const parameter of operation.parameters ?? []) if ('schema' in parameter) finishParameter(parameter)
  for (const name of operation['x-request-headers'] ?? [])
    operation.parameters = [...(operation.parameters ?? []), ref('parameters', name)]
  for (const keyword of OURS) delete operation[keyword]
}

/**
 * The plugin lifts a schema's list of examples into its parameter, where OpenAPI wants a map.
 * The page offers one example as a value to write over, and a list as the only choice; of
 * optional parameters it would send the example unasked.
 */
function finishParameter(parameter: Parameter): void {
  if (parameter.required && Array.isArray(parameter.examples)) parameter.example = parameter.examples[0]
  delete parameter.examples
}

const ref = (section: string, name: string) => ({ $ref: `#/components/${section}/${name}` })

function problemContent(codes: ProblemCode[], others: Response['x-examples'] = []): Record<string, Media> {
  const examples = Object.fromEntries([
    ...codes.map((code) => [code, ref('examples', code)]),
    ...others.map((value) => [value.code, { summary: value.detail, value }]),
  ])
  return { 'application/problem+json': { schema: ref('schemas', 'Problem'), examples } }
}

function problemExample(code: ProblemCode) {
  const [status, title] = catalogue[code]
  const value = {
    type: `urn:doable:problem:${code}`,
    title,
    status,
    detail: `${title}.`,
    code,
    request_id: '01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80',
    ...(status === 422 && {
      errors: [{ pointer: '/title', detail: 'must be text of 1 to 200 characters, not counting outer white space' }],
    }),
  }
  return { summary: title, value }
}

function withForms(content: Record<string, Media>, forms: Record<string, Media | null> = {}): Record<string, Media> {
  const all = Object.entries({ ...content, ...forms })
  return Object.fromEntries(all.filter((form): form is [string, Media] => form[1] !== null))
}

/** The plugin lists form data and plain text beside JSON. */
function jsonContent(
  content: Record<string, Media> = {},
  schemas: Record<string, Schema>,
  otherTypes: string[] = [],
): Record<string, Media> {
  const { schema = {} } = content['application/json'] ?? {}
  const example = exampleOf(schema, schemas)
  const media = { schema, ...(example !== undefined && { example }) }
  return Object.fromEntries(['application/json', ...otherTypes].map((type) => [type, media]))
}

/** Put together from the examples of the parts. Read-only parts of a request are left out. */
function exampleOf(schema: Schema, schemas: Record<string, Schema>): unknown {
  if (schema.$ref !== undefined) {
    const target = schemas[schema.$ref.split('/').at(-1) ?? '']
    return target && exampleOf(target, schemas)
  }
  if (schema.examples !== undefined) return schema.examples[0]
  if (schema.const !== undefined) return schema.const
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

/**
 * `error` is the sentence of a 422, except where it is a property's name; a `$id` would move
 * every `$ref` below it; a union of constants reads better as an enum.
 */
function dropOurs(key: string, value: unknown): unknown {
  if ((key === 'error' || key === '$id') && typeof value === 'string') return undefined
  const options = (value as Schema | null)?.anyOf
  if (!Array.isArray(options) || !options.every(({ const: constant }) => typeof constant === 'string')) return value
  const { anyOf, ...rest } = value as Schema
  return { ...rest, type: 'string', enum: options.map((option) => option.const) }
}
