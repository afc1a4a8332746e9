import { QueryClient } from '@tanstack/query-core'
import { type Doable, DoableError, type Task } from 'doable/client'

/** Every task by its id, deleted ones too: an answer that comes late must not bring them back. */
export interface Tasks {
  /** Where `follow` goes on. */
  revision: number
  byId: Record<string, Task>
}

/** A task to be made. Its id is chosen here, so that it is the same before and after. */
export interface Wanted {
  id: string
  title: string
}

export const TASKS = ['tasks']
export const ADD = ['add task']

export const queryClient = new QueryClient()

/** Failures of the network and the service can pass, refusals cannot. */
const retry = (_: number, error: Error) =>
  error instanceof TypeError || (error instanceof DoableError && error.status >= 500)

/** For `useQuery`. Read once: from then on `follow` keeps it up to date. */
export function tasksQuery(doable: Doable) {
  return {
    queryKey: TASKS,
    async queryFn({ signal }: { signal: AbortSignal }): Promise<Tasks> {
      // The counter first: what changes while the list is read comes once more by `follow`.
      const revision = await doable.revision({ signal })
      const byId: Tasks['byId'] = {}
      for await (const task of doable.list({}, { signal })) byId[task.id] = task
      return { revision, byId }
    },
    retry,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
  }
}

/** For `select` of `useQuery`: what to show, newest first. */
export function shown({ byId }: Tasks): Task[] {
  const tasks = Object.values(byId).filter(({ deleted_at }) => deleted_at === null)
  return tasks.sort((a, b) => b.created_at.localeCompare(a.created_at))
}

/**
 * For `useMutation`. While the browser is offline an add waits, and is sent afterwards, in
 * order. Its id is its idempotency key too: it is made once, however often it is sent.
 */
export function addTask(doable: Doable) {
  return {
    mutationKey: ADD,
    mutationFn: (wanted: Wanted) => doable.create(wanted, { key: wanted.id }),
    onSuccess: merge,
    retry,
    scope: { id: 'tasks' },
    gcTime: Number.POSITIVE_INFINITY,
  }
}

/** To show beside the tasks: adds on their way, and refused ones with the reason, so that nothing typed is lost. */
export function pendingAdds() {
  const cache = queryClient.getMutationCache()
  const adds = cache.findAll({ mutationKey: ADD, predicate: ({ state }) => state.status !== 'success' })
  return adds.map((mutation) => ({
    wanted: mutation.state.variables as Wanted,
    error: mutation.state.error,
    isOffline: mutation.state.isPaused,
    forget: () => cache.remove(mutation),
  }))
}

/** Merges what changes, on whatever device, until `signal` is aborted. */
export async function follow(doable: Doable, signal: AbortSignal): Promise<void> {
  const { revision } = await queryClient.fetchQuery(tasksQuery(doable))
  const onReset = () => {
    queryClient.setQueryData<Tasks>(TASKS, { revision: 0, byId: {} })
  }
  for await (const task of doable.watch({ since: revision, signal, onReset })) merge(task)
}

/** Takes a task in, unless a later state of it is here already. */
export function merge(task: Task): void {
  queryClient.setQueryData<Tasks>(TASKS, (tasks) => {
    const known = tasks?.byId[task.id]
    if (!tasks || (known && known.revision >= task.revision)) return tasks
    return { ...tasks, byId: { ...tasks.byId, [task.id]: task } }
  })
}
