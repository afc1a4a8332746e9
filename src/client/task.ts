/** A task in the forms in which the API takes and gives it. A test of types compares them with the server's. */

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
