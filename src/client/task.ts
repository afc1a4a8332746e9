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
}

export type Priority = Task['priority']

export interface NewTask extends TaskFields {
  /** Chosen by the client, if it likes. */
  id?: string
  title: string
}
