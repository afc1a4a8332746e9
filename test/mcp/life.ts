import { expect } from 'bun:test'
import type { Client } from '@modelcontextprotocol/client'

interface Shown {
  id: string
  title: string
  revision: number
  [name: string]: unknown
}

/** The names of the contract, and the one that reads a whole description. */
export const TOOLS = [
  'add_task',
  'complete_task',
  'delete_task',
  'get_task',
  'list_lists',
  'list_tasks',
  'restore_task',
  'search_tasks',
  'update_task',
]

/** Lists the tools, then adds, finds, changes, completes, deletes and restores a task of a user who has none. */
export async function expectLife(client: Client): Promise<void> {
  const { tools } = await client.listTools()
  expect(tools.map(({ name }) => name).sort()).toEqual(TOOLS)

  // The client compares each result with the output schema that was listed.
  const call = async (name: string, given: Record<string, unknown> = {}) => {
    const { structuredContent, isError } = await client.callTool({ name, arguments: given })
    expect({ isError, structuredContent }).toMatchObject({ isError: undefined })
    return structuredContent as { task: Shown; tasks: Shown[] }
  }
  const ids = async (name: string, given?: Record<string, unknown>) =>
    (await call(name, given)).tasks.map(({ id }) => id)

  const { task } = await call('add_task', { title: '  Buy milk ', description: 'Two litres', due_date: '2026-11-24' })
  expect(task).toMatchObject({
    title: 'Buy milk',
    description: 'Two litres',
    due_date: '2026-11-24',
    completed: false,
    priority: 'medium',
  })
  const given = { task_id: task.id }
  expect(await ids('list_tasks', { status: 'pending' })).toEqual([task.id])
  expect(await ids('search_tasks', { query: 'LITRES' })).toEqual([task.id])
  expect(await ids('search_tasks', { query: 'bread' })).toEqual([])

  const changed = (await call('update_task', { ...given, title: 'Buy oat milk', description: null })).task
  expect(changed.title).toBe('Buy oat milk')
  expect(changed).not.toHaveProperty('description')
  expect(changed.revision).toBe(task.revision + 1)

  const done = (await call('complete_task', given)).task
  expect(done).toMatchObject({ completed: true, completed_at: expect.stringMatching(/^\d{4}-.*Z$/) })
  // Safe to repeat: a toggle would open the task again.
  expect((await call('complete_task', given)).task).toMatchObject({ completed: true })
  expect((await call('complete_task', { ...given, completed: false })).task).not.toHaveProperty('completed_at')

  expect((await call('delete_task', given)).task).toHaveProperty('deleted_at')
  expect(await ids('list_tasks')).toEqual([])
  expect(await ids('list_tasks', { status: 'deleted' })).toEqual([task.id])
  const again = await client.callTool({ name: 'delete_task', arguments: given })
  expect(again).toMatchObject({ isError: true, structuredContent: { code: 'task-not-found' } })

  expect((await call('restore_task', given)).task).not.toHaveProperty('deleted_at')
  expect((await call('get_task', given)).task).toMatchObject({ id: task.id, title: 'Buy oat milk' })
}
