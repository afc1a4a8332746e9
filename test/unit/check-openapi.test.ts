import { beforeAll, describe, expect, test } from 'bun:test'
import { faultsOf, type Json, printedDocument } from '../../scripts/check-openapi.ts'

let printed: Json

beforeAll(async () => {
  printed = await printedDocument()
}, 60_000)

test('the OpenAPI document has no faults', async () => {
  expect(await faultsOf(printed)).toEqual([])
})

describe('the check of the OpenAPI document finds', () => {
  const list = '/paths/~1api~1{user_id}~1tasks/get'
  const create = '/paths/~1api~1{user_id}~1tasks/post'
  const one = '/paths/~1api~1{user_id}~1tasks~1{id}/get'

  /** The value that is put at a pointer (undefined removes it), and the message that must follow. */
  const damages: [name: string, pointer: string, value: unknown, said: RegExp][] = [
    ['another version', '/openapi', '3.0.3', /not 3\.1\.0/],
    ['what the standard does not know', '/info/titel', 'Doable', /standard/],
    ['an operation without an id', `${list}/operationId`, undefined, /operationId/],
    ['two operations with one id', `${list}/operationId`, 'createTask', /operation-operationId-unique/],
    ['an operation without a summary', `${list}/summary`, undefined, /no summary/],
    ['an operation without tags', `${list}/tags`, undefined, /no tags/],
    ['a tag that is nowhere described', `${list}/tags`, ['chores'], /operation-tag-defined/],
    ['an operation open to everybody', `${list}/security`, [], /open to everybody/],
    ['health behind a token', '/paths/~1health/get/security', undefined, /asks for a token/],
    ['401 undeclared', `${list}/responses/401`, undefined, /does not declare 401/],
    ['500 undeclared', `${list}/responses/500`, undefined, /does not declare 500/],
    ['415 undeclared where there is a body', `${create}/responses/415`, undefined, /does not declare 415/],
    ['404 undeclared where there is an id', `${one}/responses/404`, undefined, /does not declare 404/],
    ['a 401 without WWW-Authenticate', `${list}/responses/401/headers`, undefined, /response-contains-header/],
    ['a 201 without Location', `${create}/responses/201/headers/Location`, undefined, /response-contains-header/],
    ['a task without an ETag', `${one}/responses/200/headers/ETag`, undefined, /one task without an ETag/],
    ['a body as form data', `${create}/requestBody/content/multipart~1form-data`, {}, /request-mime-type/],
    ['an answer as text', `${list}/responses/200/content/text~1plain`, {}, /response-mime-type/],
    ['a problem as mere JSON', `${list}/responses/401/content`, { 'application/json': {} }, /401 is not .*problem/],
    ['a body without an example', `${create}/requestBody/content/application~1json/example`, undefined, /no example/],
    [
      'an answer without an example',
      `${list}/responses/200/content/application~1json/example`,
      undefined,
      /no example/,
    ],
    [
      'an example that its schema refuses',
      `${list}/responses/200/content/application~1json/example/0/completed`,
      'no',
      /no-invalid-media-type-examples/,
    ],
    ['a problem that its schema refuses', '/components/examples/wrong-user/value/status', '403', /invalid-media-type/],
    [
      'an example of a field refused',
      '/components/schemas/Task/properties/revision/examples',
      ['x'],
      /schema-examples/,
    ],
    ['an id of a schema', '/components/schemas/Task/$id', 'Task', /\$id: is not a keyword/],
    ['a keyword of our own', '/components/schemas/Task/properties/title/error', 'must be', /error: is not a keyword/],
    ['a member without a type', '/components/schemas/Task/properties/title/type', undefined, /title: has no type/],
    [
      'a number without a format',
      '/components/schemas/Task/properties/position/format',
      undefined,
      /position: is a num/,
    ],
    [
      'an integer without a format',
      '/components/schemas/Task/properties/revision/format',
      undefined,
      /revision: is an int/,
    ],
    [
      'an object without a name',
      '/components/schemas/BatchResult/properties/task',
      { type: 'object', properties: { id: { type: 'string' } } },
      /task: is an object without a name/,
    ],
    ["a schema named as an enum's value", '/components/schemas/Medium', { type: 'string' }, /Medium: Go/],
    ['a pattern from anywhere', '/components/schemas/TaskCreate/properties/title/pattern', '\\S', /title: its pattern/],
    [
      'a choice of formats',
      '/components/schemas/Task/properties/title/anyOf',
      [{ type: 'string' }, { type: 'string' }],
      /two/,
    ],
    ['a choice of demands', '/components/schemas/TaskUpdate/anyOf', [{ required: ['title'] }], /option without a type/],
    ['a name that Go makes itself', '/components/schemas/NewTask', { type: 'object' }, /NewTask: Go/],
    ['an extension of our own', `${list}/x-headers`, { 200: ['ETag'] }, /extensions/],
    ['a reference to nothing', `${list}/responses/200/content/application~1json/schema`, { $ref: '#/x' }, /unresolved/],
    ['a component that nothing uses', '/components/headers/Lonely', { schema: { type: 'string' } }, /no-unused/],
  ]

  test.each(damages)('%s', async (_, pointer, value, said) => {
    const document = structuredClone(printed)
    const keys = pointer
      .split('/')
      .slice(1)
      .map((key) => key.replaceAll('~1', '/'))
    const last = keys.pop() ?? ''
    const parent = keys.reduce((at, key) => at[key] as Json, document)
    if (value === undefined) expect(parent).toHaveProperty([last])
    if (value === undefined) delete parent[last]
    else parent[last] = value
    expect((await faultsOf(document)).join('\n')).toMatch(said)
  })
})
