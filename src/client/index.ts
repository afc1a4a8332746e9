import { createLists } from './lists.ts'
import { createTransport, type Options } from './request.ts'
import type { NewTask, Task, TaskFields } from './task.ts'
import type {
  ChangePage,
  ImportResult,
  ListOperation,
  Operation,
  PageQuery,
  ResultOf,
  TaskPage,
  TaskQuery,
  TransferFormat,
} from './types.ts'
import { revisionCall, revisionIn, type WatchOptions, watch } from './watch.ts'
import { type Abortable, type CreateOptions, guarded, json, once, type WriteOptions } from './write.ts'

export type * from './list.ts'
export { DoableError } from './problem.ts'
export type { Options } from './request.ts'
export type * from './task.ts'
export type * from './types.ts'
export type { WatchOptions } from './watch.ts'
export type { Abortable, CreateOptions, WriteOptions } from './write.ts'

export interface ListOptions extends Abortable {
  /** Tasks to fetch at once: 100. */
  pageSize?: number
}

export interface ChangesOptions extends Abortable {
  /** The last revision that the caller has seen: 0, which stands for everything. */
  since?: number
  /** Changes on the page, 1 to 1000. */
  limit?: number
}

export interface ExportOptions extends Abortable {
  /** `json`. */
  format?: TransferFormat
}

export interface ImportOptions extends CreateOptions {
  /** `json`, or `csv` where the file's own type says so. */
  format?: TransferFormat
  /** True only checks and counts. */
  dryRun?: boolean
}

export type Doable = ReturnType<typeof createDoable>

const MEDIA_TYPES: Record<TransferFormat, string> = { json: 'application/json', csv: 'text/csv' }

/**
 * A client for the tasks and lists of one user. Every method throws `DoableError` when the service
 * refuses, and tries again by itself when the network fails or the service is busy, as far
 * as that cannot do anything twice.
 *
 * @throws TypeError when `url` is no absolute http address, or `userId` is missing.
 */
