import { describe, expect, test } from 'bun:test'
import document from '../../openapi.json'
import { databases } from '../kit/boot.ts'
import { expectDocumented } from '../kit/documented.ts'
import { fillPath, readRoutes } from '../kit/routes.ts'
import { useService } from '../kit/service.ts'
import { jsonOf, newUser } from '../kit/user.ts'

/** Operations on a task or list that must be in the trash first. */
const OF_TRASH = ['/api/{user_id}/tasks/{id}/restore', '/api/{user_id}/trash/{id}', '/api/{user_id}/lists/{id}/restore']

/** Needs a program that was let in by a browser: `test/accounts/oauth-access.test.ts`. */
const ELSEWHERE = ['DELETE /api/{user_id}/access']

describe.each(databases)('over %s', (kind) => {
  const service = useService(kind)

  test('every operation succeeds, and answers as the document says', async () => {
    const answered: string[] = []
    const routes = (await readRoutes(service())).filter(({ name }) => !ELSEWHERE.includes(name))
    for (const { method, path, body, name } of routes) {
      const ann = newUser(service())
      const task = await ann.create({ due_date: '2026-11-24', tags: ['home'], completed: true })
      const list = await jsonOf<{ id: string }>(await ann.send('POST', '/lists', { name: 'Groceries' }), 201)
      const [kind, { id }] = path.startsWith('/api/{user_id}/lists') ? ['lists', list] : ['tasks', task]
      if (OF_TRASH.includes(path)) expect((await ann.send('DELETE', `/${kind}/${id}`)).status).toBe(204)
      const query = new URLSearchParams({
        ...(name === 'DELETE /api/{user_id}/tasks' && { status: 'completed' }),
        ...(name === 'DELETE /api/{user_id}' && { confirm: ann.id }),
      })
      const address = `${fillPath(path, { user_id: ann.id, id })}?${query}`
      // Throws where status, media type or JSON differ.
      const response = await service().request(ann.id, method, address.replace(/\?$/, ''), body)
      expect([name, response.ok]).toEqual([name, true])
      await response.body?.cancel()
      answered.push(name)
    }
    expect(answered.length).toBeGreaterThan(15)
  })
})

describe('an answer that is not as documented is found:', () => {
  const path = '/api/ann/tasks/01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80'
  const task = document.paths['/api/{user_id}/tasks/{id}'].get.responses[200].content['application/json'].example
  const json = (value: unknown, status = 200, type = 'application/json') =>
    new Response(JSON.stringify(value), { status, headers: { 'content-type': type } })
  const wrong: [what: string, response: Response][] = [
    ['a field too many', json({ ...task, purged_at: null })],
    ['a field missing', json({ ...task, tags: undefined })],
    ['a field of another type', json({ ...task, position: '1' })],
    ['a time that is none', json({ ...task, created_at: 'today' })],
    ['a status that is not declared', json(task, 202)],
    ['another media type', json(task, 200, 'text/html')],
    ['a problem without a code', json({ status: 404 }, 404, 'application/problem+json')],
  ]

  test('the example itself is as documented', () => expectDocumented('GET', path, json(task)))

  for (const [what, response] of wrong)
    test(what, async () => {
      expect(await expectDocumented('GET', path, response).catch((error: Error) => error.message)).toMatch(/^GET \/api/)
    })
})
