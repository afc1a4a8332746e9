import type { Task } from '../../src/tasks/model.ts'
import type { Target } from './boot.ts'

export type User = ReturnType<typeof newUser>

/** A user of their own, so that no test meets another's tasks. Paths are below `/api/{user_id}`. */
export function newUser(target: Target, id = `user-${crypto.randomUUID()}`) {
  const base = `/api/${encodeURIComponent(id)}`
  const send = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
    target.request(id, method, base + path, body, headers)

  /** The JSON of an answer that must have this status. */
  async function expectJson<Body>(response: Response, status: number): Promise<Body> {
    if (response.status !== status) throw new Error(`${response.status} ${await response.text()}, not ${status}`)
    return (await response.json()) as Body
  }

  return {
    id,
    base,
    send,
    read: async <Body>(path: string) => expectJson<Body>(await send('GET', path), 200),
    tasks: async (query = '') => expectJson<Task[]>(await send('GET', `/tasks${query}`), 200),
    titles: async (query = '') =>
      (await expectJson<Task[]>(await send('GET', `/tasks${query}`), 200)).map(({ title }) => title),
    create: async (fields: object) => expectJson<Task>(await send('POST', '/tasks', fields), 201),
    update: async (task: string, fields: object) => expectJson<Task>(await send('PUT', `/tasks/${task}`, fields), 200),
    remove: async (task: string) => {
      const response = await send('DELETE', `/tasks/${task}`)
      if (response.status !== 204) throw new Error(`${response.status} ${await response.text()}, not 204`)
    },
    batch: async (operations: object[]) =>
      (
        await expectJson<{ results: { status: number; task: Task }[] }>(
          await send('POST', '/batch', { operations }),
          200,
        )
      ).results,
    changes: async (query = '') =>
      expectJson<{ changes: Task[]; next: number; more: boolean }>(await send('GET', `/changes${query}`), 200),
  }
}

interface ProblemAnswer {
  status: number
  code: string
  pointers: string[]
}

/** What a refusal says, in the form that tests compare. */
export async function problemOf(response: Response): Promise<ProblemAnswer> {
  const { code, errors = [] } = (await response.json()) as { code: string; errors?: { pointer: string }[] }
  return { status: response.status, code, pointers: errors.map(({ pointer }) => pointer) }
}

/** The refusal of a value. */
export function invalidAt(...pointers: string[]): ProblemAnswer {
  return { status: 422, code: 'validation-failed', pointers }
}

/** The path and query of the next page, or undefined on the last (RFC 8288). */
export function nextPage(response: Response): string | undefined {
  const link = response.headers.get('link')
  if (link === null) return undefined
  const [, target] = /^<([^>]+)>; rel="next"$/.exec(link) ?? []
  if (target === undefined) throw new Error(`not a link to a next page: ${link}`)
  return target
}

/** Every page of a list, from `path` on by the links alone. */
export async function walk(target: Target, user: User, path: string): Promise<Task[][]> {
  const pages: Task[][] = []
  for (let next: string | undefined = user.base + path; next !== undefined; ) {
    const response = await target.request(user.id, 'GET', next)
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
    pages.push((await response.json()) as Task[])
    next = nextPage(response)
  }
  return pages
}
