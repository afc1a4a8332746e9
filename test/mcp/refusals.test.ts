import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { claims, forge, now } from '../kit/forge.ts'
import { callTool, message, postCall, versions } from '../kit/mcp.ts'
import { bearer, type Headers } from '../kit/send.ts'
import { useService } from '../kit/service.ts'
import { NO_TASK, newUser } from '../kit/user.ts'

/** Arguments that a tool refuses, and what it points at. */
const wrong: [tool: string, given: Record<string, unknown>, pointer: string, detail: string | RegExp][] = [
  ['add_task', {}, '/title', 'title is required.'],
  ['add_task', { title: '' }, '/title', /^title must be text of 1 to 200 characters/],
  ['add_task', { title: 7 }, '/title', /^title must be text/],
  ['add_task', { title: 'a\0b' }, '/title', /NUL/],
  ['add_task', { title: 'a', dueDate: '2026-11-24' }, '/dueDate', /did you mean due_date\?$/],
  ['add_task', { title: 'a', due_date: 'tomorrow' }, '/due_date', /must be a day like/],
  ['add_task', { title: 'a', due_date: '2026-02-30' }, '/due_date', /must be a day like/],
  ['add_task', { title: 'a', idempotency_key: 'ä' }, '/idempotency_key', /printable ASCII/],
  ['add_task', { title: 'a', user_id: 7 }, '/user_id', 'user_id must be text.'],
  ['update_task', { task_id: NO_TASK }, '', 'The call must have at least one field that can be changed.'],
  ['update_task', { task_id: 'one', title: 'a' }, '/task_id', 'task_id must be a UUID.'],
  ['complete_task', { task_id: NO_TASK, completed: 'yes' }, '/completed', 'completed must be true or false.'],
  ['complete_task', { task_id: NO_TASK, if_revision: -1 }, '/if_revision', /whole number/],
  ['delete_task', { task_id: null }, '/task_id', 'task_id must be a UUID.'],
  ['list_tasks', { status: 'open' }, '/status', /^status must be one of all, pending, completed, deleted/],
  ['list_tasks', { status: 'deleted', tag: ['home'] }, '/tag', /has no meaning for deleted tasks/],
  ['list_tasks', { limit: 101 }, '/limit', /from 1 to 100/],
  ['list_tasks', { cursor: 'made up' }, '/cursor', /is not a cursor of this list/],
  ['search_tasks', {}, '/query', 'query is required.'],
]

/** Requests that are no call of a tool, and the protocol's answer. */
const misshapen: [name: string, headers: Headers, body: unknown, status: number, code: number | string][] = [
  ['a batch', message('ping').headers, [message('tools/list').body, message('tools/list').body], 400, -32600],
  [
    'a batch of the protocol before',
    { ...message('ping', {}, '2025-11-25').headers },
    [{ jsonrpc: '2.0', id: 1, method: 'ping' }],
    400,
    -32600,
  ],
  ['an empty batch', message('ping').headers, [], 400, -32600],
  ['no message', message('ping').headers, { hello: 'world' }, 400, -32600],
  ['null', message('ping').headers, null, 400, -32600],
  ['an unknown tool', ...unknownTool(), 200, -32602],
  ['an unknown method', message('tasks/destroy').headers, message('tasks/destroy').body, 404, -32601],
  ['a subscription', message('subscriptions/listen').headers, message('subscriptions/listen').body, 404, -32601],
  ['a version that nobody has heard of', ...future(), 400, -32022],
  [
    'a version of the header that nobody has heard of',
    { ...message('tools/list', {}, '2025-11-25').headers, 'mcp-protocol-version': '1999-01-01' },
    message('tools/list', {}, '2025-11-25').body,
    400,
    -32000,
  ],
  [
    'a header that contradicts the body',
    { ...message('tools/list').headers, 'mcp-method': 'tools/call' },
    message('tools/list').body,
    400,
    -32020,
  ],
  [
    'arguments that are no object',
    message('tools/call', { name: 'list_tasks', arguments: 'all' }).headers,
    message('tools/call', { name: 'list_tasks', arguments: 'all' }).body,
    200,
    -32602,
  ],
  ['malformed JSON', { ...message('ping').headers, 'content-type': 'application/json' }, '{', 400, 'malformed-json'],
  ['no body', { ...message('ping').headers, 'content-type': 'application/json' }, '', 400, 'malformed-json'],
  [
    'another media type',
    { ...message('ping').headers, 'content-type': 'text/plain' },
    '{}',
    415,
    'unsupported-media-type',
  ],
]

function unknownTool(): [Headers, unknown] {
  const { headers, body } = message('tools/call', { name: 'drop_tasks', arguments: {} })
  return [headers, body]
}

function future(): [Headers, unknown] {
  const { headers, body } = message('tools/list')
  const text = JSON.stringify(body).replaceAll('2026-07-28', '2099-01-01')
  return [{ ...headers, 'mcp-protocol-version': '2099-01-01' }, JSON.parse(text)]
}

