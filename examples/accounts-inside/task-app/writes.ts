import { type Doable, DoableError, type NewTask, type Task, type TaskFields } from 'doable/client'

/** What the user has done to a task. `title` is for messages. */
export type Write =
  | { kind: 'add'; id: string; title: string; at: string; fields: Omit<NewTask, 'id' | 'title'> }
  | { kind: 'change'; id: string; title: string; fields: TaskFields }
  | { kind: 'complete'; id: string; title: string; completed: boolean }
  | { kind: 'remove' | 'restore'; id: string; title: string }

/** Sends a write, which does the same when it is sent twice. Undefined: the task is deleted. */
export async function sendWrite(doable: Doable, write: Write): Promise<Task | undefined> {
  const { id } = write
  switch (write.kind) {
    case 'add':
      return await doable.create({ ...write.fields, id, title: write.title }, { key: id })
    case 'change':
      return await doable.update(id, write.fields)
    case 'complete':
      return await doable.complete(id, write.completed)
    case 'restore':
      return await doable.restore(id)
    case 'remove':
      await doable.remove(id).catch((error: unknown) => {
        // An earlier attempt may have deleted it, or another device.
        if (!(error instanceof DoableError && error.status === 404)) throw error
      })
      return undefined
  }
}

const blank = {
  user_id: '',
  description: null,
  completed: false,
  completed_at: null,
  priority: 'medium',
  due_date: null,
  tags: [],
  position: Number.MAX_SAFE_INTEGER,
  list_id: null,
  parent_id: null,
  recurrence: null,
  repeat_from: 'due',
  time_zone: 'UTC',
  remind_at: null,
  series_id: null,
  next_task_id: null,
  reminded_at: null,
  revision: 0,
  deleted_at: null,
} satisfies Partial<Task>

/** The tasks as they will be once the writes are done, without deleted ones. */
export function withWrites(byId: Record<string, Task>, writes: readonly Write[]): Task[] {
  const all = { ...byId }
  for (const write of writes) {
    const { id } = write
    const task = all[id]
    if (write.kind === 'add') {
      // Later than what the service has made, whose clock may be another one.
      const times = { created_at: `9999${write.at.slice(4)}`, updated_at: write.at }
      all[id] ??= { ...blank, ...times, ...write.fields, id, title: write.title }
    } else if (task) all[id] = { ...task, ...changeOf(write) }
  }
  return Object.values(all).filter(({ deleted_at }) => deleted_at === null)
}

function changeOf(write: Exclude<Write, { kind: 'add' }>): Partial<Task> {
  const now = new Date().toISOString()
  switch (write.kind) {
    case 'change':
      return write.fields as Partial<Task>
    case 'complete':
      return { completed: write.completed, completed_at: write.completed ? now : null }
    case 'remove':
      return { deleted_at: now }
    case 'restore':
      return { deleted_at: null }
  }
}

/** What failed, for people. */
export function nameOfWrite(write: Write): string {
  switch (write.kind) {
    case 'add':
      return `Adding “${write.title}”`
    case 'change':
      return `Changing “${write.title}”`
    case 'complete':
      return `${write.completed ? 'Completing' : 'Reopening'} “${write.title}”`
    case 'remove':
      return `Deleting “${write.title}”`
    case 'restore':
      return `Restoring “${write.title}”`
  }
}
