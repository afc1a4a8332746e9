import { beforeEach, describe, expect, test } from 'bun:test'
import type { Task } from '../../src/tasks/model.ts'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { newUser, type User } from '../kit/user.ts'

/** The counter when the history began, by the task that the first write made. */
const startOf = (first: Task | undefined) => (first?.revision ?? 0) - 1

describe.each(databases)('changes over %s', (kind) => {
  const service = useService(kind)
  let user: User
  beforeEach(() => {
    user = newUser(service())
  })

  /** Four tasks, one of them changed, one deleted, one purged: of eight revisions the third, fifth, sixth and eighth are the latest. */
  async function lively(): Promise<Task[]> {
    const tasks = []
    for (const title of ['changed', 'deleted', 'untouched', 'purged']) tasks.push(await user.create({ title }))
    const [changed, deleted, , purged] = tasks.map(({ id }) => id)
    await user.update(changed ?? '', { title: 'changed again' })
    await user.remove(deleted ?? '')
    await user.remove(purged ?? '')
    await user.send('DELETE', `/trash/${purged}`)
    return tasks
  }

  test('each task is told once, in its latest state, in the order of revisions', async () => {
    const [changed, deleted, untouched, purged] = await lively()
    const { changes, next, more } = await user.changes()
    const start = startOf(changed)
    expect(changes.map(({ id, revision }) => [id, revision])).toEqual([
      [untouched?.id ?? '', start + 3],
      [changed?.id ?? '', start + 5],
      [deleted?.id ?? '', start + 6],
      [purged?.id ?? '', start + 8],
    ])
    expect({ next, more }).toEqual({ next: start + 8, more: false })
    expect(changes.map(({ deleted_at }) => deleted_at !== null)).toEqual([false, false, true, true])
    expect(changes[1]).toEqual(await user.read(changed?.id ?? ''))
    expect(changes.map(({ title }) => title)).toEqual(['untouched', 'changed again', 'deleted', ''])
  })

  test('pages of any size tell the same, from any revision on', async () => {
    const [first] = await lively()
    const start = startOf(first)
    const { changes } = await user.changes()
    for (const since of [0, ...Array.from({ length: 9 }, (_, writes) => start + writes)])
      for (const limit of [1, 2, 3, 4, 5, 1000]) {
        const told: Task[] = []
        let page = await user.changes(`?since=${since}&limit=${limit}`)
        for (;;) {
          expect(page.changes.length).toBeLessThanOrEqual(limit)
          told.push(...page.changes)
          expect(page.next).toBe(page.changes.at(-1)?.revision ?? since)
          if (!page.more) break
          expect(page.changes.length).toBe(limit)
          page = await user.changes(`?since=${page.next}&limit=${limit}`)
        }
        expect(told).toEqual(changes.filter(({ revision }) => revision > since))
      }
  })

  test('who is up to date is told nothing, and where to go on', async () => {
    const [first] = await lively()
    const last = startOf(first) + 8
    expect(await user.changes(`?since=${last}`)).toEqual({ changes: [], lists: [], next: last, more: false })
    expect(await newUser(service()).changes('?since=0')).toEqual({ changes: [], lists: [], next: 0, more: false })
  })

  test('restoring clears deleted_at', async () => {
    const { id, revision } = await user.create({ title: 'x' })
    await user.remove(id)
    await user.send('POST', `/tasks/${id}/restore`)
    const { changes } = await user.changes(`?since=${revision + 1}`)
    expect(changes).toMatchObject([{ id, revision: revision + 2, deleted_at: null }])
  })

  test('a refused write raises nothing', async () => {
    const task = await user.create({ title: 'x' })
    const refused: [method: string, path: string, body?: unknown, headers?: Record<string, string>][] = [
      ['POST', '/tasks', { title: '' }],
      ['POST', '/tasks', { title: 'x', id: task.id }],
      ['PUT', `/tasks/${task.id}`, {}],
      ['PUT', `/tasks/${task.id}`, { title: 'y' }, { 'if-match': '"9"' }],
      ['DELETE', `/tasks/${crypto.randomUUID()}`],
      ['POST', `/tasks/${task.id}/restore`],
      ['DELETE', `/trash/${task.id}`],
      [
        'POST',
        '/batch',
        {
          operations: [
            { op: 'create', task: { title: 'y' } },
            { op: 'delete', id: task.id, if_revision: 9 },
          ],
        },
      ],
      ['DELETE', '/tasks?status=completed'],
    ]
    for (const [method, path, body, headers] of refused) await user.send(method, path, body, headers)
    expect(await user.changes()).toEqual({ changes: [task], lists: [], next: task.revision, more: false })
  })

  const faults: [query: string, pointer: string][] = [
    ['since=-1', '/since'],
    ['since=1.5', '/since'],
    ['since=x', '/since'],
    ['since=', '/since'],
    ['since=0&since=0', '/since'],
    ['since=99999999999999999999', '/since'],
    ['limit=0', '/limit'],
    ['limit=1001', '/limit'],
  ]
  for (const [query, pointer] of faults)
    test(`?${query} is refused at ${pointer}`, async () => {
      await expectProblem(await user.send('GET', `/changes?${query}`), 422, 'validation-failed', {
        pointers: [pointer],
      })
      if (pointer === '/since')
        await expectProblem(await user.send('GET', `/events?${query}`), 422, 'validation-failed', {
          pointers: [pointer],
        })
    })

  test('a revision of another history is 410: one ahead of the counter, one from before the start', async () => {
    const start = startOf(await user.create({ title: 'x' }))
    const gone = [1, start - 1, start + 2, 999_999_999_999_999]
    for (const path of ['/changes', '/events']) {
      for (const since of gone)
        await expectProblem(await user.send('GET', `${path}?since=${since}`), 410, 'history-gone')
      for (const since of [0, start, start + 1]) {
        const answer = await user.send('GET', `${path}?since=${since}`)
        expect(answer.status).toBe(200)
        await answer.body?.cancel()
      }
    }
    for (const id of gone)
      await expectProblem(
        await user.send('GET', '/events', undefined, { 'last-event-id': `${id}` }),
        410,
        'history-gone',
      )
    expect((await user.changes(`?since=${start}`)).changes).toHaveLength(1)
  })

  test('of a user who has never written, every revision but 0 is 410', async () => {
    for (const path of ['/changes', '/events'])
      for (const since of [1, Date.now(), 999_999_999_999_999])
        await expectProblem(await user.send('GET', `${path}?since=${since}`), 410, 'history-gone')
    expect(await user.changes('?since=0')).toEqual({ changes: [], lists: [], next: 0, more: false })
  })
})
