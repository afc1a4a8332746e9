import { createConfig, lintFromString } from '@redocly/openapi-core'
import { Validator } from '@seriousme/openapi-schema-validator'

export type Json = Record<string, unknown>

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace']

/** The tag of operations that take no token: load balancers have none. */
const OPEN_TAG = 'health'

/** Operations that one needs before there is a token. */
const OPEN_OPERATIONS = ['signUp', 'signIn', 'getKeys', 'requestPasswordReset', 'resetPassword', 'verifyEmail']

/** The tag of operations whose paths have no `user_id`, so that none can be another user's. */
const ACCOUNT_TAG = 'accounts'

/** Answers that are not JSON alone, by operation. */
const OTHER_FORMS: Record<string, string> = {
  exportTasks: 'application/json,text/csv',
  streamEvents: 'text/event-stream',
}

/** What every operation behind a token can answer. */
const BEHIND_TOKEN = ['401', '403', '500', '503']

/** What every operation that reads a body can answer. */
const WITH_BODY = ['400', '413', '415', '422']

/** Keywords of JSON Schema 2020-12 and of the OpenAPI 3.1 base vocabulary that are in use here. */
const VALUE_KEYWORDS = [
  ...['$ref', '$comment', 'title', 'description', 'default', 'deprecated', 'readOnly', 'writeOnly', 'examples'],
  ...['type', 'enum', 'const', 'format', 'pattern', 'minLength', 'maxLength', 'contentMediaType', 'contentEncoding'],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'required', 'dependentRequired'],
  ...['minItems', 'maxItems', 'uniqueItems', 'minContains', 'maxContains', 'minProperties', 'maxProperties'],
  ...['discriminator', 'externalDocs', 'xml'],
]
const SCHEMA_KEYWORDS = [
  ...['items', 'contains', 'additionalProperties', 'unevaluatedProperties', 'unevaluatedItems', 'propertyNames'],
  ...['not', 'if', 'then', 'else', 'contentSchema'],
]
const LIST_KEYWORDS = ['anyOf', 'oneOf', 'allOf', 'prefixItems']
const MAP_KEYWORDS = ['properties', 'patternProperties', 'dependentSchemas']

/**
 * Everything that is wrong with an OpenAPI document, one sentence each: for the standard
 * (3.1), for the linter (warnings too), and for the rules of this project.
 */
export async function faultsOf(document: Json): Promise<string[]> {
  return [...(await breaksStandard(document)), ...(await breaksLint(document)), ...breaksOurs(document)]
}

async function breaksStandard(document: Json): Promise<string[]> {
  const validator = new Validator()
  const { valid, errors } = await validator.validate(structuredClone(document))
  return [
    ...(document['openapi'] === '3.1.0' && validator.version === '3.1'
      ? []
      : [`openapi: is ${document['openapi']}, not 3.1.0`]),
    ...(valid ? [] : [`standard: ${typeof errors === 'string' ? errors : JSON.stringify(errors)}`]),
  ]
}

async function breaksLint(document: Json): Promise<string[]> {
  const config = await createConfig({
    extends: ['recommended-strict'],
    rules: {
      // Health takes nothing that could be wrong; our own rules ask for 401, 403 and more elsewhere.
      'operation-4xx-response': 'off',
      'operation-4xx-problem-details-rfc7807': 'error',
      'operation-tag-defined': 'error',
      'component-name-unique': 'error',
      'parameter-description': 'error',
      'request-mime-type': {
        severity: 'error',
        allowedValues: ['application/json', 'application/merge-patch+json', 'text/csv'],
      },
      'response-mime-type': {
        severity: 'error',
        allowedValues: ['application/json', 'application/problem+json', 'text/csv', 'text/event-stream'],
      },
      'response-contains-header': {
        severity: 'error',
        names: { 201: ['Location', 'ETag'], 401: ['WWW-Authenticate'], 503: ['Retry-After'] },
      },
    },
  })
  const problems = await lintFromString({ source: JSON.stringify(document), absoluteRef: 'openapi.json', config })
  return problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer ?? ''}`)
}

function breaksOurs(document: Json): string[] {
  const faults: string[] = []
  const isSecured = hasBearer(document['security'], document)
  for (const [path, item] of Object.entries(asJson(document['paths'])))
    for (const [method, operation] of Object.entries(asJson(item)).filter(([key]) => METHODS.includes(key)))
      faults.push(
        ...operationFaults(asJson(operation), path, isSecured, document).map((text) => `${method} ${path}: ${text}`),
      )
  walk(document, '#', faults)
  const names = Object.keys(asJson(asJson(document['components'])['schemas']))
  const values = enumValues(document)
  for (const name of names) {
    if (names.includes(`New${name}`)) faults.push(`New${name}: Go generators name the constructor of ${name} so`)
    if (values.has(name.toLowerCase())) faults.push(`${name}: Go generators name the constant of an enum's value so`)
  }
  return faults
}

