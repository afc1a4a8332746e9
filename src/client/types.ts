/**
 * The other types of what the API takes and gives. They use none of the server's libraries, so that a
 * front end compiles without these; a test of types compares each with the server's own.
 */
import type { List, ListFields, NewList } from './list.ts'
import type { NewTask, Priority, Task, TaskFields } from './task.ts'

export type SortField = 'created_at' | 'updated_at' | 'due_date' | 'priority' | 'title' | 'position'

/** Which tasks, and in what order: by default the newest first. */
export interface TaskQuery {
  status?: 'all' | 'pending' | 'completed'
  completed?: boolean
  /** Tasks that have any of these. */
  priority?: Priority[]
  /** Tasks that have all of these. */
  tag?: string[]
  due_after?: string
  due_before?: string
  /** Tasks of this list; `none`: of no list. */
  list_id?: string
  /** Parts of this task; `none`: tasks that are no parts. */
  parent_id?: string
  /** Tasks with a `remind_at` before this time, whether it has come or not. */
  remind_before?: string
  /** Tasks that repeat, or that do not. */
  recurring?: boolean
  /** Text somewhere in title or description, in whatever case. */
  q?: string
  sort?: SortField | `-${SortField}`
}

export interface PageQuery extends TaskQuery {
  /** Tasks on the page, 1 to 1000. Without it as many as the service gives at once: up to 1000. */
  limit?: number
  /** The `cursor` of the page before, with the same filters and order. */
  cursor?: string
  /** Whether the service counts all tasks that match: true by default. */
  count?: boolean
}

export interface TaskPage {
  tasks: Task[]
  /** Leads to the next page; undefined on the last one. */
  cursor: string | undefined
  /** All tasks that match, on every page; undefined where `count` was false. */
  total: number | undefined
  /** The user's counter when the page was read: `watch({ since: revision })` goes on from it. */
  revision: number
}

export interface ChangePage {
  /** In the order of their revisions, each task once, in its latest state; deleted ones have `deleted_at`. */
  changes: Task[]
  /** The lists that have changed within the same revisions, likewise. */
  lists: List[]
  /** The `since` of the next question. */
  next: number
  /** Whether there is more already. */
  more: boolean
}

interface OnOne {
  id: string
  /** The operation, and with it the whole batch, is refused when the task or list has another revision. */
  if_revision?: number
}

/** One operation of a batch, on a task. */
export type Operation =
  | { op: 'create'; id?: string; task: NewTask }
  | (OnOne & { op: 'update'; task: TaskFields })
  /** Without `completed` the task is toggled. */
  | (OnOne & { op: 'complete'; completed?: boolean })
  | (OnOne & { op: 'delete' | 'restore' })

/** One operation of a batch, on a list. */
export type ListOperation =
  | { op: 'create_list'; id?: string; list: NewList }
  | (OnOne & { op: 'update_list'; list: ListFields })
  | (OnOne & { op: 'delete_list' | 'restore_list' })

export interface OperationResult {
  /** The HTTP status that the operation's own endpoint would have answered. */
  status: number
  task: Task
}

export interface ListOperationResult {
  /** Likewise. */
  status: number
  list: List
}

/** The result of an operation. */
export type ResultOf<Asked> = Asked extends ListOperation ? ListOperationResult : OperationResult

export type TransferFormat = 'json' | 'csv'

export interface ImportResult {
  /** New tasks. */
  imported: number
  /** Tasks that were there already; they stay as they are. */
  skipped: number
  dry_run: boolean
}

/** A problem document (RFC 9457). */
export interface ProblemDocument {
  type: string
  title: string
  status: number
  /** Fit to show a person. */
  detail: string
  /** Stable; for programs. */
  code: string
  request_id: string
  message?: string
  errors?: { pointer: string; detail: string }[]
}
