import { type Doable, DoableError, type List, type NewTask, type Task, type TaskFields } from 'doable/client'

/** What the user has done to a task or a list. `title` is for messages; of a list it is the name. */
export type Write = TaskWrite | ListWrite

export type TaskWrite =
  | { kind: 'add'; id: string; title: string; at: string; fields: Omit<NewTask, 'id' | 'title'> }
  | { kind: 'change'; id: string; title: string; fields: TaskFields }
  | { kind: 'complete'; id: string; title: string; completed: boolean }
  | { kind: 'remove' | 'restore'; id: string; title: string }

export interface ListWrite {
  kind: 'add-list' | 'rename-list' | 'remove-list' | 'restore-list'
  id: string
  title: string
}

export const isListWrite = (write: Write): write is ListWrite => write.kind.endsWith('-list')

/** What a write makes of its task or list; neither of them where that is deleted. */
export interface Written {
  task?: Task
  list?: List
}

/** Sends a write, which does the same when it is sent twice. */
export async function sendWrite(doable: Doable, write: Write): Promise<Written> {
  if (isListWrite(write)) {
    const list = await sendListWrite(doable, write)
    return list ? { list } : {}
  }
  const task = await sendTaskWrite(doable, write)
  return task ? { task } : {}
}

async function sendTaskWrite(doable: Doable, write: TaskWrite): Promise<Task | undefined> {
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
      await doable.remove(id).catch(ignoreGone)
      return undefined
  }
}

async function sendListWrite({ lists }: Doable, { kind, id, title: name }: ListWrite): Promise<List | undefined> {
  switch (kind) {
    case 'add-list':
      return await lists.create({ id, name }, { key: id })
    case 'rename-list':
      return await lists.update(id, { name })
    case 'restore-list':
      return await lists.restore(id)
    case 'remove-list':
      await lists.remove(id).catch(ignoreGone)
      return undefined
  }
}

/** An earlier attempt may have deleted it, or another device. */
function ignoreGone(error: unknown): void {
  if (!(error instanceof DoableError && error.status === 404)) throw error
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
    if (isListWrite(write)) {
      if (write.kind === 'remove-list')
        for (const task of Object.values(all)) if (task.list_id === write.id) delete all[task.id]
      continue
    }
    const { id } = write
    const task = all[id]
    if (write.kind === 'add') {
      // Later than what the service has made, whose clock may be another one.
      const times = { created_at: `9999${write.at.slice(4)}`, updated_at: write.at }
      all[id] ??= { ...blank, ...times, ...write.fields, id, title: write.title }
    } else if (task) all[id] = { ...task, ...changeOf(write) }
  }
  const isThere = ({ deleted_at, parent_id }: Task) =>
    deleted_at === null && !(parent_id !== null && all[parent_id]?.deleted_at)
  return Object.values(all).filter(isThere)
}

/** The lists as they will be once the writes are done, in their order. */
export function listsWithWrites(byId: Record<string, List>, writes: readonly Write[]): List[] {
  const all = { ...byId }
  for (const write of writes.filter(isListWrite)) {
    const { id, title: name, kind } = write
    const list = all[id]
    if (kind === 'add-list')
      all[id] ??= { ...blank, id, name, created_at: '', updated_at: '' } satisfies List & Partial<Task>
    else if (list) {
      const deleted_at = kind === 'remove-list' ? new Date().toISOString() : null
      all[id] = { ...list, name, deleted_at }
    }
  }
  const atHand = Object.values(all).filter(({ deleted_at }) => deleted_at === null)
  return atHand.sort((a, b) => a.position - b.position || a.id.localeCompare(b.id))
}

function changeOf(write: Exclude<TaskWrite, { kind: 'add' }>): Partial<Task> {
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
    case 'add-list':
      return `Adding the list “${write.title}”`
    case 'rename-list':
      return `Renaming a list to “${write.title}”`
    case 'remove':
    case 'remove-list':
      return `Deleting “${write.title}”`
    case 'restore':
    case 'restore-list':
      return `Restoring “${write.title}”`
  }
}
