import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { NO_TASK, newUser, type Task, taskOf } from '../kit/user.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

/** The name as it stands in JSON, and its JSON Pointer (RFC 6901, section 3). */
const unknown: [name: string, pointer: string][] = [
  ['colour', '/colour'],
  ['Title', '/Title'],
  ['dueDate', '/dueDate'],
  ['purged_at', '/purged_at'],
  ['', '/'],
  ['a/b', '/a~1b'],
  ['m~n', '/m~0n'],
  ['~1', '/~01'],
  ['smörgås 🍞', '/smörgås 🍞'],
  ['__proto__', '/__proto__'],
  ['constructor', '/constructor'],
  ['toString', '/toString'],
]

/** Read-only fields as a client got them, and with values that no task has. */
const readOnly = (task: Task): Record<string, unknown>[] => [
  { user_id: task.user_id, revision: task.revision, created_at: task.created_at, updated_at: task.updated_at },
  { user_id: 'somebody-else', revision: 999, created_at: 'x', updated_at: null, completed_at: 5, deleted_at: {} },
  { deleted_at: '2026-11-20T22:02:42.578Z', completed_at: '2026-11-20T22:02:42.578Z' },
]

describe.each(databases)('fields that are not for writing, over %s', (kind) => {
  const service = useService(kind)

  for (const [name, pointer] of unknown)
    test(`an unknown field ${JSON.stringify(name)} is 422 at ${pointer}, and nothing is dropped`, async () => {
      const ann = newUser(service())
      const task = await ann.create()
      // Written out: an object literal cannot hold a `__proto__` of its own.
      const body = `{"title":"x",${JSON.stringify(name)}:"Secret wish"}`
      const faults = { pointers: [pointer], unseen: ['Secret'] }
      await expectProblem(await ann.post(body, JSON_TYPE), 422, 'validation-failed', faults)
      await expectProblem(await ann.put(task.id, body, JSON_TYPE), 422, 'validation-failed', faults)
      await expectProblem(await ann.patch(task.id, body, JSON_TYPE), 422, 'validation-failed', faults)
      await expectProblem(
        await ann.complete(task.id, `{${JSON.stringify(name)}:1}`, JSON_TYPE),
        422,
        'validation-failed',
        { pointers: [pointer] },
      )
      expect(await ann.list()).toEqual([task])
    })

  test('a task that was read can be written back as it is', async () => {
    const ann = newUser(service())
    const task = await ann.create({ description: 'x', due_date: '2026-11-24', tags: ['home'], completed: true })
    for (const write of [ann.put, ann.patch]) {
      const after = await taskOf(await write(task.id, await ann.read(task.id)))
      expect(after).toEqual({ ...task, revision: after.revision, updated_at: after.updated_at })
    }
  })

  test('a task can be made as a copy of another', async () => {
    const ann = newUser(service())
    const original = await ann.create({ description: 'x', completed: true, position: 4 })
    const { id, ...fields } = original
    const copy = await ann.create(fields)
    expect(copy).toMatchObject({
      description: 'x',
      completed: true,
      position: 4,
      deleted_at: null,
      revision: original.revision + 1,
    })
    expect(copy.id).not.toBe(id)
  })

  test('read-only fields are ignored, whatever they hold', async () => {
    const ann = newUser(service())
    const task = await ann.create()
    for (const [i, fields] of readOnly(task).entries()) {
      const after = await taskOf(await ann.put(task.id, { ...fields, id: NO_TASK, title: `Title ${i}` }))
      expect(after).toEqual({
        ...task,
        title: `Title ${i}`,
        revision: task.revision + i + 1,
        updated_at: expect.any(String),
      })
    }
    const made = await ann.create(readOnly(task)[1])
    expect(made).toMatchObject({ user_id: ann.id, completed_at: null, deleted_at: null })
    await expectProblem(await ann.get(NO_TASK), 404, 'task-not-found')
  })

  test('an update that has nothing to change is 422', async () => {
    const ann = newUser(service())
    const task = await ann.create()
    for (const body of [{}, { id: task.id }, ...readOnly(task)])
      for (const write of [ann.put, ann.patch])
        await expectProblem(await write(task.id, body), 422, 'validation-failed', { pointers: [''] })
    expect(await ann.list()).toEqual([task])
    expect(await ann.revision()).toBe(task.revision)
  })
})
