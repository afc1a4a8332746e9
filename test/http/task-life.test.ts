import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { NO_TASK, newUser, type Task, taskOf } from '../kit/user.ts'

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

const full = {
  title: 'Plan the trip',
  description: 'By train',
  completed: true,
  priority: 'high',
  due_date: '2026-11-24',
  tags: ['home', 'fun'],
  position: 7.5,
} as const

/** One field each, and its value in the answer. */
const changes: [change: Partial<Task>, becomes?: Partial<Task>][] = [
  [{ title: 'Plan it' }],
  [{ description: 'By bus' }],
  [{ description: null }],
  [{ description: '' }],
  [{ completed: false }, { completed: false, completed_at: null }],
  [{ priority: 'low' }],
  [{ due_date: '2027-01-01' }],
  [{ due_date: null }],
  [{ tags: ['work'] }],
  [{ tags: [] }],
  [{ position: -3 }],
  [{ title: 'A', description: null, tags: [], due_date: null, priority: 'medium', position: 0 }],
]

describe.each(databases)('the life of a task over %s', (kind) => {
  const service = useService(kind)

  test('a title is enough: all other fields have defaults', async () => {
    const ann = newUser(service())
    const task = await taskOf(await ann.post({ title: 'Buy milk' }), 201)
    expect(task).toEqual({
      id: expect.stringMatching(UUID7),
      user_id: ann.id,
      title: 'Buy milk',
      description: null,
      completed: false,
      completed_at: null,
      priority: 'medium',
      due_date: null,
      tags: [],
      position: 1,
      list_id: null,
      parent_id: null,
      recurrence: null,
      repeat_from: 'due',
      time_zone: 'UTC',
      remind_at: null,
      series_id: null,
      next_task_id: null,
      reminded_at: null,
      revision: expect.any(Number),
      created_at: expect.stringMatching(TIME),
      updated_at: task.created_at,
      deleted_at: null,
    })
    expect(Math.abs(Date.now() - Date.parse(task.created_at))).toBeLessThan(60_000)
  })

  test('every writable field is taken at creation', async () => {
    const task = await newUser(service()).create(full)
    expect(task).toMatchObject({ ...full, tags: [...full.tags], completed_at: task.created_at })
  })

  test('the answer to a creation says where the task is', async () => {
    const ann = newUser(service(), `ann/${crypto.randomUUID()}@example.com`)
    const response = await ann.post({ title: 'x' })
    const location = response.headers.get('location') ?? ''
    const task = await taskOf(response, 201)
    expect(location).toBe(`${ann.tasks}/${task.id}`)
    expect(await taskOf(await service().request(ann.id, 'GET', location))).toEqual(task)
  })

  for (const method of ['put', 'patch'] as const)
    for (const [change, becomes = change] of changes)
      test(`${method} ${JSON.stringify(change)} changes that and keeps the rest`, async () => {
        const ann = newUser(service())
        const before = await ann.create(full)
        const after = await taskOf(await ann[method](before.id, change))
        expect(after).toEqual({
          ...before,
          ...becomes,
          revision: before.revision + 1,
          updated_at: expect.stringMatching(TIME),
        })
        expect(after.updated_at >= before.updated_at).toBe(true)
        expect(await ann.read(before.id)).toEqual(after)
      })

  test('a deleted task is gone from every address, with 204 and no body', async () => {
    const ann = newUser(service())
    const { id } = await ann.create()
    const response = await ann.delete(id)
    expect([response.status, await response.text(), response.headers.get('content-type')]).toEqual([204, '', null])
    expect(await ann.list()).toEqual([])
    for (const gone of [id, NO_TASK]) {
      await expectProblem(await ann.get(gone), 404, 'task-not-found', { unseen: [gone] })
      await expectProblem(await ann.put(gone, { title: 'x' }), 404, 'task-not-found', { unseen: [gone] })
      await expectProblem(await ann.patch(gone, { title: 'x' }), 404, 'task-not-found', { unseen: [gone] })
      await expectProblem(await ann.delete(gone), 404, 'task-not-found', { unseen: [gone] })
      await expectProblem(await ann.complete(gone), 404, 'task-not-found', { unseen: [gone] })
    }
  })

  test('the list is a bare array, newest first, whatever is changed later', async () => {
    const ann = newUser(service())
    expect(await ann.list()).toEqual([])
    const ids: string[] = []
    for (let i = 0; i < 5; i++) ids.unshift((await ann.create({ title: `Task ${i}`, position: -i })).id)
    await ann.put(ids[4] ?? '', { title: 'Changed last' })
    await ann.complete(ids[2] ?? '')
    expect((await ann.list()).map(({ id }) => id)).toEqual(ids)
  })

  test('a task without a position stands after everything the user has had', async () => {
    const ann = newUser(service())
    const place = async (fields?: { position: number }) => (await ann.create(fields)).position
    expect([await place(), await place(), await place({ position: 10.25 }), await place()]).toEqual([1, 2, 10.25, 11])
    expect([await place({ position: -5 }), await place()]).toEqual([-5, 12])
    const [newest] = await ann.list()
    await ann.put(newest?.id ?? '', { position: 100 })
    expect(await place()).toBe(101)
  })

  test('there is a place after any position, and the last one stays finite', async () => {
    for (const position of [2 ** 53, 1e16, 1.5e300]) {
      const ann = newUser(service())
      await ann.create({ position })
      expect((await ann.create()).position).toBeGreaterThan(position)
    }
    const ann = newUser(service())
    await ann.create({ position: Number.MAX_VALUE })
    expect((await ann.create()).position).toBe(Number.MAX_VALUE)
  })
})
