import { describe, expect, test } from 'bun:test'
import type { Client } from '@modelcontextprotocol/client'
import { databases } from '../kit/boot.ts'
import { connect, versions } from '../kit/mcp.ts'
import { useService } from '../kit/service.ts'
import { newUser } from '../kit/user.ts'
import { expectLife } from './life.ts'

const subjects = databases.flatMap((kind) => versions.map((version) => [kind, version] as const))

describe.each(subjects)("the SDK's own client over %s, by %s", (kind, version) => {
  const service = useService(kind)

  async function as(user: string): Promise<Client> {
    return connect(service().url, await service().tokens.sign(user, 3600), { version })
  }

  test('a task lives its whole life by tools', async () => {
    const ann = newUser(service())
    await using client = disposable(await as(ann.id))
    expect(client.it.getNegotiatedProtocolVersion()).toBe(version)
    await expectLife(client.it)
  })

  test('what tools do is what the routes see, and the other way round', async () => {
    const ann = newUser(service())
    await using client = disposable(await as(ann.id))
    const task = await ann.create({ title: 'By a route', tags: ['home'] })
    const listed = await client.it.callTool({ name: 'list_tasks', arguments: { tag: ['home'] } })
    expect(listed.structuredContent).toMatchObject({ tasks: [{ id: task.id, title: 'By a route', tags: ['home'] }] })
    await client.it.callTool({
      name: 'update_task',
      arguments: { task_id: task.id, title: 'By a tool', due_date: '2026-11-24T18:30:00+01:00' },
    })
    expect(await ann.read(task.id)).toMatchObject({ title: 'By a tool', due_date: '2026-11-24T17:30:00.000Z' })
    const changes = await ann.changes(`?since=${task.revision}`)
    expect(changes.changes.map(({ id, title }) => [id, title])).toEqual([[task.id, 'By a tool']])
  })
})

const disposable = (it: Client) => ({ it, [Symbol.asyncDispose]: () => it.close() })
