import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import type { Headers } from '../kit/send.ts'
import { useService } from '../kit/service.ts'
import { newUser, taskOf } from '../kit/user.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

const toggles: [name: string, body?: unknown, headers?: Headers][] = [
  ['no body'],
  ['no body with a JSON content type', undefined, JSON_TYPE],
  ['an empty body', ''],
  ['an empty body with a JSON content type', '', JSON_TYPE],
  ['an empty body with a charset', '', { 'content-type': 'application/json; charset=utf-8' }],
  ['{}', {}],
  ['{} with white space around it', ' { }\n', JSON_TYPE],
]

const refused: [body: string, status: number, code: string, pointers?: string[]][] = [
  ['{', 400, 'malformed-json'],
  ['{"completed":', 400, 'malformed-json'],
  ['{"completed":tru}', 400, 'malformed-json'],
  ['{completed:true}', 400, 'malformed-json'],
  ['{"completed":true}}', 400, 'malformed-json'],
  [' ', 400, 'malformed-json'],
  ['\0', 400, 'malformed-json'],
  ['completed=true', 400, 'malformed-json'],
  ['true', 422, 'validation-failed', ['']],
  ['[]', 422, 'validation-failed', ['']],
  ['"true"', 422, 'validation-failed', ['']],
  ['{"completed":null}', 422, 'validation-failed', ['/completed']],
  ['{"completed":"true"}', 422, 'validation-failed', ['/completed']],
  ['{"completed":1}', 422, 'validation-failed', ['/completed']],
  ['{"done":true}', 422, 'validation-failed', ['/done']],
]

describe.each(databases)('completion over %s', (kind) => {
  const service = useService(kind)

  for (const [name, body, headers] of toggles)
    test(`${name} turns a task over, and back`, async () => {
      const ann = newUser(service())
      const open = await ann.create()
      const done = await taskOf(await ann.complete(open.id, body, headers))
      expect(done).toEqual({
        ...open,
        completed: true,
        completed_at: done.updated_at,
        updated_at: expect.any(String),
        revision: open.revision + 1,
      })
      expect(await ann.read(open.id)).toEqual(done)
      const again = await taskOf(await ann.complete(open.id, body, headers))
      expect(again).toEqual({ ...open, updated_at: expect.any(String), revision: open.revision + 2 })
    })

  test('setting is safe to repeat, and completed_at tells of the first time', async () => {
    const ann = newUser(service())
    const { id } = await ann.create()
    const first = await taskOf(await ann.complete(id, { completed: true }))
    expect(first.completed_at).toBe(first.updated_at)
    await Bun.sleep(5)
    const repeats = [
      await ann.complete(id, { completed: true }),
      await ann.put(id, { completed: true }),
      await ann.patch(id, { completed: true }),
      await ann.put(id, { title: 'Renamed' }),
    ]
    for (const response of repeats)
      expect(await taskOf(response)).toMatchObject({ completed: true, completed_at: first.completed_at })
    for (const body of [{ completed: false }, { completed: false }])
      expect(await taskOf(await ann.complete(id, body))).toMatchObject({ completed: false, completed_at: null })
    const later = await taskOf(await ann.put(id, { completed: true }))
    expect(later.completed_at).toBe(later.updated_at)
    expect((later.completed_at ?? '') > (first.completed_at ?? '')).toBe(true)
  })

  for (const [body, status, code, pointers] of refused)
    test(`${JSON.stringify(body)} is ${status} and changes nothing`, async () => {
      const ann = newUser(service())
      const task = await ann.create()
      const response = await ann.complete(task.id, body, JSON_TYPE)
      await expectProblem(response, status, code, pointers ? { pointers } : {})
      expect(await ann.read(task.id)).toEqual(task)
      expect(await ann.revision()).toBe(task.revision)
    })

  test('a body that is not JSON by its type is 415 and changes nothing', async () => {
    const ann = newUser(service())
    const task = await ann.create()
    for (const type of ['text/plain', 'application/x-www-form-urlencoded'])
      await expectProblem(
        await ann.complete(task.id, '{"completed":true}', { 'content-type': type }),
        415,
        'unsupported-media-type',
      )
    expect(await ann.list()).toEqual([task])
  })
})
