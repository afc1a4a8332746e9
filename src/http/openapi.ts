/** As much of an OpenAPI 3.1 document as is touched here. */
interface Document {
  paths: Record<string, Record<string, Operation>>
  components: { schemas?: Record<string, Schema>; headers?: Record<string, unknown> }
}
interface Operation {
  responses: Record<string, Response>
  requestBody?: { required?: boolean; content: Record<string, Media> }
  parameters?: { in: string; name: string; schema: Schema }[]
  /** Names of response headers by status, from the route; resolved and removed here. */
  'x-headers'?: Record<string, string[]>
  /** Media types of the body beside JSON, from the route; resolved and removed here. */
  'x-media-types'?: string[]
  'x-optional-body'?: boolean
}
interface Response {
  description?: string
  content?: Record<string, Media>
  headers?: Record<string, unknown>
}
interface Media {
  schema?: Schema
  example?: unknown
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

const text = (description: string, example: string) => ({
  description,
  schema: { type: 'string', examples: [example] },
})

const headers = {
  ETag: text("The task's revision, for `If-Match` and `If-None-Match`.", '"42"'),
  Location: text('Where the new task is.', '/api/kX2mPqR7/tasks/01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80'),
  'WWW-Authenticate': text('What is wrong with the token (RFC 6750).', 'Bearer error="invalid_token"'),
  Allow: text('The methods that this address takes.', 'GET, HEAD, OPTIONS'),
  'Retry-After': text('Seconds to wait before trying again.', '1'),
}

const HEADERS_BY_STATUS: Record<string, string[]> = { 401: ['WWW-Authenticate'], 503: ['Retry-After'] }

/**
 * Makes of the swagger plugin's document what OpenAPI 3.1 and its users expect: problem
 * documents under their media type, no content with 204, response headers, an example
 * for every body, and no keyword of our validation.
 */
export function finishDocument(generated: object): object {
  // Through JSON: drops TypeBox's symbols and leaves the routes' own schemas alone.
  const document = JSON.parse(JSON.stringify(generated, dropOurs)) as Document
  const schemas = document.components.schemas ?? {}
  document.components.headers = headers
  for (const operation of Object.values(document.paths).flatMap((path) => Object.values(path)))
    finishOperation(operation, schemas)
  return document
}

function finishOperation(operation: Operation, schemas: Record<string, Schema>): void {
  const named = operation['x-headers'] ?? {}
  for (const [status, { description, content }] of Object.entries(operation.responses)) {
    const names = [...(named[status] ?? []), ...(HEADERS_BY_STATUS[status] ?? [])]
    operation.responses[status] = {
      description: description ?? status,
      ...(names.length > 0 && { headers: Object.fromEntries(names.map((name) => [name, headerRef(name)])) }),
      ...(status !== '204' && {
        content: Number(status) >= 400 ? problemContent() : withExamples(content ?? {}, schemas),
      }),
    }
  }
  if (operation.requestBody) {
    const [media = {}] = Object.values(withExamples(operation.requestBody.content, schemas))
    const types = ['application/json', ...(operation['x-media-types'] ?? [])]
    operation.requestBody.content = Object.fromEntries(types.map((type) => [type, media]))
    operation.requestBody.required = !operation['x-optional-body']
  }
  delete operation['x-headers']
  delete operation['x-media-types']
  delete operation['x-optional-body']
}

const headerRef = (name: string) => ({ $ref: `#/components/headers/${name}` })
const problemContent = () => ({ 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } })

function withExamples(content: Record<string, Media>, schemas: Record<string, Schema>): Record<string, Media> {
  return Object.fromEntries(
    Object.entries(content).map(([type, { schema, ...media }]) => {
      const example = schema && exampleOf(schema, schemas)
      return [type, { ...media, ...(schema && { schema }), ...(example !== undefined && { example }) }]
    }),
  )
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

/** `error` is the sentence of a 422, except where it is a property's name; a union of constants reads better as an enum. */
function dropOurs(key: string, value: unknown): unknown {
  if (key === 'error' && typeof value === 'string') return undefined
  const options = (value as Schema | null)?.anyOf
  if (!Array.isArray(options) || !options.every(({ const: constant }) => typeof constant === 'string')) return value
  const { anyOf, ...rest } = value as Schema
  return { ...rest, type: 'string', enum: options.map((option) => option.const) }
}
