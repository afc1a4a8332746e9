import { expect } from 'bun:test'
import fc from 'fast-check'
import { listsOf } from '../kit/lists.ts'
import type { User } from '../kit/user.ts'
import { ListsModel, type Op, type Step } from './lists-model.ts'

const LISTS = 2
const TASKS = 5
export interface Move {
  op: Op
  slot: number
  name: string
  completed: boolean
  /** Null: none. Undefined: the field is left out. */
  list: number | null | undefined
  parent: number | null | undefined
  /** Whether the write names the revision that the last answer about this row had. */
  guarded: boolean
}

/** Where each run begins: two lists, a parent in one of them with a part in each, and a parent in no list. */
const BEGINNING: Move[] = [
  ...[0, 1].map((slot) => ({ op: 'create_list' as const, slot })),
  { op: 'create' as const, slot: 0, list: 0 },
  { op: 'create' as const, slot: 1, list: 0, parent: 0 },
  { op: 'create' as const, slot: 2, list: 1, parent: 0 },
  { op: 'create' as const, slot: 3 },
  { op: 'create' as const, slot: 4, parent: 3 },
].map((given) => ({ name: 'a', completed: false, list: undefined, parent: undefined, guarded: false, ...given }))

const one = (max: number) => fc.nat(max - 1)
export const move: fc.Arbitrary<Move> = fc.record({
  op: fc.constantFrom<Op[]>(
    'create_list',
    'update_list',
    'delete_list',
    'delete_list',
    'restore_list',
    'restore_list',
    'restore_list',
    'purge_list',
    'create',
    'update',
    'update',
    'update',
    'complete',
    'delete',
    'delete',
    'restore',
    'restore',
    'purge',
    'clear',
  ),
  slot: one(TASKS),
  name: fc.constantFrom('a', 'b', 'c'),
  completed: fc.boolean(),
  list: fc.oneof(one(LISTS), one(LISTS), fc.constantFrom(null, undefined)),
  parent: fc.oneof(one(TASKS), fc.constantFrom(null, undefined, undefined)),
  guarded: fc.boolean(),
})
/** Tells the ids of a run apart: a slot is a list for some operations and a task for others. */
export class Ids {
  readonly lists = Array.from({ length: LISTS }, () => crypto.randomUUID() as string)
  readonly tasks = Array.from({ length: TASKS }, () => crypto.randomUUID() as string)

  stepOf({ op, slot, name, completed, list, parent }: Move): Step {
    const id = op.endsWith('_list') ? this.lists[slot % LISTS] : this.tasks[slot]
    return {
      op,
      id: id ?? '',
      name,
      completed,
      list: typeof list === 'number' ? this.lists[list] : list,
      parent: typeof parent === 'number' ? this.tasks[parent] : parent,
    }
  }
}

const fieldsOf = ({ op, name, completed, list, parent }: Step) =>
  op.endsWith('_list')
    ? { name }
    : {
        title: name,
        ...(op === 'create' && { completed }),
        ...(list !== undefined && { list_id: list }),
        ...(parent !== undefined && { parent_id: parent }),
      }

/** The step by its own endpoint. */
export function send(user: User, step: Step): Promise<Response> {
  const { op, id, completed, if_revision } = step
  const headers: Record<string, string> = if_revision === undefined ? {} : { 'if-match': `"${if_revision}"` }
  const lists = listsOf(user)
  const all: Record<Op, () => Promise<Response>> = {
    create_list: () => lists.post({ id, ...fieldsOf(step) }),
    update_list: () => lists.put(id, fieldsOf(step), headers),
    delete_list: () => lists.delete(id, headers),
    restore_list: () => lists.restore(id, headers),
    purge_list: () => lists.purge(id, headers),
    create: () => user.post({ id, ...fieldsOf(step) }),
    update: () => user.put(id, fieldsOf(step), headers),
    complete: () => user.complete(id, { completed }, headers),
    delete: () => user.delete(id, headers),
    restore: () => user.send('POST', `/tasks/${id}/restore`, undefined, headers),
    purge: () => user.send('DELETE', `/trash/${id}`, undefined, headers),
    clear: () => user.send('DELETE', '/tasks?status=completed'),
  }
  return all[op]()
}

/** The step as a batch has it; undefined for what a batch cannot do. */
export function operationOf(step: Step): object | undefined {
  const { op, id, completed, if_revision } = step
  if (op === 'purge' || op === 'purge_list' || op === 'clear') return undefined
  const isNew = op === 'create' || op === 'create_list'
  const member = op.endsWith('_list') ? 'list' : 'task'
  return {
    op,
    id,
    ...(!isNew && { if_revision }),
    ...((isNew || op.startsWith('update')) && { [member]: fieldsOf(step) }),
    ...(op === 'complete' && { completed }),
  }
}

/** Makes the beginning. @returns the counter after it. */
export async function begin(user: User, ids: Ids, model = new ListsModel()): Promise<number> {
  const steps = BEGINNING.map((given) => ids.stepOf(given))
  const answer = await user.send('POST', '/batch', { operations: steps.map(operationOf) })
  expect([answer.status, ...steps.map((step) => model.run(step))]).toEqual([200, ...steps.map(() => 201)])
  return (await user.changes()).next
}

/** Whatever has happened: what is at hand refers to nothing that is not, and parts have no parts. */
export async function expectSound(user: User): Promise<void> {
  const tasks = new Map((await user.list()).map((task) => [task.id, task]))
  const lists = new Map((await listsOf(user).all()).map((list) => [list.id, list]))
  const numbers = new Map([...lists.keys()].map((id) => [id, { pending: 0, completed: 0 }]))
  for (const { list_id, parent_id, completed } of tasks.values()) {
    if (parent_id !== null) expect(tasks.get(parent_id)).toMatchObject({ parent_id: null })
    if (list_id === null) continue
    const of = numbers.get(list_id)
    expect(of).toBeDefined()
    if (of) of[completed ? 'completed' : 'pending']++
  }
  for (const [id, { pending, completed }] of lists) expect(numbers.get(id)).toEqual({ pending, completed })
}