function operationFaults(operation: Json, path: string, isSecuredByDefault: boolean, document: Json): string[] {
  const faults: string[] = []
  const responses = asJson(operation['responses'])
  const tags = (operation['tags'] ?? []) as string[]
  for (const name of ['operationId', 'summary']) if (!operation[name]) faults.push(`has no ${name}`)
  if (tags.length === 0) faults.push('has no tags')

  const isOpen = tags.includes(OPEN_TAG) || OPEN_OPERATIONS.includes(String(operation['operationId']))
  const security = operation['security']
  const isSecured = security === undefined ? isSecuredByDefault : hasBearer(security, document)
  if (isSecured === isOpen) faults.push(isOpen ? 'asks for a token' : 'is open to everybody')

  const body = operation['requestBody'] as Json | undefined
  // An empty requirement beside others: the operation works without credentials, too (OpenAPI 3.1, 4.8.2).
  const isOptional = Array.isArray(security) && security.some((one) => Object.keys(asJson(one)).length === 0)
  const unneeded = [...(isOptional ? ['401'] : []), ...(tags.includes(ACCOUNT_TAG) ? ['403'] : [])]
  const needed = [
    ...(isOpen ? [] : BEHIND_TOKEN.filter((status) => !unneeded.includes(status))),
    ...(body ? WITH_BODY : []),
    ...(path.includes('{id}') ? ['404', '422'] : []),
  ]
  for (const status of needed) if (!(status in responses)) faults.push(`does not declare ${status}`)
  if (body) faults.push(...contentFaults(asJson(body['content']), 'its body'))

  for (const [status, answer] of Object.entries(responses)) {
    const { content, description, headers } = asJson(answer)
    const isEmpty = ['204', '302', '304'].includes(status)
    if (!description || description === status) faults.push(`${status} has no description`)
    if (isEmpty !== (content === undefined)) faults.push(`${status} ${isEmpty ? 'has content' : 'has no content'}`)
    if (isEmpty) continue
    const type = Number(status) >= 400 ? 'application/problem+json' : 'application/json'
    const types = OTHER_FORMS[String(operation['operationId'])] ?? type
    const expected = type === 'application/json' ? types : type
    if (Object.keys(asJson(content)).join() !== expected) faults.push(`${status} is not ${expected} alone`)
    faults.push(...contentFaults(asJson(content), status))
    const { schema } = asJson(asJson(content)[type])
    if (asJson(schema)['$ref'] === '#/components/schemas/Task' && !asJson(headers)['ETag'])
      faults.push(`${status} is one task without an ETag`)
  }
  return faults
}

function contentFaults(content: Json, where: string): string[] {
  return Object.entries(content).flatMap(([type, media]) => {
    const { schema, example, examples } = asJson(media)
    const isShown = example !== undefined || Object.keys(asJson(examples)).length > 0
    return [
      ...(schema === undefined || Object.keys(asJson(schema)).length === 0 ? [`${where} has no schema (${type})`] : []),
      ...(isShown ? [] : [`${where} has no example (${type})`]),
    ]
  })
}

function hasBearer(security: unknown, document: Json): boolean {
  const schemes = asJson(asJson(document['components'])['securitySchemes'])
  return (Array.isArray(security) ? security : []).some((requirement) =>
    Object.keys(asJson(requirement)).some((name) => asJson(schemes[name])['scheme'] === 'bearer'),
  )
}

