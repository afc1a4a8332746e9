// Written by `bun run client-types` from src/tasks/fields.ts.

export interface Task {
  id: string
  user_id: string
  /** Counted and stored without outer white space. */
  title: string
  description: string | null
  completed: boolean
  /** When `completed` became true. */
  completed_at: string | null
  priority: 'low' | 'medium' | 'high'
  /** A day (`2026-11-20`), which stays that day in every time zone, or an RFC 3339 time with offset, which comes back in UTC. */
  due_date: string | null
  tags: string[]
  /** For manual order. By default after everything the user has. */
  position: number
  /** One of the lists that are not in the trash; null: the inbox. */
  list_id: string | null
  /** The task that this one is a part of: not in the trash, and no part itself. */
  parent_id: string | null
  /** By which rule the task repeats: an RFC 5545 RRULE from daily to yearly, or `daily`, `weekly`, `monthly`, `yearly`, which come back as the rules that they stand for. Needs a `due_date`. COUNT says how many tasks are left, this one included. */
  recurrence: string | null
  /** Behind what the next due date lies: behind this one, or behind today, too. */
  repeat_from: 'due' | 'completion'
  /** The IANA time zone in which days and wall-clock times of `recurrence` are reckoned. */
  time_zone: string
  /** When every listener is told of the task, once. */
  remind_at: string | null
  /** The first of the tasks that completing has made from each other. */
  series_id: string | null
  /** The task that completing this one has made. */
  next_task_id: string | null
  /** When listeners were told of `remind_at`, as it is now. */
  reminded_at: string | null
  /** The user's counter at this task's last change. */
  revision: number
  /** When the task was made. */
  created_at: string
  /** When the task was last changed. */
  updated_at: string
  /** When the task was moved to the trash. */
  deleted_at: string | null
}

/** What can be written of a task. */
export interface TaskFields {
  /** Counted and stored without outer white space. */
  title?: string
  description?: string | null
  completed?: boolean
  priority?: 'low' | 'medium' | 'high'
  /** A day (`2026-11-20`), which stays that day in every time zone, or an RFC 3339 time with offset, which comes back in UTC. */
  due_date?: string | null
  tags?: string[]
  /** For manual order. By default after everything the user has. */
  position?: number
  /** One of the lists that are not in the trash; null: the inbox. */
  list_id?: string | null
  /** The task that this one is a part of: not in the trash, and no part itself. */
  parent_id?: string | null
  /** By which rule the task repeats: an RFC 5545 RRULE from daily to yearly, or `daily`, `weekly`, `monthly`, `yearly`, which come back as the rules that they stand for. Needs a `due_date`. COUNT says how many tasks are left, this one included. */
  recurrence?: string | null
  /** Behind what the next due date lies: behind this one, or behind today, too. */
  repeat_from?: 'due' | 'completion'
  /** The IANA time zone in which days and wall-clock times of `recurrence` are reckoned. */
  time_zone?: string
  /** When every listener is told of the task, once. */
  remind_at?: string | null
}

export type Priority = Task['priority']

export interface NewTask extends TaskFields {
  /** Chosen by the client, if it likes. */
  id?: string
  title: string
}
