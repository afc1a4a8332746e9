import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { newUser, type Task, taskOf, type User } from '../kit/user.ts'
import { type Known, TaskMap } from './model.ts'

const RUNS = 25

const title = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).map((text) => `x${text}x`)
const fields = {
  title,
  description: fc.option(fc.string({ unit: 'grapheme', maxLength: 20 })),
  completed: fc.boolean(),
  priority: fc.constantFrom('low' as const, 'medium' as const, 'high' as const),
  due_date: fc.option(fc.constantFrom('2026-11-24', '2024-02-29', '2026-11-24T17:30:00.000Z')),
  tags: fc.uniqueArray(title, { maxLength: 3 }),
  position: fc.double({ min: -100, max: 100, noNaN: true }).map((position) => position + 0),
}
const someFields = fc.record(fields, { requiredKeys: [] })
const newTask = fc.record(fields, { requiredKeys: ['title'] })

/** `target` picks among all ids that have been made by either user, so that half of them are somebody else's. */
const target = fc.nat({ max: 1000 })
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('create' as const), task: newTask }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('create-as' as const), target, task: newTask }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('put' as const), target, changes: someFields }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('patch' as const), target, changes: someFields }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('toggle' as const), target }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('set' as const), target, completed: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('delete' as const), target }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('get' as const), target }) },
)
type Operation = typeof operation extends fc.Arbitrary<infer Value> ? Value : never
const step = fc.record({ by: fc.nat({ max: 1 }), operation })

/** The service's task as the model knows it. */
function expectSame(task: Task, known: Known): void {
  expect(task).toMatchObject(known)
  expect(task.completed_at !== null).toBe(known.completed)
  expect(task.deleted_at).toBeNull()
}

/** Does one operation on the service and on the model, and compares the answers. */
async function perform(user: User, model: TaskMap, ids: string[], operation: Operation): Promise<void> {
  if (operation.op === 'create') {
    const task = await taskOf(await user.post(operation.task), 201)
    expect(ids).not.toContain(task.id)
    ids.push(task.id)
    return expectSame(task, model.create(task, operation.task))
  }
  const id = ids[operation.target % ids.length] ?? crypto.randomUUID()
  if (operation.op === 'create-as') {
    const response = await user.post({ ...operation.task, id })
    if (model.isTaken(id)) return void (await expectProblem(response, 409, 'task-exists'))
    ids.push(id)
    const task = await taskOf(response, 201)
    return expectSame(task, model.create({ ...task, id }, operation.task))
  }
  const response = await ask(user, id, operation)
  if ('changes' in operation && Object.keys(operation.changes).length === 0)
    return void (await expectProblem(response, 422, 'validation-failed'))
  if (!model.has(id)) return void (await expectProblem(response, 404, 'task-not-found'))
  if (operation.op === 'delete') {
    expect(response.status).toBe(204)
    return model.remove(id)
  }
  expectSame(await taskOf(response), expected(model, id, operation))
}

type OnTask = Exclude<Operation, { op: 'create' | 'create-as' }>

function ask(user: User, id: string, operation: OnTask): Promise<Response> {
  if (operation.op === 'toggle') return user.complete(id)
  if (operation.op === 'set') return user.complete(id, { completed: operation.completed })
  if (operation.op === 'get' || operation.op === 'delete') return user[operation.op](id)
  return user[operation.op](id, operation.changes)
}

function expected(model: TaskMap, id: string, operation: OnTask): Known {
  if (operation.op === 'toggle') return model.toggle(id)
  if (operation.op === 'set') return model.change(id, { completed: operation.completed })
  if ('changes' in operation) return model.change(id, operation.changes)
  return model.tasks.get(id) as Known
}

describe.each(databases)('random operations over %s', (kind) => {
  const service = useService(kind)

  test('of two users behave as two plain maps', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40, size: 'max' }), async (steps) => {
        const users = [newUser(service()), newUser(service())]
        const models = users.map(({ id }) => new TaskMap(id))
        const ids: string[] = []
        for (const { by, operation } of steps) await perform(users[by] as User, models[by] as TaskMap, ids, operation)
        for (const [i, user] of users.entries()) {
          const known = models[i]?.newestFirst() ?? []
          const listed = await user.list()
          expect(listed.map(({ id }) => id)).toEqual(known.map(({ id }) => id))
          for (const [at, task] of listed.entries()) expectSame(task, known[at] as Known)
          const revision = models[i]?.revision
          // A first write would begin the history of a user who has none.
          if (revision !== undefined) expect(await user.revision()).toBe(revision)
          else expect((await user.changes()).next).toBe(0)
        }
      }),
      { numRuns: RUNS },
    )
  })
})
