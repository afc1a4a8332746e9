import { QueryClient } from '@tanstack/react-query'
import { type Doable, DoableError, type List, type Task } from 'doable/client'
import { isListWrite, sendWrite, type Write, type Written } from './writes.ts'

/** Every task by its id, deleted ones too: an answer that comes late must not bring them back. */
export interface Tasks {
  /** Where `follow` begins. */
  revision: number
  byId: Record<string, Task>
  /** Every list by its id, deleted ones too. */
  lists: Record<string, List>
}

const NO_TASKS: Tasks = { revision: 0, byId: {}, lists: {} }

/** A write that is not done: on its way, waiting for the network, or refused. */
export interface Unsent {
  write: Write
  /** Why it was refused; null while it can still succeed. */
  error: Error | null
  /** Attempts that failed on the way. */
  failures: number
  again(): void
  forget(): void
}

export const TASKS = ['tasks']
export const WRITE = ['write']

const LONGEST_WAIT_MS = 5000

/** Whether the user has to sign in again before this can succeed. */
export const isSignedOut = (error: unknown) => error instanceof DoableError && error.status === 401

/** Failures of the network and of the service pass, refusals do not. */
const retry = (_: number, error: Error) => !(error instanceof DoableError) || error.status >= 500
const retryDelay = (failures: number) => Math.min(500 * 2 ** failures, LONGEST_WAIT_MS)

export type Store = ReturnType<typeof createStore>

/**
 * The tasks of one user in this window. Writes are sent one after the other, and wait while the browser is
 * offline; until they are done `Unsent` has them, so that nothing that was typed is lost.
 *
 * @param remind called when a task's reminder has come.
 * @param keep where unsent writes outlast a reload.
 */
export function createStore(doable: Doable, remind: (task: Task) => void, keep?: { storage: Storage; name: string }) {
  const queryClient = new QueryClient()
  const mutations = queryClient.getMutationCache()

  const query = {
    queryKey: TASKS,
    async queryFn({ signal }: { signal: AbortSignal }): Promise<Tasks> {
      // The counter first: what changes while the list is read comes once more by `follow`.
      const revision = await doable.revision({ signal })
      const lists = Object.fromEntries((await doable.lists.all({ signal })).map((list) => [list.id, list]))
      const byId: Tasks['byId'] = {}
      for await (const task of doable.list({}, { signal, pageSize: 1000 })) byId[task.id] = task
      return { revision, byId, lists }
    },
    retry: (failures: number, error: Error) => failures < 3 && retry(failures, error),
    retryDelay,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
  }

  /** Takes a task in, unless a later state of it is here already. */
  function merge(task: Task): void {
    const before = queryClient.getQueryData<Tasks>(TASKS)?.byId[task.id]
    const isReminder = before && task.reminded_at !== null && task.reminded_at !== before.reminded_at
    if (isReminder && !task.completed && task.deleted_at === null) remind(task)
    queryClient.setQueryData<Tasks>(TASKS, (tasks) => {
      const known = tasks?.byId[task.id]
      if (!tasks || (known && known.revision >= task.revision)) return tasks
      return { ...tasks, byId: { ...tasks.byId, [task.id]: task } }
    })
  }

  function mergeList(list: List): void {
    queryClient.setQueryData<Tasks>(TASKS, (tasks) => {
      const known = tasks?.lists[list.id]
      if (!tasks || (known && known.revision >= list.revision)) return tasks
      return { ...tasks, lists: { ...tasks.lists, [list.id]: list } }
    })
  }

  /** Until the events come: a deleted task takes its parts along, a deleted list its tasks. */
  function forget(write: Write): void {
    queryClient.setQueryData<Tasks>(TASKS, (tasks) => {
      if (!tasks) return tasks
      const deleted_at = new Date().toISOString()
      const goes = ({ id, list_id, parent_id }: Task) => [id, list_id, parent_id].includes(write.id)
      const all = Object.values(tasks.byId)
      const byId = Object.fromEntries(all.map((task) => [task.id, goes(task) ? { ...task, deleted_at } : task]))
      const list = tasks.lists[write.id]
      const lists = isListWrite(write) && list ? { ...tasks.lists, [write.id]: { ...list, deleted_at } } : tasks.lists
      return { ...tasks, byId, lists }
    })
  }

  function take({ task, list }: Written, write: Write): void {
    if (task) merge(task)
    else if (list) mergeList(list)
    else forget(write)
  }

  function send(write: Write): void {
    const mutation = mutations.build(queryClient, {
      mutationKey: WRITE,
      mutationFn: (wanted: Write) => sendWrite(doable, wanted),
      onSuccess: (written: Written) => take(written, write),
      retry,
      retryDelay,
      scope: { id: 'writes' },
      gcTime: Number.POSITIVE_INFINITY,
    })
    void mutation.execute(write).then(
      () => mutations.remove(mutation),
      // It stays in the cache with its error, and is shown.
      () => {},
    )
  }

  function readUnsent(): Unsent[] {
    const open = mutations.findAll({
      mutationKey: WRITE,
      predicate: ({ state }) => state.status === 'pending' || state.status === 'error',
    })
    return open.map((mutation) => {
      const { error, failureCount, variables } = mutation.state
      const write = variables as Write
      const drop = () => mutations.remove(mutation)
      const again = () => {
        drop()
        send(write)
      }
      return { write, error, failures: failureCount, again, forget: drop }
    })
  }

  // The same array until something has changed, as React wants it.
  let unsent: Unsent[] = []
  mutations.subscribe(() => {
    unsent = readUnsent()
    keep?.storage.setItem(keep.name, JSON.stringify(unsent.map(({ write }) => write)))
  })
  for (const write of JSON.parse(keep?.storage.getItem(keep.name) ?? '[]') as Write[]) send(write)

  return {
    queryClient,
    query,
    send,
    unsent: () => unsent,
    /** Calls `changed` whenever `unsent` has changed. @returns what ends that. */
    subscribe: (changed: () => void) => mutations.subscribe(changed),

    /** Sends again what was refused because nobody was signed in. */
    signedIn(): void {
      for (const { error, again } of unsent) if (isSignedOut(error)) again()
    },

    /**
     * Merges what changes, on whatever device, until `signal` is aborted or the user has to sign in again. Goes
     * on by itself after failures that pass.
     */
    async follow(signal: AbortSignal): Promise<void> {
      let since: number | undefined
      while (!signal.aborted) {
        try {
          since ??= (await queryClient.fetchQuery(query)).revision
          const onReset = () => {
            queryClient.setQueryData(TASKS, NO_TASKS)
          }
          for await (const task of doable.watch({ since, signal, onReset, onList: mergeList })) {
            since = task.revision
            merge(task)
          }
        } catch (error) {
          if (isSignedOut(error)) return
          await pause(LONGEST_WAIT_MS, signal)
        }
      }
    },
  }
}

/** Waits until the time is over, the browser is online again, or `signal` is aborted. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((done) => {
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', () => done(), { once: true })
    addEventListener('online', () => done(), { once: true })
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  })
}
