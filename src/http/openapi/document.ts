import type { ProblemCode } from '../../problem.ts'
import { ProblemDocument } from '../problems.ts'
import { EXTENSION } from './documented.ts'
import { exampleOf, problemExample } from './examples.ts'
import { headers, parameters } from './headers.ts'
import type { Document, Media, Operation, Parameter, Response, Schema, Schemas } from './shape.ts'

/** The scope of an operation, by its method and its route with `:name` for parameters. */
export type ScopeOf = (method: string, route: string) => string | undefined

/** Response headers that follow from the status. */
const headersOf = (status: string, method: string): string[] =>
  ({
    401: ['WWW-Authenticate'],
    403: ['WWW-Authenticate'],
    415: [method === 'patch' ? 'Accept-Patch' : 'Accept'],
    429: ['Retry-After', 'RateLimit', 'RateLimit-Policy'],
    503: ['Retry-After'],
  })[status] ?? []

/** Statuses whose answers have no content here (RFC 9110, 15.3.5, 15.4.3 and 15.4.5). */
const EMPTY = ['204', '302', '304']

/**
 * Makes of the swagger plugin's document what OpenAPI 3.1 and its users expect: problem
 * documents under their media type, JSON and nothing else elsewhere, response headers, an
 * example for every body, each named schema (`$id`) once, and no keyword of our validation.
 *
 * @param scopeOf what an operation that takes a token asks of its scope; undefined: a token that is not limited.
 */
export function finishDocument(generated: object, scopeOf: ScopeOf): object {
  const schemas: Schemas = {}
  // Through JSON: drops TypeBox's symbols and leaves the routes' own schemas alone.
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value, (key, part) => finishPart(key, part)))
  const finishPart = (key: string, part: unknown): unknown => {
    const { $id: name, ...schema } = (part ?? {}) as Schema
    if (typeof name !== 'string') return dropOurs(key, part)
    if (!(name in schemas)) {
      schemas[name] = {}
      schemas[name] = plain(schema) as Schema
    }
    return ref('schemas', name)
  }
  const document = plain(generated) as Document
  schemas['Problem'] = plain(ProblemDocument) as Schema
  const codes = new Set<ProblemCode>()
  for (const [path, item] of Object.entries(document.paths))
    for (const [method, operation] of Object.entries(item)) {
      const scope = scopeOf(method, path.replace(/\{(\w+)\}/g, ':$1'))
      // Names of roles, which OpenAPI 3.1 (4.8.30) allows beside bearer tokens.
      operation.security ??= [{ bearer: scope === undefined ? [] : [scope] }]
      for (const { 'x-codes': own = [] } of Object.values(operation.responses)) for (const code of own) codes.add(code)
      finishOperation(operation, method, schemas)
    }
  Object.assign(document.components, {
    schemas,
    headers,
    parameters,
    examples: Object.fromEntries([...codes].map((code) => [code, problemExample(code)])),
  })
  return document
}

function finishOperation(operation: Operation, method: string, schemas: Schemas): void {
  const { [EXTENSION]: told = {} } = operation
  for (const [status, { description, content, 'x-codes': codes, 'x-examples': others }] of Object.entries(
    operation.responses,
  )) {
    const names = [...(told.responseHeaders?.[Number(status)] ?? []), ...headersOf(status, method)]
    const declared = content?.['application/json']?.schema
    operation.responses[status] = {
      description: description ?? status,
      ...(names.length > 0 && { headers: Object.fromEntries(names.map((name) => [name, ref('headers', name)])) }),
      ...(!EMPTY.includes(status) && {
        content: codes
          ? problemContent(codes, others)
          : withForms(jsonContent(declared?.schema ?? declared, schemas), told.content?.[Number(status)]),
      }),
    }
  }
  const body = operation.requestBody?.content['application/json']?.schema ?? (told.body as Schema | undefined)
  if (body || told.requestContent)
    operation.requestBody = {
      required: !told.optionalBody,
      content: withForms(body ? jsonContent(body, schemas, told.mediaTypes) : {}, told.requestContent),
    }
  for (const parameter of operation.parameters ?? []) if ('schema' in parameter) finishParameter(parameter)
  for (const name of told.requestHeaders ?? [])
    operation.parameters = [...(operation.parameters ?? []), ref('parameters', name)]
  delete operation[EXTENSION]
}

/**
 * The plugin lifts a schema's list of examples into its parameter, where OpenAPI wants a map.
 * On the page one example is a value that the reader can replace, a list is the only choice, and the
 * example of an optional parameter would be sent unasked.
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

function withForms(content: Record<string, Media>, forms: Record<string, object | null> = {}): Record<string, Media> {
  const all = Object.entries({ ...content, ...forms })
  return Object.fromEntries(all.filter((form): form is [string, Media] => form[1] !== null))
}

/** The plugin lists form data and plain text beside JSON. */
function jsonContent(schema: Schema = {}, schemas: Schemas, otherTypes: string[] = []): Record<string, Media> {
  const example = exampleOf(schema, schemas)
  const media = { schema, ...(example !== undefined && { example }) }
  return Object.fromEntries(['application/json', ...otherTypes].map((type) => [type, media]))
}

/**
 * `error` is the sentence of a 422, except where it is a property's name; a union of constants
 * reads better as an enum.
 */
function dropOurs(key: string, value: unknown): unknown {
  if (key === 'error' && typeof value === 'string') return undefined
  const { const: constant, ...others } = (value ?? {}) as Schema
  if (typeof constant === 'string') return { ...others, enum: [constant] }
  const options = (value as Schema | null)?.anyOf
  if (!Array.isArray(options) || !options.every(({ const: constant }) => typeof constant === 'string')) return value
  const { anyOf, ...rest } = value as Schema
  return { ...rest, type: 'string', enum: options.map((option) => option.const) }
}
