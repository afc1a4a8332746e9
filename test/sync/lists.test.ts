import { beforeEach, describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { listsOf } from '../kit/lists.ts'
import { useService } from '../kit/service.ts'
import { openStream } from '../kit/stream.ts'
import { jsonOf, NO_TASK, newUser, type User } from '../kit/user.ts'

describe.each(databases)('sync of lists over %s', (kind) => {
  const service = useService(kind)
  let user: User
  let lists: ReturnType<typeof listsOf>
  beforeEach(() => {
    user = newUser(service())
    lists = listsOf(user)
  })

  /** Tasks and lists in turns, one of each deleted and one list gone for good. */
  async function lively() {
    const [home, work] = [await lists.create({ name: 'home' }), await lists.create({ name: 'work' })]
    const task = await user.create({ title: 'in work', list_id: work.id })
    await user.create({ title: 'in none' })
    await lists.update(home.id, { name: 'house' })
    await user.create({ title: 'in home', list_id: home.id })
    await lists.remove(work.id)
    const gone = await lists.create({ name: 'gone' })
    await lists.remove(gone.id)
    await lists.purge(gone.id)
    await user.create({ title: 'last' })
    return { start: home.revision - 1, home, work, task, gone }
  }

  test('each list is told once, in its latest state, beside the tasks', async () => {
    const { start, home, work, gone } = await lively()
    const { changes, lists: told, next, more } = await user.changes()
    expect(told.map(({ id, name, revision, deleted_at }) => [id, name, revision - start, deleted_at !== null])).toEqual(
      [
        [home.id, 'house', 5, false],
        [work.id, 'work', 7, true],
        [gone.id, '', 11, true],
      ],
    )
    expect(changes.map(({ title, revision }) => [title, revision - start])).toEqual([
      ['in none', 4],
      ['in home', 6],
      ['in work', 8],
      ['last', 12],
    ])
    expect([next - start, more]).toEqual([12, false])
  })

  test('pages of any size tell the same, from any revision on', async () => {
    const { start } = await lively()
    const { changes, lists: all } = await user.changes()
    const known = [...changes, ...all].toSorted((a, b) => a.revision - b.revision)
    for (let since = start; since <= start + 12; since++)
      for (const limit of [1, 2, 3, 5, 25, 1000]) {
        const told = []
        for (let from = since; ; ) {
          const page = await user.changes(`?since=${from}&limit=${limit}`)
          const both = [...page.changes, ...page.lists].toSorted((a, b) => a.revision - b.revision)
          expect(both.length).toBeLessThanOrEqual(limit)
          expect(page.next).toBe(both.at(-1)?.revision ?? from)
          told.push(...both)
          from = page.next
          if (!page.more) break
          expect(both.length).toBe(limit)
        }
        expect(told).toEqual(known.filter(({ revision }) => revision > since))
      }
  })

  test("yesterday's clients find tasks alone among the changes, and events of lists under another name", async () => {
    const { start } = await lively()
    for (const task of (await user.changes()).changes) expect(Object.keys(task)).toContain('title')
    const stream = await openStream(service(), user.id, `?since=${start}`)
    await stream.first(4)
    await stream.close()
    expect(stream.seen.map(({ task }) => task.title)).toEqual(['in none', 'in home', 'in work', 'last'])
  })

  test('events tell lists and tasks in the order of revisions, and a replay begins between them', async () => {
    const { start } = await lively()
    for (const [since, ids] of [
      [0, [4, 5, 6, 7, 8, 11, 12]],
      [5, [6, 7, 8, 11, 12]],
      [7, [8, 11, 12]],
    ] as const) {
      const headers = { 'last-event-id': String(start + since) }
      const stream = await openStream(service(), user.id, '', { headers })
      await stream.first(ids.filter((id) => [4, 6, 8, 12].includes(id)).length)
      expect(stream.ids.map((id) => id - start)).toEqual([...ids])
      for (const { id, list } of stream.lists) expect(list.revision).toBe(id)
      await stream.close()
    }
  })

  test('a list that changes while somebody listens is told at once', async () => {
    const stream = await openStream(service(), user.id)
    const list = await lists.create()
    const task = await user.create({ list_id: list.id })
    await stream.first(1)
    expect(stream.lists).toEqual([{ id: list.revision, list }])
    expect(stream.ids).toEqual([list.revision, task.revision])
    await stream.close()
  })

  test('a batch makes, changes, deletes and restores lists, and later operations see them', async () => {
    const [id, task] = [crypto.randomUUID(), crypto.randomUUID()]
    const operations = [
      { op: 'create_list', id, list: { name: 'home' } },
      { op: 'create', id: task, task: { title: 'x', list_id: id } },
      { op: 'update_list', id, list: { name: 'house' } },
      { op: 'delete_list', id },
      { op: 'restore_list', id },
    ]
    const { results } = await jsonOf<{ results: Record<string, object>[] }>(
      await user.send('POST', '/batch', { operations }),
    )
    expect(results.map(({ status }) => status as unknown)).toEqual([201, 201, 200, 204, 200])
    expect(results.map((result) => Object.keys(result))).toEqual(
      operations.map(({ op }) => ['status', op === 'create' ? 'task' : 'list']),
    )
    expect(results[4]?.['list']).toMatchObject({ id, name: 'house', deleted_at: null })
    expect(await lists.all()).toMatchObject([{ id, name: 'house', pending: 1 }])
    expect(await user.read(task)).toMatchObject({ list_id: id })
  })

  const refused: [what: string, operation: (list: string) => object, status: number, code: string, pointer: string][] =
    [
      ['no list', () => ({ op: 'create_list' }), 422, 'validation-failed', '/list'],
      ['a task instead', () => ({ op: 'create_list', task: { title: 'x' } }), 422, 'validation-failed', '/task'],
      [
        'a list for a task',
        () => ({ op: 'create', task: { title: 'x' }, list: {} }),
        422,
        'validation-failed',
        '/list',
      ],
      ['a bad name', () => ({ op: 'create_list', list: { name: ' ' } }), 422, 'validation-failed', '/list/name'],
      ['an update without an id', () => ({ op: 'update_list', list: { name: 'x' } }), 422, 'validation-failed', '/id'],
      ['an empty update', (id) => ({ op: 'update_list', id, list: {} }), 422, 'validation-failed', '/list'],
      ['fields to delete', (id) => ({ op: 'delete_list', id, list: { name: 'x' } }), 422, 'validation-failed', '/list'],
      ['completed', (id) => ({ op: 'delete_list', id, completed: true }), 422, 'validation-failed', '/completed'],
      ['a list to complete', (id) => ({ op: 'complete_list', id }), 422, 'validation-failed', '/op'],
      ['a taken id', (id) => ({ op: 'create_list', id, list: { name: 'x' } }), 409, 'list-exists', ''],
      ['no such list', () => ({ op: 'delete_list', id: NO_TASK }), 404, 'list-not-found', ''],
      ['a list as a task', (id) => ({ op: 'delete', id }), 404, 'task-not-found', ''],
      ['a revision that is over', (id) => ({ op: 'delete_list', id, if_revision: 1 }), 412, 'revision-mismatch', ''],
      [
        'a task in no list',
        () => ({ op: 'create', task: { title: 'x', list_id: NO_TASK } }),
        422,
        'validation-failed',
        '/task/list_id',
      ],
    ]
  test.each(refused)(
    'a batch with %s does nothing at all, and says where',
    async (_, operation, status, code, pointer) => {
      const { id } = await lists.create()
      const before = await user.changes()
      const operations = [{ op: 'create_list', list: { name: 'x' } }, operation(id)]
      const answer = await user.send('POST', '/batch', { operations })
      await expectProblem(answer, status, code, { pointers: [`/operations/1${pointer}`] })
      expect(await user.changes()).toEqual(before)
    },
  )
})
