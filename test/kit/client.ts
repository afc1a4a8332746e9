import { afterAll, beforeAll, expect, setDefaultTimeout } from 'bun:test'
import type { Task } from '../../src/tasks/model.ts'
import { boot, type DatabaseKind, type Target } from './boot.ts'

export type { Task }
export type Headers = Record<string, string>

/** A form that no task has: for what is not there. */
export const NO_TASK = '01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80'

/** For tests and hooks: on a busy machine a database alone can take longer than the usual 5 s to start. */
const TIMEOUT_MS = 60_000

/** One service for the tests of the enclosing `describe`, and how to get at it. */
export function useService(kind: DatabaseKind, env?: Record<string, string>): () => Target {
  setDefaultTimeout(TIMEOUT_MS)
  let target: Target | undefined
  beforeAll(async () => {
    target = await boot(kind, env)
  })
  afterAll(() => target?.stop())
  return () => {
    if (!target) throw new Error('the service runs only while tests do')
    return target
  }
}

export type Client = ReturnType<typeof newClient>

/** A user of their own, so that no test meets another's tasks. */
export function newClient(service: () => Target, id: string = `user-${crypto.randomUUID()}`) {
  const tasks = `/api/${encodeURIComponent(id)}/tasks`
  const send = (method: string, path: string, body?: unknown, headers?: Headers) =>
    service().request(id, method, path, body, headers)
  const client = {
    id,
    /** The path of the user's tasks. */
    tasks,
    send,
    post: (body: unknown, headers?: Headers) => send('POST', tasks, body, headers),
    get: (task: string, headers?: Headers) => send('GET', `${tasks}/${task}`, undefined, headers),
    put: (task: string, body: unknown, headers?: Headers) => send('PUT', `${tasks}/${task}`, body, headers),
    patch: (task: string, body: unknown, headers?: Headers) => send('PATCH', `${tasks}/${task}`, body, headers),
    delete: (task: string, headers?: Headers) => send('DELETE', `${tasks}/${task}`, undefined, headers),
    complete: (task: string, body?: unknown, headers?: Headers) =>
      send('PATCH', `${tasks}/${task}/complete`, body, headers),

    /** A task that is there. */
    async create(fields: Record<string, unknown> = {}): Promise<Task> {
      return taskOf(await client.post({ title: 'Buy milk', ...fields }), 201)
    },
    async read(task: string): Promise<Task> {
      return taskOf(await client.get(task))
    },
    async list(): Promise<Task[]> {
      const response = await send('GET', tasks)
      expect(response.status).toBe(200)
      return (await response.json()) as Task[]
    },
    /** The user's counter, as the next write shows it. Raises it by one itself. */
    async revision(): Promise<number> {
      return (await client.create({ title: 'Reads the counter' })).revision - 1
    },
  }
  return client
}

/** The task of an answer that must be one. */
export async function taskOf(response: Response, status = 200): Promise<Task> {
  const text = await response.text()
  expect(`${response.status} ${text}`).toStartWith(`${status} {`)
  return JSON.parse(text) as Task
}

/** An entity tag for `If-Match` (RFC 9110, 8.8.3). */
export const ifMatch = (revision: number): Headers => ({ 'if-match': `"${revision}"` })
