import { describe, expect, test } from 'bun:test'
import { databases, type Target } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import type { Headers } from '../kit/send.ts'
import { useService } from '../kit/service.ts'
import { NO_TASK, newUser } from '../kit/user.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const TOO_LARGE = `{"colour":"${'p'.repeat(1024 * 1024)}"}`

/** Faults of a request, in the order in which they are reported. */
const bodies: [name: string, body: string, headers: Headers, status: number, code: string][] = [
  ['malformed JSON', '{', JSON_TYPE, 400, 'malformed-json'],
  ['a body too large', TOO_LARGE, JSON_TYPE, 413, 'body-too-large'],
  ['another media type', '{"colour":1}', { 'content-type': 'text/plain' }, 415, 'unsupported-media-type'],
  ['an invalid body', '{"colour":1}', JSON_TYPE, 422, 'validation-failed'],
]

describe.each(databases)('the order of refusals over %s', (kind) => {
  const service = useService(kind)

  /** The same fault at each route that takes a body. */
  async function eachRoute(
    check: (send: (token: string | undefined, body: unknown, headers: Headers) => Promise<Response>) => Promise<void>,
    { task = NO_TASK, owner }: { task?: string; owner: string },
  ) {
    const tasks = `/api/${owner}/tasks`
    const routes = [
      ['POST', tasks],
      ['PUT', `${tasks}/${task}`],
      ['PATCH', `${tasks}/${task}`],
      ['PATCH', `${tasks}/${task}/complete`],
    ] as const
    for (const [method, path] of routes)
      await check((user, body, headers) => service().request(user, method, path, body, headers))
  }

  for (const [name, body, headers, status, code] of bodies) {
    test(`401 before ${name}`, () =>
      eachRoute(
        async (send) => {
          await expectProblem(await send(undefined, body, headers), 401, 'token-missing')
          const broken = { ...headers, authorization: 'Bearer not.a.token' }
          await expectProblem(await send(undefined, body, broken), 401, 'token-invalid')
        },
        { owner: 'ann' },
      ))

    test(`401 for an expired token before ${name}`, async () => {
      const authorization = `Bearer ${await service().tokens.sign('ann', -60)}`
      await eachRoute(
        async (send) =>
          void (await expectProblem(await send(undefined, body, { ...headers, authorization }), 401, 'token-expired')),
        { owner: 'ann' },
      )
    })

    test(`403 before ${name}`, () =>
      eachRoute(async (send) => void (await expectProblem(await send('bob', body, headers), 403, 'wrong-user')), {
        owner: 'ann',
      }))

    test(`${name} before 404 and 412`, async () => {
      const ann = newUser(service())
      const { id } = await ann.create()
      const stale = { ...headers, 'if-match': '"999"' }
      for (const task of [NO_TASK, id])
        await eachRoute(async (send) => void (await expectProblem(await send(ann.id, body, stale), status, code)), {
          owner: ann.id,
          task,
        })
    })
  }

  test('400, 413 and 415 come before a bad id in the path', async () => {
    for (const [, body, headers, status, code] of bodies.slice(0, 3))
      await expectProblem(await service().request('ann', 'PUT', '/api/ann/tasks/1', body, headers), status, code)
  })

  test('401 and 403 come before a bad id in the path', async () => {
    await expectProblem(await service().request(undefined, 'GET', '/api/ann/tasks/1'), 401, 'token-missing')
    await expectProblem(await service().request('bob', 'GET', '/api/ann/tasks/1'), 403, 'wrong-user')
  })

  test('422 for a bad id in the path, and the id is not echoed', async () => {
    const ids = ['1', 'Secret', '01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e8', `${NO_TASK}0`, `%7B${NO_TASK}%7D`, '%00', '%ZZ']
    for (const id of ids) {
      const faults = { pointers: ['/id'], unseen: ['Secret', NO_TASK] }
      const request = (method: string, end = '', body?: object) =>
        service().request('ann', method, `/api/ann/tasks/${id}${end}`, body)
      await expectProblem(await request('GET'), 422, 'validation-failed', faults)
      await expectProblem(await request('PUT', '', { title: 'x' }), 422, 'validation-failed', faults)
      await expectProblem(await request('PATCH', '', { title: 'x' }), 422, 'validation-failed', faults)
      await expectProblem(await request('DELETE'), 422, 'validation-failed', faults)
      await expectProblem(await request('PATCH', '/complete'), 422, 'validation-failed', faults)
    }
  })

  test('404 comes before 412', async () => {
    const ann = newUser(service())
    const stale = { 'if-match': '"999"' }
    await expectProblem(await ann.put(NO_TASK, { title: 'x' }, stale), 404, 'task-not-found')
    await expectProblem(await ann.patch(NO_TASK, { title: 'x' }, stale), 404, 'task-not-found')
    await expectProblem(await ann.delete(NO_TASK, stale), 404, 'task-not-found')
    await expectProblem(await ann.complete(NO_TASK, undefined, stale), 404, 'task-not-found')
  })

  test('a stranger gets the same 401 whether the path and the body exist or not', async () => {
    const ann = newUser(service())
    const { id } = await ann.create()
    const texts = new Set<string>()
    for (const path of [`${ann.tasks}/${id}`, `${ann.tasks}/${NO_TASK}`, '/api/nobody/tasks/1', '/api/%ZZ/tasks/%00'])
      texts.add(await refusal(service(), path))
    expect(texts.size).toBe(1)
  })
})

async function refusal(service: Target, path: string): Promise<string> {
  const response = await service.request(undefined, 'PUT', path, { colour: 1 }, { 'x-request-id': 'same' })
  return JSON.stringify(await expectProblem(response, 401, 'token-missing'))
}
