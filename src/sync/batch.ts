import { Kind, type Static, Type } from '@sinclair/typebox'
import type { Db } from '../db/database.ts'
import type { Owner } from '../db/work.ts'
import { List } from '../lists/model.ts'
import { inside, Problem } from '../problem.ts'
import { MAX_REVISION, Revision, Uuid } from '../resource/schemas.ts'
import { Task } from '../tasks/model.ts'

const OF_TASKS = ['create', 'update', 'complete', 'delete', 'restore'] as const
const OF_LISTS = ['create_list', 'update_list', 'delete_list', 'restore_list'] as const
const OPS = [...OF_TASKS, ...OF_LISTS]

const Fields = (description: string, example: object) =>
  // Checked by the operation's runner, as the operation asks.
  Type.Unsafe<unknown>({ [Kind]: 'Unknown', type: 'object', description, examples: [example] })

const Operation = Type.Object(
  {
    op: Type.Unsafe<(typeof OPS)[number]>({
      ...Type.Union(OPS.map((op) => Type.Literal(op))),
      error: `must be one of ${OPS.join(', ')}`,
    }),
    id: Type.Optional(Uuid('The task or list. Needed by all but `create` and `create_list`, which may choose one.')),
    if_revision: Type.Optional(
      Revision('As `If-Match`.', {
        minimum: 0,
        maximum: MAX_REVISION,
        error: `must be a whole number from 0 to ${MAX_REVISION}`,
      }),
    ),
    task: Type.Optional(Fields('The fields, for `create` and `update`.', { title: 'Buy milk' })),
    list: Type.Optional(Fields('The fields, for `create_list` and `update_list`.', { name: 'Groceries' })),
    completed: Type.Optional(
      Type.Boolean({
        description: 'For `complete`; without it the task is turned over.',
        error: 'must be true or false',
      }),
    ),
  },
  {
    $id: 'BatchOperation',
    additionalProperties: false,
    error: 'must be an object',
    examples: [{ op: 'create', task: { title: 'Buy milk' } }],
  },
)
export type Operation = Static<typeof Operation>

export const Batch = Type.Object(
  { operations: Type.Array(Operation, { minItems: 1, maxItems: 100, error: 'must be a list of 1 to 100 operations' }) },
  { $id: 'Batch', additionalProperties: false, description: 'What to do, in this order', error: 'must be an object' },
)
export type Batch = Static<typeof Batch>

export const BatchResults = Type.Object(
  {
    results: Type.Array(
      Type.Object(
        {
          status: Type.Integer({ format: 'int32', examples: [201] }),
          task: Type.Optional(Task),
          list: Type.Optional(List),
        },
        {
          $id: 'BatchResult',
          description: 'Of an operation on a task its `task`, of one on a list its `list`.',
        },
      ),
      { description: 'In the order of the operations, each as its own endpoint would have answered.' },
    ),
  },
  { $id: 'BatchResults', description: 'All of it was done' },
)
export type BatchResults = Static<typeof BatchResults>

export type BatchResult = BatchResults['results'][number]

/** Does one operation, within the transaction of its batch. */
export type RunOperation = (tx: Db, owner: Owner, operation: Operation) => Promise<BatchResult>

/** Who does the operations on what. */
export type Runners = Record<'task' | 'list', RunOperation>

const isOfLists = (op: Operation['op']) => OF_LISTS.some((name) => name === op)

/**
 * Runs the operations in their order, within one transaction.
 *
 * @throws Problem of the first operation that is refused, with its index in the pointer.
 */
export async function runBatch(tx: Db, owner: Owner, { operations }: Batch, runners: Runners): Promise<BatchResults> {
  const results: BatchResults['results'] = []
  for (const [index, operation] of operations.entries())
    try {
      results.push(await runners[isOfLists(operation.op) ? 'list' : 'task'](tx, owner, operation))
    } catch (error) {
      throw error instanceof Problem ? inside(`/operations/${index}`, error) : error
    }
  return { results }
}
