import { operationsOn } from '../http/operations.ts'
import { changesIn, NewTask, newTaskFrom, TaskPatch } from './model.ts'
import { completeTask, createTask, removeTask, restoreTask, updateTask } from './store.ts'

/** Does one operation of a batch. */
export const runTaskOperation = operationsOn({
  member: 'task',
  newBody: NewTask,
  patchBody: TaskPatch,
  create: async (tx, owner, body) => createTask(tx, owner, newTaskFrom(body)),
  update: async (tx, owner, id, body, given) => updateTask(tx, owner, id, changesIn(body), given),
  moves: {
    complete: {
      status: 200,
      run: (tx, owner, id, given, { completed }) => completeTask(tx, owner, id, completed, given),
    },
    delete: { status: 204, run: removeTask },
    restore: { status: 200, run: restoreTask },
  },
})
