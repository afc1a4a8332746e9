/**
 * The forms of the API, for front ends: free of the server's libraries, so that nothing of
 * those is needed to compile against them. A test of types holds them against the app's own.
 */

export type Priority = 'low' | 'medium' | 'high'

export interface Task {
  id: string
  user_id: string
  title: string
  description: string | null
  completed: boolean
  completed_at: string | null
  priority: Priority
  /** A day (`2026-11-24`), or a time in UTC. */
  due_date: string | null
  tags: string[]
  position: number
  /** The user's counter at this task's last change: what `ifUnchanged` compares. */
  revision: number
  created_at: string
  updated_at: string
  deleted_at: string | null
}

export interface TaskFields {
  title?: string
  description?: string | null
  completed?: boolean
  priority?: Priority
  due_date?: string | null
  tags?: string[]
  position?: number
}

export interface NewTask extends TaskFields {
  /** Chosen by the client, if it likes. */
  id?: string
  title: string
}

export type SortField = 'created_at' | 'updated_at' | 'due_date' | 'priority' | 'title' | 'position'

export interface TaskQuery {
  status?: 'all' | 'pending' | 'completed'
  completed?: boolean
  /** Any of them. */
  priority?: Priority[]
  /** All of them. */
  tag?: string[]
  due_after?: string
  due_before?: string
  /** Somewhere in title or description, in whatever case. */
  q?: string
  sort?: SortField | `-${SortField}`
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