/** Finds every schema, and every extension of ours that should have been removed. Skips examples, which are data. */
function walk(value: unknown, at: string, faults: string[]): void {
  if (typeof value !== 'object' || value === null) return
  for (const [key, part] of Object.entries(value)) {
    const here = `${at}/${key}`
    if (key.startsWith('x-')) faults.push(`${here}: extensions of ours do not belong into the document`)
    if (key === 'example' || key === 'examples') continue
    if (key === 'schema') walkSchema(part, here, faults, false)
    else if (key === 'schemas')
      for (const [name, schema] of Object.entries(part)) walkSchema(schema, `${here}/${name}`, faults, true)
    else walk(part, here, faults)
  }
}

/** The values of all enums, as constants are named after them: without case, dash or underscore. */
function enumValues(part: unknown, found = new Set<string>()): Set<string> {
  if (typeof part !== 'object' || part === null) return found
  for (const [key, value] of Object.entries(part))
    if (key === 'enum' && Array.isArray(value)) for (const each of value) found.add(String(each).replace(/[-_]/g, ''))
    else enumValues(value, found)
  return found
}

function walkSchema(schema: unknown, at: string, faults: string[], isNamed: boolean): void {
  if (typeof schema === 'boolean') return
  faults.push(...breaksGenerators(asJson(schema), isNamed).map((text) => `${at}: ${text}`))
  for (const [keyword, value] of Object.entries(asJson(schema))) {
    const here = `${at}/${keyword}`
    if (SCHEMA_KEYWORDS.includes(keyword)) walkSchema(value, here, faults, false)
    else if (LIST_KEYWORDS.includes(keyword) || MAP_KEYWORDS.includes(keyword))
      for (const [name, part] of Object.entries(asJson(value))) walkSchema(part, `${here}/${name}`, faults, false)
    else if (!VALUE_KEYWORDS.includes(keyword)) faults.push(`${here}: is not a keyword of JSON Schema 2020-12`)
  }
}

/** What the standard allows but generators of clients cannot use. */
function breaksGenerators(schema: Json, isNamed: boolean): string[] {
  const { type, pattern, format, anyOf, properties } = schema
  const options = Array.isArray(anyOf) ? anyOf.map(asJson) : []
  return [
    ...(['type', '$ref', 'anyOf', 'enum'].some((keyword) => keyword in schema) ? [] : ['has no type']),
    ...(options.some((option) => !('type' in option || '$ref' in option)) ? ['has an option without a type'] : []),
    ...(options.filter(({ type: each }) => each === 'string').length > 1 ? ['has a choice of two texts'] : []),
    ...(typeof pattern === 'string' && !pattern.startsWith('^') ? ['its pattern does not say where it begins'] : []),
    ...(type === 'number' && format !== 'double' ? ['is a number without a format'] : []),
    // Without one, Go and Java take 32 bits, which revisions do not fit.
    ...(type === 'integer' && format === undefined ? ['is an integer without a format'] : []),
    ...(Object.keys(asJson(properties)).length > 0 && !isNamed ? ['is an object without a name'] : []),
  ]
}

function asJson(value: unknown): Json {
  return (value ?? {}) as Json
}

/** The document as `doable openapi` prints it. */
export async function printedDocument(): Promise<Json> {
  return JSON.parse(await printed())
}

async function printed(): Promise<string> {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/../src/main.ts`, 'openapi'], { stderr: 'inherit' })
  const text = await child.stdout.text()
  if ((await child.exited) !== 0) throw new Error('the command openapi failed')
  return text
}

if (import.meta.main) {
  const text = await printed()
  const faults = await faultsOf(JSON.parse(text))
  const kept = await Bun.file(`${import.meta.dir}/../openapi.json`).text()
  if (kept !== text) faults.push('openapi.json: is not what the program says: run `bun run openapi`')
  for (const fault of faults) process.stderr.write(`${fault}\n`)
  process.exit(faults.length === 0 ? 0 : 1)
}