describe.each(databases)('refusals of /mcp over %s', (kind) => {
  const service = useService(kind)

  test.each(wrong)('%s of %j points at %s', async (tool, given, pointer, detail) => {
    const ann = newUser(service())
    for (const version of versions) {
      const { structuredContent, isError } = await callTool(service(), ann.id, tool, given, version)
      expect({ ...structuredContent, isError }).toMatchObject({ code: 'validation-failed', isError: true })
      expect(structuredContent['detail']).toMatch(detail)
      expect((structuredContent['errors'] as { pointer: string }[]).map((fault) => fault.pointer)).toContain(pointer)
    }
    expect(await ann.list()).toEqual([])
  })

  test.each(misshapen)("%s: the protocol's own error or ours", async (_, headers, body, status, code) => {
    const ann = newUser(service())
    const response = await service().request(ann.id, 'POST', '/mcp', body, headers)
    if (typeof code === 'string') return void (await expectProblem(response, status, code))
    const text = await response.text()
    expect(`${response.status} ${text}`).toStartWith(`${status} {`)
    expect(JSON.parse(text)).toMatchObject({ jsonrpc: '2.0', error: { code } })
    expect(text).not.toMatch(/node_modules|\bat \S+ \(|drop_tasks/)
  })

  test('another address of the service keeps its methods: only POST, and Allow says so', async () => {
    for (const method of ['GET', 'DELETE', 'PUT']) {
      const response = await service().request('ann', method, '/mcp')
      expect(response.headers.get('allow')).toBe('OPTIONS, POST')
      await expectProblem(response, 405, 'method-not-allowed')
    }
  })

  test('a body of more than 1 MiB is 413; one that is just below it is read, and refused by its field', async () => {
    const ann = newUser(service())
    const call = (bytes: number) => postCall(service(), ann.id, 'add_task', { title: 'x'.repeat(bytes) })
    await expectProblem(await call(1024 * 1024), 413, 'body-too-large')
    expect(await (await call(1024 * 1024 - 1000)).json()).toMatchObject({ result: { isError: true } })
    expect(await ann.list()).toEqual([])
  })

  test('a stranger gets 401 before the body is read, and a challenge', async () => {
    for (const body of ['{', { jsonrpc: '2.0', id: 1, method: 'initialize' }, [], 'x'.repeat(2 ** 20 + 1)]) {
      const response = await service().request(undefined, 'POST', '/mcp', body, { 'content-type': 'application/json' })
      await expectProblem(response, 401, 'token-missing')
    }
  })

  test('a token that expires in the middle is 401 at the next call, and nothing more is done', async () => {
    const ann = newUser(service())
    // Already past: what is left is the allowance for clocks that differ, of 5 s.
    const exp = now() - 3
    const token = bearer(forge({ claims: claims({ sub: ann.id, exp }) }))
    await callTool(service(), token, 'add_task', { title: 'In time' })
    await Bun.sleep((exp + 5) * 1000 - Date.now() + 100)
    await expectProblem(await postCall(service(), token, 'add_task', { title: 'Late' }), 401, 'token-expired')
    expect(await ann.titles()).toEqual(['In time'])
  })
})

describe.each(databases)('pages of other origins over %s', (kind) => {
  const service = useService(kind, { CORS_ORIGINS: 'https://app.example.com' })
  const from = async (origin: string) =>
    postCall(service(), { origin, ...bearer(await service().tokens.sign('ann', 60)) }, 'add_task', { title: 'mine' })

  test('a listed one may call, and read the answer', async () => {
    const response = await from('https://app.example.com')
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([
      200,
      'https://app.example.com',
    ])
  })

  test('others are 403, the own host by its name included (DNS rebinding)', async () => {
    for (const origin of ['https://evil.example', 'null', service().url, 'https://app.example.com.evil.example'])
      await expectProblem(await from(origin), 403, 'invalid-origin')
    expect(await newUser(service(), 'ann').titles()).toEqual(['mine'])
  })

  test("a browser may send the protocol's headers", async () => {
    const response = await service().request(undefined, 'OPTIONS', '/mcp', undefined, {
      origin: 'https://app.example.com',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,mcp-protocol-version,mcp-method,mcp-name',
    })
    const allowed = (response.headers.get('access-control-allow-headers') ?? '').toLowerCase().split(', ')
    expect(allowed).toEqual(expect.arrayContaining(['mcp-protocol-version', 'mcp-method', 'mcp-name']))
  })
})

describe.each(databases)('limits over %s', (kind) => {
  const LIMIT = 40
  const service = useService(kind, { RATE_LIMIT: String(LIMIT) })

  test('calls count with the requests of their user; beyond the limit they are 429, and nothing is done', async () => {
    const [ann, bob] = [newUser(service()), newUser(service())]
    const statuses = await Promise.all(
      Array.from({ length: LIMIT + 20 }, async (_, n) => {
        const response = await postCall(service(), ann.id, 'add_task', { title: `Task ${n}` })
        if (response.status === 429) {
          expect(Number(response.headers.get('retry-after'))).toBeWithin(1, 61)
          await expectProblem(response, 429, 'rate-limited')
        } else await response.text()
        return response.status
      }),
    )
    expect(statuses.filter((status) => status === 200)).toHaveLength(LIMIT)
    await expectProblem(await ann.send('GET', '/tasks'), 429, 'rate-limited')
    expect(await bob.list()).toEqual([])
    const { structuredContent } = await callTool(service(), bob.id, 'list_tasks')
    expect(structuredContent['tasks']).toEqual([])
  })
})
