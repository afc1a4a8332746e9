import { beforeAll, describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { listsOf } from '../kit/lists.ts'
import { fillPath, type Route, readRoutes } from '../kit/routes.ts'
import type { Headers } from '../kit/send.ts'
import { useService } from '../kit/service.ts'
import { newUser } from '../kit/user.ts'

/** The routes without a token. A new route needs a token, or a line here. */
const OPEN = ['GET /health', 'GET /health/ready']

const json = { 'content-type': 'application/json' }

describe.each(databases)("every route of the service's own table over %s", (kind) => {
  const service = useService(kind)
  const routes: Route[] = []
  beforeAll(async () => {
    routes.push(...(await readRoutes(service())))
  })

  const guarded = () => routes.filter(({ open }) => !open)

  /** HEAD stands wherever GET does, though the document leaves it out. */
  const methodsOf = ({ method }: Route) => (method === 'GET' ? ['GET', 'HEAD'] : [method])

  /** Sends each guarded route its example, malformed JSON and no body. Expects the same refusal of each. */
  async function refusedEverywhere(status: number, code: string, user: string | undefined, headers: Headers = {}) {
    const ann = newUser(service())
    const before = await ann.create({ title: "Ann's secret" })
    for (const route of guarded())
      for (const method of methodsOf(route))
        for (const body of method === 'GET' || method === 'HEAD' ? [undefined] : [route.body, '{', undefined]) {
          const path = fillPath(route.path, { user_id: ann.id, id: before.id })
          const response = await service().request(user, method, path, body, { ...(body ? json : {}), ...headers })
          if (method === 'HEAD') expect(`${route.name} ${response.status}`).toBe(`${route.name} ${status}`)
          else await expectProblem(response, status, code, { unseen: ['secret'] })
        }
    expect(await ann.list()).toEqual([before])
    expect(await ann.revision()).toBe(before.revision)
  }

  test('takes a token, or is listed as open to strangers', () => {
    const open = routes.filter((route) => route.open).map(({ name }) => name)
    expect(open.sort()).toEqual([...OPEN].sort())
    for (const { path } of guarded()) expect(path).toStartWith('/api/{user_id}')
  })

  test('open routes answer a stranger', async () => {
    for (const { method, path } of routes.filter((route) => route.open))
      expect((await service().request(undefined, method, path)).status).toBe(200)
  })

  test('without a token: 401', () => refusedEverywhere(401, 'token-missing', undefined))

  test('with another scheme: 401', () =>
    refusedEverywhere(401, 'token-missing', undefined, { authorization: `Basic ${btoa('ann:secret')}` }))

  test('with a cookie alone: 401', async () =>
    refusedEverywhere(401, 'token-missing', undefined, { cookie: `token=${await service().tokens.sign('ann', 60)}` }))

  test('with a broken token: 401', async () => {
    const token = await service().tokens.sign('bob', 60)
    for (const broken of ['x', 'x.y.z', token.slice(0, -2), `${token}.x`, `${token} x`])
      await refusedEverywhere(401, 'token-invalid', undefined, { authorization: `Bearer ${broken}` })
  })

  test('with an expired token: 401', async () =>
    refusedEverywhere(401, 'token-expired', undefined, {
      authorization: `Bearer ${await service().tokens.sign('ann', -60)}`,
    }))

  test("with another user's token: 403", () => refusedEverywhere(403, 'wrong-user', `bob-${crypto.randomUUID()}`))

  test("with another user's id in one's own path: 404, and nothing of theirs is seen or touched", async () => {
    const bob = newUser(service())
    const list = await listsOf(bob).create({ name: "Bob's secret" })
    const before = await bob.create({
      title: "Bob's secret",
      description: 'secret',
      tags: ['secret'],
      list_id: list.id,
    })
    for (const { name, method, path, body } of guarded()) {
      const ann = newUser(service())
      await ann.create()
      const ofList = path.includes('/lists/')
      const filled = fillPath(path, { user_id: ann.id, id: ofList ? list.id : before.id })
      const response = await service().request(ann.id, method, filled, body)
      const code = ofList ? 'list-not-found' : 'task-not-found'
      if (path.includes('{id}')) await expectProblem(response, 404, code, { unseen: ['secret', bob.id] })
      else {
        expect(`${name} ${response.status}`).not.toMatch(/ 5\d\d$/)
        // The stream of events does not end by itself.
        if (response.headers.get('content-type')?.startsWith('text/event-stream')) await response.body?.cancel()
        else expect(await response.text()).not.toContain('secret')
      }
    }
    expect(await bob.list()).toEqual([before])
    expect(await listsOf(bob).all()).toEqual([{ ...list, pending: 1, completed: 0 }])
    expect(await bob.revision()).toBe(before.revision)
  })

  test('with a method that it does not list: 405, and Allow names exactly those that it does', async () => {
    for (const path of new Set(routes.map((route) => route.path))) {
      const listed = routes.filter((route) => route.path === path).flatMap(methodsOf)
      const filled = fillPath(path, { user_id: 'ann', id: crypto.randomUUID() })
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'REPORT']) {
        if (listed.includes(method)) continue
        const response = await service().request('ann', method, filled)
        expect(response.headers.get('allow')?.split(', ')).toEqual([...listed, 'OPTIONS'].sort())
        await expectProblem(response, 405, 'method-not-allowed')
      }
    }
  })
})