export function createDoable(options: Options) {
  const transport = createTransport(options)
  const { send } = transport
  const at = (id: string) => `/tasks/${encodeURIComponent(id)}`

  async function* pages(path: string, query: TaskQuery, { pageSize = 100, signal }: ListOptions) {
    let cursor: string | undefined
    do {
      const response = await send({ path, query: { ...query, limit: pageSize, cursor }, signal })
      cursor = nextCursor(response)
      yield* (await response.json()) as Task[]
    } while (cursor !== undefined)
  }

  return {
    /** The lists that tasks can be in. */
    lists: createLists(transport),

    /** All tasks that match, page by page as they are taken. */
    list: (query: TaskQuery = {}, listing: ListOptions = {}): AsyncGenerator<Task, void, void> =>
      pages('/tasks', query, listing),

    /** One page of the tasks that match, with the cursor of the next one and the number of all. */
    async page({ count = true, ...query }: PageQuery = {}, { signal }: Abortable = {}): Promise<TaskPage> {
      const response = await send({ path: '/tasks', query: { ...query, count }, signal })
      const total = response.headers.get('x-total-count')
      return {
        tasks: (await response.json()) as Task[],
        cursor: nextCursor(response),
        total: count && total !== null ? Number(total) : undefined,
        revision: revisionIn(response),
      }
    },

    /** One task. Another user's task, and one in the trash, is `task-not-found` (404). */
    get: (id: string, { signal }: Abortable = {}) => json<Task>(send({ path: at(id), signal })),

    /** Makes a task, once even where an answer gets lost on the way. */
    create: (task: NewTask, creating: CreateOptions = {}) =>
      json<Task>(send({ path: '/tasks', body: task, ...once(creating) })),

    /** Changes the fields it is given and keeps the others; null clears a field that may be null. */
    update: (id: string, changes: TaskFields, write: WriteOptions = {}) =>
      json<Task>(send({ method: 'PUT', path: at(id), body: changes, ...guarded(write) })),

    /** Sets `completed` and does not toggle it, so that a repeat does no harm. */
    complete: (id: string, completed = true, write: WriteOptions = {}) =>
      json<Task>(send({ method: 'PATCH', path: `${at(id)}/complete`, body: { completed }, ...guarded(write) })),

    /** Moves a task to the trash. Sent once: a second try would find it gone (404). */
    async remove(id: string, write: WriteOptions = {}): Promise<void> {
      await send({ method: 'DELETE', path: at(id), ...guarded(write), repeatable: false })
    },

    /** Moves all completed tasks to the trash, and gives their number. Sent once: a second try would count none. */
    async clearCompleted({ signal }: Abortable = {}): Promise<number> {
      const call = { method: 'DELETE', path: '/tasks', query: { status: 'completed' }, signal, repeatable: false }
      return (await json<{ deleted: number }>(send(call))).deleted
    },

    /** The tasks in the trash, last deleted first, page by page as they are taken. */
    trash: (listing: ListOptions = {}): AsyncGenerator<Task, void, void> => pages('/trash', {}, listing),

    /** Takes a task out of the trash. */
    restore: (id: string, creating: CreateOptions = {}) =>
      json<Task>(send({ path: `${at(id)}/restore`, ...once(creating) })),

    /** Deletes a task in the trash for good. Sent once: a second try would find it gone (404). */
    async purge(id: string, write: WriteOptions = {}): Promise<void> {
      const path = `/trash/${encodeURIComponent(id)}`
      await send({ method: 'DELETE', path, ...guarded(write), repeatable: false })
    },

    /**
     * Does up to 100 operations in their order, all of them or none, once. The `errors` of a
     * refusal say by their pointers which one was refused: `/operations/3/task/title`.
     */
    async batch<Asked extends Operation | ListOperation>(
      operations: readonly Asked[],
      creating: CreateOptions = {},
    ): Promise<ResultOf<Asked>[]> {
      const call = { path: '/batch', body: { operations }, ...once(creating) }
      return (await json<{ results: ResultOf<Asked>[] }>(send(call))).results
    },

    /** The user's counter: ask for it before a list, and `watch` from there on misses nothing. */
    revision: async ({ signal }: Abortable = {}) => revisionIn(await send({ ...revisionCall, signal })),

    /**
     * What has changed since a revision, a page at a time: go on from `next` while there is
     * `more`. After `history-gone` (410) forget all tasks and lists, and start again from 0.
     */
    changes: ({ since = 0, limit, signal }: ChangesOptions = {}) =>
      json<ChangePage>(send({ path: '/changes', query: { since, limit }, signal })),

    /**
     * Changes as they happen, on whatever device, each task in its latest state, deleted ones
     * with `deleted_at`. Outlasts failures of the network and of the service, without missing
     * a change or giving one twice. Ends when `signal` is aborted or the loop is left.
     *
     * @throws DoableError when the service refuses, or the error of the token callback.
     */
    watch: (watching: WatchOptions = {}) => watch(transport, watching),

    /** Everything the user has, the trash included, as a file. */
    export: async ({ format = 'json', signal }: ExportOptions = {}): Promise<Blob> =>
      (await send({ path: '/export', query: { format }, signal })).blob(),

    /** Takes an export back in: all of it or nothing, once. Tasks that are there already stay as they are. */
    import: (file: string | Blob, { format, dryRun = false, ...creating }: ImportOptions = {}) => {
      const isCsv = typeof file !== 'string' && file.type.startsWith(MEDIA_TYPES.csv)
      const type = MEDIA_TYPES[format ?? (isCsv ? 'csv' : 'json')]
      const call = { path: '/import', query: { dry_run: dryRun }, file: { type, content: file }, ...once(creating) }
      return json<ImportResult>(send(call))
    },
  }
}

/** The cursor of `rel="next"` (RFC 8288). The address itself may be one that only a proxy knows. */
function nextCursor({ headers }: Response): string | undefined {
  const address = headers.get('link')?.match(/<([^>]*)>\s*;\s*rel="next"/)?.[1]
  if (address === undefined) return undefined
  return new URL(address, 'http://localhost').searchParams.get('cursor') ?? undefined
}
