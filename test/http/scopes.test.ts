import { beforeAll, describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { claims, forge } from '../kit/forge.ts'
import { fillPath, type Route, readRoutes } from '../kit/routes.ts'
import { bearer } from '../kit/send.ts'
import { useService } from '../kit/service.ts'
import { NO_TASK, newUser } from '../kit/user.ts'

const READ = 'tasks:read'
const WRITE = 'tasks:write'

/** What no limited token may do. A new route takes a scope, or stands here. */
const WHOLE = ['DELETE /api/{user_id}', 'GET /api/{user_id}/access', 'DELETE /api/{user_id}/access']

const json = { 'content-type': 'application/json' }

describe.each(databases)('the scope of a token over %s', (kind) => {
  const service = useService(kind)
  const guarded: Route[] = []
  beforeAll(async () => {
    guarded.push(...(await readRoutes(service())).filter(({ open }) => !open))
  })

  const limited = (sub: string, scope: unknown) => bearer(forge({ claims: claims({ sub, scope }) }))

  /** Sends each guarded route its example and malformed JSON, with a token of this scope. */
  async function sendEverywhere(scope: unknown, check: (route: Route, answer: Response) => Promise<void>) {
    const ann = newUser(service())
    await ann.create({ title: "Ann's secret" })
    for (const route of guarded)
      for (const method of route.method === 'GET' ? ['GET', 'HEAD'] : [route.method])
        for (const body of route.method === 'GET' ? [undefined] : [route.body, '{']) {
          const path = fillPath(route.path, { user_id: ann.id, id: NO_TASK })
          const headers = { ...(body === undefined ? {} : json), ...limited(ann.id, scope) }
          await check({ ...route, method }, await service().request(undefined, method, path, body, headers))
        }
  }

  async function expectRefused(route: Route, answer: Response): Promise<void> {
    const wanted = route.scope === undefined ? '' : `, scope="${route.scope}"`
    expect(answer.headers.get('www-authenticate')).toBe(`Bearer error="insufficient_scope"${wanted}`)
    if (route.method === 'HEAD') return expect(answer.status).toBe(403)
    const { detail } = await expectProblem(answer, 403, 'insufficient-scope', { unseen: ['secret', 'openid'] })
    expect(detail).toContain(route.scope ?? 'not limited')
  }

  async function expectAdmitted({ name }: Route, answer: Response): Promise<void> {
    // The stream of events does not end by itself.
    if (answer.headers.get('content-type')?.startsWith('text/event-stream')) return answer.body?.cancel()
    expect(`${name} ${answer.status} ${await answer.text()}`).not.toMatch(/^\S+ \S+ (401|403|5\d\d)|insufficient/)
  }

  test('is asked for on every route, by its method, but on those that take the whole', () => {
    expect(guarded.length).toBeGreaterThan(10)
    for (const { name, method, scope } of guarded)
      if (WHOLE.includes(name)) expect(scope).toBeUndefined()
      else expect(`${name} ${scope}`).toBe(`${name} ${method === 'GET' ? READ : WRITE}`)
  })

  for (const scope of [READ, WRITE])
    test(`${scope} alone opens its own routes and no other, before the body is looked at`, () =>
      sendEverywhere(scope, (route, answer) =>
        route.scope === scope ? expectAdmitted(route, answer) : expectRefused(route, answer),
      ))

  for (const scope of [`${READ} ${WRITE}`, `openid ${WRITE}  ${READ}`, [READ, WRITE]])
    test(`${JSON.stringify(scope)} opens both, and not the whole`, () =>
      sendEverywhere(scope, (route, answer) =>
        route.scope === undefined ? expectRefused(route, answer) : expectAdmitted(route, answer),
      ))

  for (const scope of [
    'openid profile',
    '',
    ' ',
    [],
    'TASKS:READ',
    'tasks:read,tasks:write',
    'tasks',
    'tasks:*',
    'whole',
  ])
    test(`${JSON.stringify(scope)} opens nothing`, () => sendEverywhere(scope, expectRefused))

  for (const scope of [null, 7, true, { 0: READ }, [READ, 7]])
    test(`${JSON.stringify(scope)} is no scope: 401, rather than a token without limits`, async () => {
      const answer = await service().request(undefined, 'GET', '/api/ann/tasks', undefined, limited('ann', scope))
      await expectProblem(answer, 401, 'token-invalid')
    })

  test('scp, scopes and permissions do not count', async () => {
    const token = forge({ claims: claims({ sub: 'ann', scp: READ, scopes: READ, permissions: [READ] }) })
    const answer = await service().request(undefined, 'POST', '/api/ann/tasks', { title: 'x' }, bearer(token))
    expect(answer.status).toBe(201)
  })

  test('is looked at after the token and its user, and counts again when the token is known', async () => {
    const path = '/api/ann/tasks'
    for (let again = 0; again < 2; again++) {
      await expectProblem(
        await service().request(undefined, 'POST', path, { title: 'x' }, limited('bob', READ)),
        403,
        'wrong-user',
      )
      await expectProblem(
        await service().request(undefined, 'POST', path, {}, limited('ann', READ)),
        403,
        'insufficient-scope',
      )
      expect((await service().request(undefined, 'GET', path, undefined, limited('ann', READ))).status).toBe(200)
    }
    const expired = forge({ claims: claims({ sub: 'ann', scope: READ, exp: 1 }) })
    await expectProblem(await service().request(undefined, 'POST', path, {}, bearer(expired)), 401, 'token-expired')
  })

  test('a method that an address does not take is 405 all the same', async () => {
    const answer = await service().request(undefined, 'PUT', '/api/ann/tasks', {}, limited('ann', 'openid'))
    await expectProblem(answer, 405, 'method-not-allowed')
  })
})
