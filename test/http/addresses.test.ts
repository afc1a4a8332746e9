import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { NO_TASK, newUser, type Task, taskOf } from '../kit/user.ts'

const TASKS = 'GET, HEAD, OPTIONS, POST'
const TASK = 'DELETE, GET, HEAD, OPTIONS, PATCH, PUT'
const COMPLETE = 'OPTIONS, PATCH'
const READ = 'GET, HEAD, OPTIONS'

const notAllowed: [method: string, path: string, allow: string][] = [
  ['PUT', '/api/ann/tasks', TASKS],
  ['PATCH', '/api/ann/tasks', TASKS],
  ['PATCH', '/api/ann/tasks/', TASKS],
  ['POST', `/api/ann/tasks/${NO_TASK}`, TASK],
  ['REPORT', `/api/ann/tasks/${NO_TASK}`, TASK],
  ['GET', `/api/ann/tasks/${NO_TASK}/complete`, COMPLETE],
  ['HEAD', `/api/ann/tasks/${NO_TASK}/complete`, COMPLETE],
  ['POST', `/api/ann/tasks/${NO_TASK}/complete`, COMPLETE],
  ['PUT', `/api/ann/tasks/${NO_TASK}/complete`, COMPLETE],
  ['DELETE', `/api/ann/tasks/${NO_TASK}/complete/`, COMPLETE],
  ['POST', '/health', READ],
  ['DELETE', '/health/ready', READ],
]

const nowhere = [
  '/api',
  '/nope',
  '/tasks',
  '/api//tasks',
  '/api/ann/tasks//',
  `/api/ann/tasks/${NO_TASK}/undo`,
  `/api/ann/tasks/${NO_TASK}/complete/x`,
  '/API/ann/tasks',
  '/%ZZ',
  '/health/secret',
  '/.env',
]

/** The methods of an `Allow` field. Later additions to an address are welcome. */
const methodsOf = (allow: string | null) => allow?.split(', ') ?? []

describe.each(databases)('addresses over %s', (kind) => {
  const service = useService(kind)

  for (const [method, path, allow] of notAllowed)
    test(`${method} ${path} is 405 and says what is allowed`, async () => {
      const response = await service().request('ann', method, path)
      expect(methodsOf(response.headers.get('allow'))).toEqual(expect.arrayContaining(allow.split(', ')))
      expect(methodsOf(response.headers.get('allow'))).not.toContain(method)
      if (method === 'HEAD') expect(response.status).toBe(405)
      else await expectProblem(response, 405, 'method-not-allowed')
    })

  for (const path of nowhere)
    test(`${path} is 404, with a token and without`, async () => {
      for (const user of ['ann', undefined])
        await expectProblem(await service().request(user, 'GET', path), 404, 'not-found', { unseen: ['nope', '.env'] })
    })

  test('HEAD answers as GET does, without the body', async () => {
    const ann = newUser(service())
    const { id } = await ann.create()
    for (const path of [ann.tasks, `${ann.tasks}/${id}`, `${ann.tasks}/${NO_TASK}`, `${ann.tasks}/1`, '/health']) {
      const [get, head] = [await service().request(ann.id, 'GET', path), await service().request(ann.id, 'HEAD', path)]
      expect(await head.text()).toBe('')
      expect(head.status).toBe(get.status)
      for (const name of ['content-type', 'etag', 'cache-control', 'vary'])
        expect(head.headers.get(name)).toBe(get.headers.get(name))
      await get.body?.cancel()
    }
    expect((await service().request(undefined, 'HEAD', ann.tasks)).status).toBe(401)
    expect((await service().request('bob', 'HEAD', ann.tasks)).status).toBe(403)
  })

  test('OPTIONS names the methods of an address without a token', async () => {
    for (const [path, allow] of [
      ['/api/ann/tasks', TASKS],
      [`/api/ann/tasks/${NO_TASK}`, TASK],
      [`/api/ann/tasks/${NO_TASK}/complete/`, COMPLETE],
      ['/health', READ],
    ] as const) {
      const response = await service().request(undefined, 'OPTIONS', path)
      expect([response.status, await response.text()]).toEqual([204, ''])
      expect(methodsOf(response.headers.get('allow'))).toEqual(expect.arrayContaining(allow.split(', ')))
    }
  })

  test('a trailing slash is tolerated at every address', async () => {
    const ann = newUser(service())
    const response = await ann.send('POST', `/tasks/`, { title: 'x' })
    const location = response.headers.get('location')
    const task = await taskOf(response, 201)
    expect(location).toBe(`${ann.tasks}/${task.id}`)
    const path = `/tasks/${task.id}`
    expect(await taskOf(await ann.send('GET', `${path}/`))).toEqual(task)
    expect((await (await ann.send('GET', `/tasks/`)).json()) as Task[]).toEqual([task])
    expect((await taskOf(await ann.send('PUT', `${path}/`, { title: 'y' }))).title).toBe('y')
    expect((await taskOf(await ann.send('PATCH', `${path}/`, { title: 'z' }))).title).toBe('z')
    expect((await taskOf(await ann.send('PATCH', `${path}/complete/`))).completed).toBe(true)
    expect((await ann.send('DELETE', `${path}/`)).status).toBe(204)
    expect((await service().request(undefined, 'GET', '/health/')).status).toBe(200)
  })

  test('a token in the query is none', async () => {
    const ann = newUser(service())
    const token = await service().tokens.sign(ann.id, 60)
    for (const name of ['token', 'access_token', 'authorization'])
      await expectProblem(
        await service().request(undefined, 'GET', `${ann.tasks}?${name}=${token}`),
        401,
        'token-missing',
      )
  })

  test('a request id is taken up when it is harmless, and made otherwise', async () => {
    const idFor = async (given: string) => {
      const response = await service().request('ann', 'GET', '/nope', undefined, { 'x-request-id': given })
      return (await expectProblem(response, 404, 'not-found')).request_id
    }
    expect(await idFor('trace:01.a-B_c')).toBe('trace:01.a-B_c')
    for (const given of ['', 'a b', '<script>', 'a"b', 'x'.repeat(129)]) expect(await idFor(given)).not.toBe(given)
  })
})
