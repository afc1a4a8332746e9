// Written by `bun run client-types` from src/lists/fields.ts.

export interface List {
  id: string
  user_id: string
  /** Counted and stored without outer white space. Two lists may share one. */
  name: string
  /** The lists' order. By default after all that the user has. */
  position: number
  /** The user's counter at this list's last change. */
  revision: number
  /** When the list was made. */
  created_at: string
  /** When the list was last changed. */
  updated_at: string
  /** When the list was moved to the trash. */
  deleted_at: string | null
}

/** A list as it is read, with the numbers of its tasks. */
export interface CountedList extends List {
  /** Its tasks that are not completed; of a list in the trash, those that are in the trash, too. */
  pending: number
  /** Its completed tasks, counted likewise. */
  completed: number
}

/** What can be written of a list. */
export interface ListFields {
  /** Counted and stored without outer white space. Two lists may share one. */
  name?: string
  /** The lists' order. By default after all that the user has. */
  position?: number
}

export interface NewList extends ListFields {
  /** Chosen by the client, if it likes. */
  id?: string
  name: string
}
