import { operationsOn } from '../http/operations.ts'
import { changesIn, ListPatch, NewList, newListFrom } from './model.ts'
import { createList, removeList, restoreList, updateList } from './store.ts'

/** Does one operation of a batch. */
export const runListOperation = operationsOn({
  member: 'list',
  newBody: NewList,
  patchBody: ListPatch,
  create: async (tx, owner, body) => createList(tx, owner, newListFrom(body)),
  update: async (tx, owner, id, body, given) => updateList(tx, owner, id, changesIn(body), given),
  moves: {
    delete: { status: 204, run: removeList },
    restore: { status: 200, run: restoreList },
  },
})
