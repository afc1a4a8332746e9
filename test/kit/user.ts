import type { List } from '../../src/lists/model.ts'
import type { Task } from '../../src/tasks/model.ts'
import type { Target } from './boot.ts'
import type { Headers } from './send.ts'

export type { Task }

/** A well-formed id that no task has. */
export const NO_TASK = '01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80'

export type User = ReturnType<typeof newUser>

/** A user who has nothing yet, so that no test meets another's tasks. */
export function newUser(target: Target, id = `user-${crypto.randomUUID()}`) {
  const base = `/api/${encodeURIComponent(id)}`

  /** A request with a token of this user. `path` is below `/api/{user_id}`. */
  const send = (method: string, path: string, body?: unknown, headers?: Headers) =>
    target.request(id, method, base + path, body, headers)
  const get = (task: string, headers?: Headers) => send('GET', `/tasks/${task}`, undefined, headers)
  const post = (body: unknown, headers?: Headers) => send('POST', '/tasks', body, headers)
  const put = (task: string, body: unknown, headers?: Headers) => send('PUT', `/tasks/${task}`, body, headers)
  const remove = (task: string, headers?: Headers) => send('DELETE', `/tasks/${task}`, undefined, headers)

  const create = async (fields: object = {}) => taskOf(await post({ title: 'Buy milk', ...fields }), 201)
  const list = async (query = '') => jsonOf<Task[]>(await send('GET', `/tasks${query}`))

  return {
    id,
    /** `/api/{user_id}` */
    base,
    /** `/api/{user_id}/tasks` */
    tasks: `${base}/tasks`,
    send,
    get,
    post,
    put,
    patch: (task: string, body: unknown, headers?: Headers) => send('PATCH', `/tasks/${task}`, body, headers),
    delete: remove,
    complete: (task: string, body?: unknown, headers?: Headers) =>
      send('PATCH', `/tasks/${task}/complete`, body, headers),

    // What follows throws an Error with the answer where it is not a success.
    create,
    read: async (task: string) => taskOf(await get(task)),
    update: async (task: string, fields: object) => taskOf(await put(task, fields)),
    async remove(task: string): Promise<void> {
      await textOf(await remove(task), 204)
    },
    list,
    titles: async (query?: string) => (await list(query)).map(({ title }) => title),
    trash: async (query = '') => jsonOf<Task[]>(await send('GET', `/trash${query}`)),
    async batch(operations: object[]) {
      const answer = await send('POST', '/batch', { operations })
      return (await jsonOf<{ results: { status: number; task: Task }[] }>(answer)).results
    },
    changes: async (query = '') =>
      jsonOf<{ changes: Task[]; lists: List[]; next: number; more: boolean }>(await send('GET', `/changes${query}`)),
    /** The user's counter before this call, which raises it by one itself. */
    revision: async () => (await create({ title: 'Reads the counter' })).revision - 1,
  }
}

async function textOf(response: Response, status: number): Promise<string> {
  const text = await response.text()
  if (response.status !== status) throw new Error(`${response.status} rather than ${status}: ${text}`)
  return text
}

/** The JSON of an answer. @throws Error with the answer when it does not have this status. */
export async function jsonOf<Body>(response: Response, status = 200): Promise<Body> {
  return JSON.parse(await textOf(response, status)) as Body
}

/** The task of an answer. @throws Error with the answer when it does not have this status. */
export function taskOf(response: Response, status = 200): Promise<Task> {
  return jsonOf<Task>(response, status)
}

/** An entity tag for `If-Match` (RFC 9110, 8.8.3). */
export const ifMatch = (revision: number): Headers => ({ 'if-match': `"${revision}"` })

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
    pages.push(await jsonOf<Task[]>(response))
    next = nextPage(response)
  }
  return pages
}
