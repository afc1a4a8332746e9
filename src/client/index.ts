import { createSend, type Options } from './request.ts'
import type { NewTask, Task, TaskFields, TaskQuery } from './types.ts'
import { currentRevision, type WatchOptions, watch } from './watch.ts'

export { DoableError } from './problem.ts'
export type { Options } from './request.ts'
export type * from './types.ts'
export type { WatchOptions } from './watch.ts'

export interface Abortable {
  signal?: AbortSignal
}

export interface WriteOptions extends Abortable {
  /**
   * The task as it was read: the write is refused with `revision-mismatch` (412) when it has
   * been changed since.
   */
  ifUnchanged?: Pick<Task, 'revision'>
}

export interface CreateOptions extends Abortable {
  /** The same key makes the same task, however often it is sent; one is made where none is given. */
  key?: string
}

export interface ListOptions extends Abortable {
  /** Tasks to fetch at once: 100. */
  pageSize?: number
}

export type Doable = ReturnType<typeof createDoable>

/**
 * A client for the tasks of one user. Every method throws `DoableError` when the service
 * refuses, and tries again by itself when the network fails or the service is busy, as far
 * as that cannot do anything twice.
 */
export function createDoable(options: Options) {
  const send = createSend(options)
  const json = async <T>(response: Promise<Response>) => (await (await response).json()) as T
  const at = (id: string) => `/tasks/${encodeURIComponent(id)}`

  /** With If-Match, a second try could meet the first one's own change: it is left to the caller. */
  const guarded = ({ ifUnchanged, signal }: WriteOptions) => ({
    signal,
    ...(ifUnchanged && { headers: { 'if-match': `"${ifUnchanged.revision}"` }, repeatable: false }),
  })

  return {
    /** All tasks that match, page by page as they are taken. */
    async *list(query: TaskQuery = {}, { pageSize = 100, signal }: ListOptions = {}): AsyncGenerator<Task, void, void> {
      let cursor: string | undefined
      do {
        const response = await send({ path: '/tasks', query: { ...query, limit: pageSize, cursor }, signal })
        cursor = nextCursor(response.headers.get('link'))
        yield* (await response.json()) as Task[]
      } while (cursor !== undefined)
    },

    get: (id: string, { signal }: Abortable = {}) => json<Task>(send({ path: at(id), signal })),

    /** Makes a task: once, though the answer may get lost on the way. */
    create: (task: NewTask, { key = crypto.randomUUID(), signal }: CreateOptions = {}) =>
      json<Task>(send({ method: 'POST', path: '/tasks', body: task, headers: { 'idempotency-key': key }, signal })),

    /** Changes the fields it is given. */
    update: (id: string, changes: TaskFields, write: WriteOptions = {}) =>
      json<Task>(send({ method: 'PUT', path: at(id), body: changes, ...guarded(write) })),

    /** Sets, rather than toggles, so that doing it twice is no harm. */
    complete: (id: string, completed = true, write: WriteOptions = {}) =>
      json<Task>(send({ method: 'PATCH', path: `${at(id)}/complete`, body: { completed }, ...guarded(write) })),

    /** Moves a task to the trash. */
    async remove(id: string, write: WriteOptions = {}): Promise<void> {
      // A second try would find it gone: a 404 that nobody could tell from another.
      await send({ method: 'DELETE', path: at(id), repeatable: false, ...guarded(write) })
    },

    /** Takes a task out of the trash. */
    restore: (id: string, { key = crypto.randomUUID(), signal }: CreateOptions = {}) =>
      json<Task>(send({ method: 'POST', path: `${at(id)}/restore`, headers: { 'idempotency-key': key }, signal })),

    /** The user's counter: ask for it before a list, and `watch` from there on misses nothing. */
    revision: ({ signal }: Abortable = {}) => currentRevision(send, signal),

    /** Changes as they happen, on whatever device. */
    watch: (watching: WatchOptions = {}) => watch(send, watching),
  }
}

/** The cursor of `rel="next"` (RFC 8288). The address itself may be a proxy's inner one. */
function nextCursor(link: string | null): string | undefined {
  const address = link?.match(/<([^>]*)>\s*;\s*rel="next"/)?.[1]
  if (address === undefined) return undefined
  return new URL(address, 'http://localhost').searchParams.get('cursor') ?? undefined
}
