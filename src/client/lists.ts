import type { CountedList, List, ListFields, NewList } from './list.ts'
import type { Transport } from './request.ts'
import { type Abortable, type CreateOptions, guarded, json, once, type WriteOptions } from './write.ts'

/** The methods on lists, which throw and try again as those on tasks do. */
export function createLists({ send }: Transport) {
  const at = (id: string) => `/lists/${encodeURIComponent(id)}`

  return {
    /** All lists by position, with the numbers of their tasks. A user has at most 500. */
    all: ({ signal }: Abortable = {}) => json<CountedList[]>(send({ path: '/lists', signal })),

    /** One list. Another user's list, and one in the trash, is `list-not-found` (404). */
    get: (id: string, { signal }: Abortable = {}) => json<CountedList>(send({ path: at(id), signal })),

    /** Makes a list, once even where an answer gets lost on the way. */
    create: (list: NewList, creating: CreateOptions = {}) =>
      json<List>(send({ path: '/lists', body: list, ...once(creating) })),

    /** Changes the fields it is given and keeps the others. */
    update: (id: string, changes: ListFields, write: WriteOptions = {}) =>
      json<List>(send({ method: 'PUT', path: at(id), body: changes, ...guarded(write) })),

    /** Moves a list and its tasks to the trash. Sent once: a second try would find it gone (404). */
    async remove(id: string, write: WriteOptions = {}): Promise<void> {
      await send({ method: 'DELETE', path: at(id), ...guarded(write), repeatable: false })
    },

    /** The lists in the trash, last deleted first: 500 at most. */
    trash: ({ signal }: Abortable = {}) =>
      json<CountedList[]>(send({ path: '/lists', query: { deleted: true }, signal })),

    /** Takes a list out of the trash, with the tasks that went with it. */
    restore: (id: string, creating: CreateOptions = {}) =>
      json<List>(send({ path: `${at(id)}/restore`, ...once(creating) })),

    /** Deletes a list in the trash for good, and the tasks that went with it. Sent once: a second try would find it gone (404). */
    async purge(id: string, write: WriteOptions = {}): Promise<void> {
      const call = { method: 'DELETE', path: at(id), query: { deleted: true } }
      await send({ ...call, ...guarded(write), repeatable: false })
    },
  }
}
