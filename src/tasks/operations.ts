import type { Static, TSchema } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler'
import type { Db } from '../db/open.ts'
import type { Owner } from '../db/work.ts'
import { checked } from '../http/validation.ts'
import { inside, invalid, Problem } from '../problem.ts'
import type { BatchResults, Operation } from '../sync/batch.ts'
import { changesIn, NewTask, newTaskFrom, TaskPatch } from './model.ts'
import { completeTask, createTask, removeTask, restoreTask, updateTask } from './store.ts'

const newTask = TypeCompiler.Compile(NewTask)
const taskPatch = TypeCompiler.Compile(TaskPatch)

/** Does one operation of a batch, as its own endpoint would. @throws Problem as that does, and for members without meaning. */
export async function runTaskOperation(
  tx: Db,
  owner: Owner,
  { op, id, if_revision, task, completed }: Operation,
): Promise<BatchResults['results'][number]> {
  if (completed !== undefined && op !== 'complete')
    throw invalid([{ pointer: '/completed', detail: `has no meaning for ${op}: it belongs into the task` }])
  if (op === 'create') {
    if (if_revision !== undefined) throw invalid([{ pointer: '/if_revision', detail: 'has no meaning for create' }])
    const body = fieldsOf(newTask, task)
    if (id !== undefined && body.id !== undefined && body.id !== id)
      throw invalid([{ pointer: '/task/id', detail: 'contradicts the id of the operation' }])
    const created = newTaskFrom({ ...body, id: id ?? body.id })
    return { status: 201, task: await createTask(tx, owner, created).catch(rethrowFault) }
  }
  if (id === undefined) throw invalid([{ pointer: '/id', detail: `is required for ${op}` }])
  const given = { revisions: if_revision === undefined ? undefined : [if_revision] }
  if (op === 'update') {
    const changes = changesIn(fieldsOf(taskPatch, task), '/task')
    return { status: 200, task: await updateTask(tx, owner, id, changes, given).catch(rethrowFault) }
  }
  if (task !== undefined) throw invalid([{ pointer: '/task', detail: `has no meaning for ${op}` }])
  if (op === 'complete') return { status: 200, task: await completeTask(tx, owner, id, completed, given) }
  if (op === 'restore') return { status: 200, task: await restoreTask(tx, owner, id, given) }
  return { status: 204, task: await removeTask(tx, owner, id, given) }
}

function fieldsOf<Schema extends TSchema>(schema: TypeCheck<Schema>, task: unknown): Static<Schema> {
  try {
    return checked(schema, task)
  } catch (error) {
    return rethrowFault(error)
  }
}

/** Of a fault in a field, the pointers lead into the operation. Other refusals are about the whole of it. */
function rethrowFault(error: unknown): never {
  throw error instanceof Problem && error.code === 'validation-failed' ? inside('/task', error) : error
}
