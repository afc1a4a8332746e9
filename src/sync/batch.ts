import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler'
import { checked } from '../http/validation.ts'
import { inside, invalid, Problem } from '../problem.ts'
import { changesIn, NewTask, newTaskFrom, Task, TaskPatch, Uuid } from '../tasks/model.ts'
import type { Store } from '../tasks/store.ts'

const OPS = ['create', 'update', 'complete', 'delete', 'restore'] as const

const Operation = Type.Object(
  {
    op: Type.Unsafe<(typeof OPS)[number]>({
      ...Type.Union(OPS.map((op) => Type.Literal(op))),
      error: `must be one of ${OPS.join(', ')}`,
    }),
    id: Type.Optional(Uuid('The task. Needed by all but `create`, which may choose one.')),
    if_revision: Type.Optional(
      Type.Integer({ minimum: 0, description: 'As `If-Match`.', error: 'must be a whole number, 0 or more' }),
    ),
    task: Type.Optional(
      Type.Unknown({ description: 'The fields, for `create` and `update`.', examples: [{ title: 'Buy milk' }] }),
    ),
    completed: Type.Optional(
      Type.Boolean({
        description: 'For `complete`; without it the task is turned over.',
        error: 'must be true or false',
      }),
    ),
  },
  {
    additionalProperties: false,
    error: 'must be an object',
    examples: [{ op: 'create', task: { title: 'Buy milk' } }],
  },
)
type Operation = Static<typeof Operation>

export const Batch = Type.Object(
  { operations: Type.Array(Operation, { minItems: 1, maxItems: 100, error: 'must be a list of 1 to 100 operations' }) },
  { additionalProperties: false, description: 'What to do, in this order', error: 'must be an object' },
)
export type Batch = Static<typeof Batch>

export const BatchResults = Type.Object(
  {
    results: Type.Array(
      Type.Object({ status: Type.Integer({ examples: [201] }), task: Task }, { additionalProperties: false }),
      { description: 'In the order of the operations, each as its own endpoint would have answered.' },
    ),
  },
  { additionalProperties: false, description: 'All of it was done' },
)
export type BatchResults = Static<typeof BatchResults>

const newTask = TypeCompiler.Compile(NewTask)
const taskPatch = TypeCompiler.Compile(TaskPatch)

/**
 * Runs the operations in their order on a store that belongs to one transaction.
 *
 * @throws Problem of the first operation that is refused, with its index in the pointer.
 */
export async function runBatch(user: string, { operations }: Batch, store: Store): Promise<BatchResults> {
  const results: BatchResults['results'] = []
  for (const [index, operation] of operations.entries())
    try {
      results.push(await run(user, operation, store))
    } catch (error) {
      throw error instanceof Problem ? inside(`/operations/${index}`, error) : error
    }
  return { results }
}

async function run(user: string, { op, id, if_revision, task, completed }: Operation, store: Store) {
  if (completed !== undefined && op !== 'complete')
    throw invalid([{ pointer: '/completed', detail: `has no meaning for ${op}: it belongs into the task` }])
  if (op === 'create') {
    if (if_revision !== undefined) throw invalid([{ pointer: '/if_revision', detail: 'has no meaning for create' }])
    const body = fieldsOf(newTask, task)
    if (id !== undefined && body.id !== undefined && body.id !== id)
      throw invalid([{ pointer: '/task/id', detail: 'contradicts the id of the operation' }])
    return { status: 201, task: await store.create(user, newTaskFrom({ ...body, id: id ?? body.id })) }
  }
  if (id === undefined) throw invalid([{ pointer: '/id', detail: `is required for ${op}` }])
  const given = { revisions: if_revision === undefined ? undefined : [if_revision] }
  if (op === 'update') {
    const changes = changesIn(fieldsOf(taskPatch, task), '/task')
    return { status: 200, task: await store.update(user, id, changes, given) }
  }
  if (task !== undefined) throw invalid([{ pointer: '/task', detail: `has no meaning for ${op}` }])
  if (op === 'complete') return { status: 200, task: await store.complete(user, id, completed, given) }
  if (op === 'restore') return { status: 200, task: await store.restore(user, id, given) }
  return { status: 204, task: await store.remove(user, id, given) }
}

function fieldsOf<Schema extends TSchema>(schema: TypeCheck<Schema>, task: unknown): Static<Schema> {
  try {
    return checked(schema, task)
  } catch (error) {
    throw error instanceof Problem ? inside('/task', error) : error
  }
}
