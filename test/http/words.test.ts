import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { NO_TASK, newUser, taskOf } from '../kit/user.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

/** A body, and the detail of its refusal: what a front end shows that shows nothing else. */
const bodies: [body: unknown, detail: string | RegExp][] = [
  [{}, 'title is required.'],
  [{ title: '' }, /^title must be text of 1 to 200 characters/],
  [{ title: 'x', priority: 'Secret' }, 'priority must be low, medium or high.'],
  [{ title: 'x', due_date: 'Secret' }, /^due_date must be a day like 2026-11-24/],
  [{ title: 'Secret\0' }, 'title must not contain the NUL character (U+0000).'],
  [{ title: 'x', tags: ['Secret\ud800'] }, 'tags must not contain half of a surrogate pair.'],
  [{ title: 'x', dueDate: 'Secret' }, 'The body has a field that cannot be sent here: did you mean due_date?'],
  [{ title: 'x', 'Secret field': 1 }, 'The body has a field that cannot be sent here.'],
  [[], 'The body must be an object.'],
]

const malformed: [body: string, detail: string][] = [
  ['', 'The body is empty, and must be JSON.'],
  ['{"title":"Secret",}', 'The body is not well-formed JSON: see line 1, column 19.'],
  ['{\n  "title": Secret\n}', 'The body is not well-formed JSON: see line 2, column 12.'],
  ['{"title":"Secret"', 'The body is not well-formed JSON: see line 1, column 18.'],
]

const KNOWN = 'It takes status, completed, priority, tag, '
const queries: [query: string, pointers: string[], detail: string][] = [
  ['limit=0', ['/limit'], 'limit must be a whole number from 1 to 1000.'],
  ['sort=colour', ['/sort'], 'sort must be one of created_at, -created_at, '],
  ['priority=low&priority=x', ['/priority/1'], 'priority[1] must be low, medium or high.'],
  ['limit=1&limit=1', ['/limit'], 'limit may be given only once.'],
  [
    'statu=completed',
    ['/statu'],
    `The query has a parameter that this address does not take. Did you mean status? ${KNOWN}`,
  ],
  ['Secret=1', ['/Secret'], `The query has a parameter that this address does not take. ${KNOWN}`],
  ['a/b=1&limit=x', ['/a~1b', '/limit'], `The query has a parameter that this address does not take. ${KNOWN}`],
  ['__proto__=1&constructor=1', ['/constructor'], 'The query has a parameter that this address does not take. '],
]

describe.each(databases)('words over %s', (kind) => {
  const service = useService(kind)

  for (const [body, detail] of bodies)
    test(`${JSON.stringify(body)} is told: ${detail}`, async () => {
      const problem = await expectProblem(await newUser(service()).post(body), 422, 'validation-failed')
      if (typeof detail === 'string') expect(problem.detail).toBe(detail)
      else expect(problem.detail).toMatch(detail)
      expect(problem.detail).not.toContain('Secret')
    })

  for (const [body, detail] of malformed)
    test(`${JSON.stringify(body)} is told: ${detail}`, async () => {
      const response = await newUser(service()).post(body, JSON_TYPE)
      const problem = await expectProblem(response, 400, 'malformed-json', { unseen: ['Secret'] })
      expect(problem.detail).toBe(detail)
    })

  for (const [query, pointers, detail] of queries)
    test(`?${query} is told: ${detail}`, async () => {
      const ann = newUser(service())
      const response = await ann.send('GET', `/tasks?${query}`)
      const problem = await expectProblem(response, 422, 'validation-failed', { pointers })
      expect(problem.detail).toStartWith(detail)
    })

  test('a query where none is taken is 422, after 401, 403, 400 and the fields of the body', async () => {
    const ann = newUser(service())
    const { id } = await ann.create()
    const taking: [method: string, path: string, body?: unknown][] = [
      ['GET', `${ann.tasks}/${id}`],
      ['HEAD', `${ann.tasks}/${id}`],
      ['POST', ann.tasks, { title: 'x' }],
      ['PUT', `${ann.tasks}/${id}`, { title: 'x' }],
      ['PATCH', `${ann.tasks}/${id}/complete`],
      ['DELETE', `${ann.tasks}/${id}`],
      ['POST', `/api/${ann.id}/batch`, { operations: [{ op: 'delete', id }] }],
      ['GET', '/health'],
    ]
    for (const [method, path, body] of taking) {
      const response = await service().request(ann.id, method, `${path}?dry_run=true`, body)
      if (method === 'HEAD') expect(response.status).toBe(422)
      else await expectProblem(response, 422, 'validation-failed', { pointers: ['/dry_run'] })
    }
    const path = `${ann.tasks}?x=1`
    await expectProblem(await service().request(undefined, 'POST', path, {}), 401, 'token-missing')
    await expectProblem(await service().request('bob', 'POST', path, {}), 403, 'wrong-user')
    await expectProblem(await service().request(ann.id, 'POST', path, '{', JSON_TYPE), 400, 'malformed-json')
    expect(await ann.list()).toHaveLength(1)
  })

  test('a name that begins with an underscore passes anywhere', async () => {
    const ann = newUser(service())
    const { id } = await ann.create()
    for (const path of [ann.tasks, `${ann.tasks}/${id}`, '/health', `/api/${ann.id}/export`])
      expect((await service().request(ann.id, 'GET', `${path}?_=1&_t=2`)).status).toBe(200)
  })

  test('null for a body completes as no body does', async () => {
    const ann = newUser(service())
    const { id } = await ann.create()
    expect((await taskOf(await ann.complete(id, 'null', JSON_TYPE))).completed).toBe(true)
    expect((await taskOf(await ann.complete(id, ' null ', JSON_TYPE))).completed).toBe(false)
    await expectProblem(await ann.complete(id, 'nul', JSON_TYPE), 400, 'malformed-json')
    expect((await ann.read(id)).completed).toBe(false)
  })

  test('405 names the methods, and an address without a user says where tasks are', async () => {
    const of = async (path: string, status: number, code: string, method = 'GET') =>
      (await expectProblem(await service().request('ann', method, path), status, code, { unseen: ['Secret'] })).detail
    expect(await of('/api/ann/tasks', 405, 'method-not-allowed', 'PUT')).toBe(
      'This address does not take PUT: it takes DELETE, GET, HEAD, OPTIONS, POST.',
    )
    for (const path of ['/api/Secret/tasks/1/undo', '/Secret'])
      expect(await of(path, 404, 'not-found')).toBe('There is nothing at this address.')
    for (const path of ['/tasks', `/api/tasks/${NO_TASK}`, '/api/v1/Secret/tasks', '/todos'])
      expect(await of(path, 404, 'not-found')).toContain('/api/{user_id}/tasks')
    expect(await of('/api/tasks', 405, 'method-not-allowed')).toContain('/api/{user_id}/tasks')
    expect(await of('/api/v1/tasks', 403, 'wrong-user')).toContain('/api/{user_id}/tasks')
  })
})
