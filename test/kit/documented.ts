import Ajv, { type ValidateFunction } from 'ajv/dist/2020'
import addFormats from 'ajv-formats'
import document from '../../openapi.json'

interface Media {
  schema: object
}
interface Operation {
  responses: Record<string, { content?: Record<string, Media> }>
}

/**
 * With every object closed: clients must expect fields that later versions add, but no answer of this one has a
 * field that the document does not name.
 */
const closed: typeof document = JSON.parse(JSON.stringify(document), (_, part) =>
  part?.properties === undefined ? part : { additionalProperties: false, ...part },
)

const METHODS = ['get', 'put', 'post', 'delete', 'patch']

/** Refusals of requests that have not reached an operation, by status. */
const BEFORE: Record<number, string> = { 400: 'malformed-request', 414: 'uri-too-long' }

// `strict` would refuse the keywords that OpenAPI adds to JSON Schema.
const ajv = new Ajv({ strict: false, allErrors: true })
addFormats(ajv)
const validators = new Map<object, ValidateFunction>()

const paths = Object.keys(document.paths).map((path) => {
  // Better Auth's answers have more than the document promises.
  const { paths: items, components } = path.startsWith('/api/auth/') ? document : closed
  return {
    path,
    pattern: new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}/?$`),
    item: (items as Record<string, Record<string, Operation>>)[path] ?? {},
    components,
  }
})

/**
 * Compares an answer with the OpenAPI document: its status and media type must be declared for the
 * operation, and its JSON must fit the schema. The service itself compares nothing.
 *
 * @throws Error that names the operation and each difference.
 */
export async function expectDocumented(method: string, address: string, response: Response): Promise<void> {
  const { pathname } = new URL(address, 'http://localhost')
  const known = paths.find(({ pattern }) => pattern.test(pathname))
  const asked = method === 'HEAD' ? 'get' : method.toLowerCase()
  const operation = known && METHODS.includes(asked) ? known.item[asked] : undefined
  const { status } = response
  const [type = ''] = (response.headers.get('content-type') ?? '').split(';')
  const json = type.endsWith('json') && method !== 'HEAD' ? ((await response.clone().json()) as unknown) : undefined
  const where = `${method} ${known?.path ?? pathname} ${status}`
  if (BEFORE[status] !== undefined && (json as { code?: string } | undefined)?.code === BEFORE[status])
    return check(closed.components.schemas.Problem, closed.components, json, where)
  if (known === undefined || operation === undefined) {
    if (type === 'application/problem+json' && json !== undefined)
      check(closed.components.schemas.Problem, closed.components, json, where)
    return
  }
  const declared = operation.responses[status]
  if (declared === undefined) throw new Error(`${where}: the document does not declare this status`)
  if (method === 'HEAD') return
  const { content } = declared
  if (content === undefined) {
    if (type !== '') throw new Error(`${where}: has a body, of which the document says nothing`)
    return
  }
  const media = content[type]
  if (media === undefined) throw new Error(`${where}: is ${type}, which the document does not declare`)
  if (json !== undefined) check(media.schema, known.components, json, where)
}

function check(schema: object, components: object, value: unknown, where: string): void {
  const validate = validators.get(schema) ?? ajv.compile({ ...schema, components })
  validators.set(schema, validate)
  if (!validate(value)) throw new Error(`${where} is not as documented: ${ajv.errorsText(validate.errors)}`)
}
