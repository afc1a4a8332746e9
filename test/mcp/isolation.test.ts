import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { callTool, message, postCall, versions } from '../kit/mcp.ts'
import { bearer } from '../kit/send.ts'
import { useService } from '../kit/service.ts'
import { newUser } from '../kit/user.ts'
import { TOOLS } from './life.ts'

/** What each tool is called with beside the task, so that it would do something. */
const MORE: Record<string, Record<string, unknown>> = {
  add_task: { title: 'Made for the test' },
  update_task: { title: 'Changed' },
  search_tasks: { query: 'secret' },
}
const ON_TASK = ['complete_task', 'delete_task', 'get_task', 'restore_task', 'update_task']
const READING = ['get_task', 'list_lists', 'list_tasks', 'search_tasks']

describe.each(databases)('two users over %s', (kind) => {
  const service = useService(kind)

  const argumentsOf = (tool: string, id: string) => ({
    ...MORE[tool],
    ...(ON_TASK.includes(tool) && { task_id: id }),
  })

  test("with another user's task id, every tool says what it says of a task that is not there", async () => {
    const [ann, bob] = [newUser(service()), newUser(service())]
    await bob.send('POST', '/lists', { name: "Bob's secret list" })
    const kept = await bob.create({ title: "Bob's secret", description: 'secret', tags: ['secret'] })
    const gone = await bob.create({ title: "Bob's deleted secret" })
    await bob.remove(gone.id)
    const [trashed] = await bob.trash()
    for (const version of versions)
      for (const tool of TOOLS)
        for (const id of [kept.id, gone.id]) {
          const result = await callTool(service(), ann.id, tool, argumentsOf(tool, id), version)
          if (ON_TASK.includes(tool)) expect([tool, result.structuredContent['code']]).toEqual([tool, 'task-not-found'])
          expect(JSON.stringify(result)).not.toMatch(/secret|Bob/)
        }
    expect(await bob.list()).toEqual([kept])
    expect(await bob.trash()).toEqual([trashed] as never)
  })

  test("another user's user_id is wrong-user for every tool, before anything else is looked at", async () => {
    const [ann, bob] = [newUser(service()), newUser(service())]
    const task = await bob.create()
    for (const tool of TOOLS)
      for (const given of [argumentsOf(tool, task.id), { nonsense: true }]) {
        const { structuredContent, isError } = await callTool(service(), ann.id, tool, { ...given, user_id: bob.id })
        expect([tool, isError, structuredContent['code']]).toEqual([tool, true, 'wrong-user'])
      }
    expect(await bob.list()).toEqual([task])
    expect(await ann.list()).toEqual([])
  })

  test('the own user_id is taken, compared with its case', async () => {
    const ann = newUser(service(), `Ann/${crypto.randomUUID()}@example.com`)
    const own = await callTool(service(), ann.id, 'add_task', { user_id: ann.id, title: 'Mine' })
    expect(own.isError).toBeUndefined()
    const other = await callTool(service(), ann.id, 'add_task', { user_id: ann.id.toUpperCase(), title: 'Mine' })
    expect(other.structuredContent['code']).toBe('wrong-user')
    expect(await ann.titles()).toEqual(['Mine'])
  })

  test("a cursor of another user's list is refused", async () => {
    const [ann, bob] = [newUser(service()), newUser(service())]
    for (const user of [ann, bob]) await user.batch([1, 2].map((n) => ({ op: 'create', task: { title: `${n}` } })))
    const page = await callTool(service(), bob.id, 'list_tasks', { limit: 1 })
    const cursor = page.structuredContent['next_cursor']
    expect(cursor).toBeString()
    const stolen = await callTool(service(), ann.id, 'list_tasks', { limit: 1, cursor })
    expect(stolen.structuredContent['code']).toBe('validation-failed')
  })

  test('many calls of two users at once never mix up their answers', async () => {
    const users = [newUser(service()), newUser(service())]
    const calls = Array.from({ length: 60 }, async (_, n) => {
      const { id } = users[n % 2] as (typeof users)[number]
      const version = versions[n % 3 === 0 ? 1 : 0] as (typeof versions)[number]
      const made = await callTool(service(), id, 'add_task', { title: `${id} ${n}` }, version)
      expect(made.structuredContent['task']).toMatchObject({ title: `${id} ${n}` })
    })
    await Promise.all(calls)
    for (const { id, titles } of users) {
      expect((await titles()).filter((title) => !title.startsWith(id))).toEqual([])
      expect(await titles()).toHaveLength(30)
    }
  })

  test('a token for reading reads, and is 403 with a challenge for every tool that writes', async () => {
    const ann = newUser(service())
    const task = await ann.create()
    for (const [scope, tools] of [
      ['tasks:read', TOOLS.filter((tool) => !READING.includes(tool))],
      ['tasks:write', READING],
    ] as const) {
      const token = bearer(await service().tokens.sign(ann.id, 60, [scope]))
      for (const version of versions)
        for (const tool of tools) {
          const response = await postCall(service(), token, tool, argumentsOf(tool, task.id), version)
          const wanted = scope === 'tasks:read' ? 'tasks:write' : 'tasks:read'
          expect(response.headers.get('www-authenticate')).toStartWith(
            `Bearer error="insufficient_scope", scope="${wanted}"`,
          )
          await expectProblem(response, 403, 'insufficient-scope')
        }
      const allowed = scope === 'tasks:read' ? 'list_tasks' : 'complete_task'
      const result = await callTool(service(), token, allowed, argumentsOf(allowed, task.id))
      expect(result.isError).toBeUndefined()
      const { headers, body } = message('tools/list')
      expect((await service().request(undefined, 'POST', '/mcp', body, { ...headers, ...token })).status).toBe(200)
    }
    expect(await ann.list()).toHaveLength(1)
  })
})
