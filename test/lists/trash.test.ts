import { beforeEach, describe, expect, test } from 'bun:test'
import type { Task } from '../../src/tasks/model.ts'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { newUser, type User } from '../kit/user.ts'

describe.each(databases)('the trash over %s', (kind) => {
  const service = useService(kind)
  let user: User
  let task: Task
  beforeEach(async () => {
    user = newUser(service())
    task = await user.create({
      title: 'Buy milk',
      description: 'secret',
      due_date: '2026-11-20',
      tags: ['private'],
      completed: true,
      priority: 'high',
    })
  })

  const trash = () => user.trash()

  test('a deleted task is in the trash, as it was, and nowhere else', async () => {
    await user.remove(task.id)
    const [found, ...rest] = await trash()
    expect(rest).toEqual([])
    expect(found).toEqual({
      ...task,
      revision: task.revision + 1,
      deleted_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updated_at: expect.any(String),
    })
    expect(await user.list()).toEqual([])
    for (const [method, path, body] of [
      ['GET', `/tasks/${task.id}`],
      ['PUT', `/tasks/${task.id}`, { title: 'x' }],
      ['PATCH', `/tasks/${task.id}`, { title: 'x' }],
      ['PATCH', `/tasks/${task.id}/complete`],
      ['DELETE', `/tasks/${task.id}`],
    ] as const)
      await expectProblem(await user.send(method, path, body), 404, 'task-not-found')
  })

  test('restoring gives it back as it was, at a new revision, once', async () => {
    await user.remove(task.id)
    const answer = await user.send('POST', `/tasks/${task.id}/restore`)
    expect(answer.status).toBe(200)
    const restored = (await answer.json()) as Task
    expect(restored).toEqual({ ...task, revision: task.revision + 2, updated_at: expect.any(String) })
    expect(await user.list()).toEqual([restored])
    expect(await trash()).toEqual([])
    await expectProblem(await user.send('POST', `/tasks/${task.id}/restore`), 404, 'task-not-found')
  })

  test('a purged task leaves a tombstone without content, for sync alone', async () => {
    await user.remove(task.id)
    expect((await user.send('DELETE', `/trash/${task.id}`)).status).toBe(204)
    expect(await trash()).toEqual([])
    const { changes } = await user.changes()
    expect(changes).toHaveLength(1)
    expect(changes[0]).toMatchObject({
      id: task.id,
      title: '',
      description: null,
      due_date: null,
      tags: [],
      revision: task.revision + 2,
    })
    expect(changes[0]?.deleted_at).toBeString()
    expect(JSON.stringify(changes)).not.toMatch(/milk|secret|private/)
    for (const [method, path] of [
      ['GET', `/tasks/${task.id}`],
      ['POST', `/tasks/${task.id}/restore`],
      ['DELETE', `/trash/${task.id}`],
    ] as const)
      await expectProblem(await user.send(method, path), 404, 'task-not-found')
    await expectProblem(await user.post({ id: task.id, title: 'again' }), 409, 'task-exists')
  })

  test('only what is in the trash can be purged or restored', async () => {
    await expectProblem(await user.send('DELETE', `/trash/${task.id}`), 404, 'task-not-found')
    await expectProblem(await user.send('POST', `/tasks/${task.id}/restore`), 404, 'task-not-found')
    expect(await user.list()).toEqual([task])
  })

  test("another user's trash is 404 under one's own path, and 403 under theirs", async () => {
    await user.remove(task.id)
    const stranger = newUser(service())
    await expectProblem(await stranger.send('DELETE', `/trash/${task.id}`), 404, 'task-not-found')
    await expectProblem(await stranger.send('POST', `/tasks/${task.id}/restore`), 404, 'task-not-found')
    for (const [method, path] of [
      ['GET', '/trash'],
      ['DELETE', `/trash/${task.id}`],
      ['POST', `/tasks/${task.id}/restore`],
      ['DELETE', `?confirm=${user.id}`],
    ] as const)
      await expectProblem(await service().request(stranger.id, method, user.base + path), 403, 'wrong-user')
    expect(await trash()).toHaveLength(1)
  })

  test('all that is completed goes to the trash at once, each under a revision of its own', async () => {
    await user.batch(
      Array.from({ length: 6 }, (_, i) => ({ op: 'create', task: { title: `${i}`, completed: i % 2 === 0 } })),
    )
    const answer = await user.send('DELETE', '/tasks?status=completed')
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ deleted: 4 })
    expect(await user.titles('?sort=title')).toEqual(['1', '3', '5'])
    const before = task.revision + 6
    const { changes } = await user.changes(`?since=${before}`)
    expect(changes.map(({ revision }) => revision - before)).toEqual([1, 2, 3, 4])
    expect(changes.every(({ deleted_at }) => deleted_at !== null)).toBe(true)
    expect((await trash()).length).toBe(4)
    expect(await (await user.send('DELETE', '/tasks?completed=true')).json()).toEqual({ deleted: 0 })
    expect((await user.changes()).next).toBe(before + 4)
  })

  test('nothing but what is completed is deleted all at once', async () => {
    for (const [query, ...pointers] of [
      ['', '/status'],
      ['?status=all', '/status'],
      ['?status=pending', '/status'],
      ['?completed=false', '/completed', '/status'],
      ['?status=nonsense', '/status'],
      ['?status=pending&completed=true', '/completed', '/status'],
      ['?status=completed&completed=false', '/completed'],
      ['?status=completed&status=completed', '/status'],
    ] as const)
      await expectProblem(await user.send('DELETE', `/tasks${query}`), 422, 'validation-failed', {
        pointers: [...pointers],
      })
    expect(await user.list()).toEqual([task])
  })

  test('erasing takes everything with it, the trash, tombstones and kept answers too', async () => {
    const neighbour = newUser(service())
    await neighbour.create({ title: 'stays' })
    const keyed = { 'idempotency-key': 'once' }
    await user.send('POST', '/tasks', { title: 'keyed' }, keyed)
    await user.remove(task.id)
    expect((await user.send('DELETE', `?confirm=${user.id}`)).status).toBe(204)
    expect(await user.list()).toEqual([])
    expect(await trash()).toEqual([])
    expect(await user.changes()).toEqual({ changes: [], lists: [], next: 0, more: false })
    expect((await user.send('GET', '/tasks')).headers.get('etag')).toBe('"0"')
    expect((await user.send('DELETE', `?confirm=${user.id}`)).status).toBe(204)
    const again = await user.send('POST', '/tasks', { title: 'keyed' }, keyed)
    expect(again.headers.has('idempotency-replayed')).toBe(false)
    expect(((await again.json()) as Task).revision).toBeGreaterThan(task.revision + 2)
    expect(await neighbour.titles()).toEqual(['stays'])
  })

  test('erasing needs the user id once more', async () => {
    for (const query of ['', '?confirm=', '?confirm=yes', `?confirm=${user.id}x`, `?confirm=${user.id.toUpperCase()}`])
      await expectProblem(await user.send('DELETE', query), 422, 'validation-failed', { pointers: ['/confirm'] })
    expect(await user.list()).toEqual([task])
  })
})
