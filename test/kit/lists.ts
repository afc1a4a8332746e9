import type { CountedList, List } from '../../src/lists/model.ts'
import type { Headers } from './send.ts'
import { jsonOf, type User } from './user.ts'

export type { CountedList, List }

/** A user's requests about lists. */
export function listsOf(user: User) {
  const at = (id: string) => `/lists/${id}`
  const post = (body: unknown, headers?: Headers) => user.send('POST', '/lists', body, headers)
  const restore = (id: string, headers?: Headers) => user.send('POST', `${at(id)}/restore`, undefined, headers)
  const remove = (id: string, headers?: Headers) => user.send('DELETE', at(id), undefined, headers)
  return {
    post,
    restore,
    delete: remove,
    get: (id: string, headers?: Headers) => user.send('GET', at(id), undefined, headers),
    put: (id: string, body: unknown, headers?: Headers) => user.send('PUT', at(id), body, headers),
    patch: (id: string, body: unknown, headers?: Headers) => user.send('PATCH', at(id), body, headers),
    purge: (id: string, headers?: Headers) => user.send('DELETE', `${at(id)}?deleted=true`, undefined, headers),

    // What follows throws an Error with the answer where it is not a success.
    create: async (fields: object = {}) => jsonOf<List>(await post({ name: 'Groceries', ...fields }), 201),
    read: async (id: string) => jsonOf<CountedList>(await user.send('GET', at(id))),
    update: async (id: string, fields: object) => jsonOf<List>(await user.send('PUT', at(id), fields)),
    async remove(id: string): Promise<void> {
      const { status } = await remove(id)
      if (status !== 204) throw new Error(`${status} rather than 204`)
    },
    restored: async (id: string) => jsonOf<List>(await restore(id)),
    all: async () => jsonOf<CountedList[]>(await user.send('GET', '/lists')),
    trash: async () => jsonOf<CountedList[]>(await user.send('GET', '/lists?deleted=true')),
  }
}
