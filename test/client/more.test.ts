import { describe, expect, test } from 'bun:test'
import { createDoable, type DoableError, type Options, type Task } from '../../src/client/index.ts'
import { databases } from '../kit/boot.ts'
import { useService } from '../kit/service.ts'
import { answerLost, refusal, trouble } from './trouble.ts'

describe.each(databases)('what else the client does, over %s', (kind) => {
  const service = useService(kind)

  function newUser(options: Partial<Options> = {}) {
    const userId = `ann/ö ${crypto.randomUUID()}`
    return createDoable({ url: service().url, userId, token: () => service().tokens.sign(userId, 3600), ...options })
  }
  const titles = (tasks: readonly Task[]) => tasks.map(({ title }) => title)

  test('gives one page with its cursor, the number of all, and where to watch from', async () => {
    const doable = newUser()
    for (const title of ['a', 'b', 'c', 'd', 'e']) await doable.create({ title })
    const first = await doable.page({ sort: 'title', limit: 2 })
    expect(titles(first.tasks)).toEqual(['a', 'b'])
    expect(first).toMatchObject({ total: 5, revision: await doable.revision() })
    const { cursor } = first
    if (cursor === undefined) throw new Error('no cursor')
    const second = await doable.page({ sort: 'title', limit: 3, cursor, count: false })
    expect(titles(second.tasks)).toEqual(['c', 'd', 'e'])
    expect(second).toMatchObject({ total: undefined, cursor: undefined })
    expect(await doable.page({ q: 'nothing like it' })).toMatchObject({ tasks: [], total: 0 })
  })

  test('lists the trash page by page, and purges', async () => {
    const doable = newUser()
    for (const title of ['a', 'b', 'c']) await doable.remove((await doable.create({ title })).id)
    const found = await Array.fromAsync(doable.trash({ pageSize: 2 }))
    expect(titles(found)).toEqual(['c', 'b', 'a'])
    const [c, b, a] = found
    if (!a || !b || !c) throw new Error('fewer than three')
    await doable.purge(b.id)
    const stale = { ifUnchanged: { revision: a.revision - 1 } }
    expect(await refusal(doable.purge(a.id, stale))).toMatchObject({ code: 'revision-mismatch' })
    expect(titles(await Array.fromAsync(doable.trash()))).toEqual(['c', 'a'])
    expect(await refusal(doable.purge(b.id))).toMatchObject({ status: 404, code: 'task-not-found' })
  })

  test('clears what is completed, and says how much it was', async () => {
    const doable = newUser()
    for (const title of ['a', 'b', 'c']) await doable.create({ title, completed: title !== 'b' })
    expect(await doable.clearCompleted()).toBe(2)
    expect(titles(await Array.fromAsync(doable.list()))).toEqual(['b'])
    expect(await doable.clearCompleted()).toBe(0)
  })

  test('deletes once: a lost answer is told, not covered up by a second try', async () => {
    const calls: ((doable: ReturnType<typeof newUser>, id: string) => Promise<unknown>)[] = [
      (doable, id) => doable.remove(id),
      (doable, id) => doable.purge(id),
      (doable) => doable.clearCompleted(),
    ]
    for (const call of calls) {
      const { send, sent } = trouble(undefined, answerLost)
      const doable = newUser({ fetch: send })
      const { id } = await doable.create({ title: 'x', completed: true })
      expect(await refusal(call(doable, id))).toMatchObject({ name: 'TypeError' })
      expect(sent).toHaveLength(2)
    }
  })

  test('does a batch once, all of it or nothing, and names what was refused', async () => {
    const { send, sent } = trouble(answerLost)
    const doable = newUser({ fetch: send })
    const ids = [crypto.randomUUID(), crypto.randomUUID()] as const
    const results = await doable.batch([
      { op: 'create', id: ids[0], task: { title: 'a' } },
      { op: 'create', task: { id: ids[1], title: 'b' } },
      { op: 'update', id: ids[0], task: { title: 'A' } },
      { op: 'complete', id: ids[0], completed: true },
      { op: 'delete', id: ids[1] },
      { op: 'restore', id: ids[1] },
    ])
    expect(results.map(({ status }) => status)).toEqual([201, 201, 200, 200, 204, 200])
    expect(results[3]?.task).toMatchObject({ title: 'A', completed: true })
    expect(sent).toHaveLength(2)
    expect(await doable.revision()).toBe((results[0]?.task.revision ?? 0) + 5)
    const refused = await doable
      .batch([
        { op: 'delete', id: ids[0] },
        { op: 'update', id: ids[1], if_revision: 1, task: { title: 'B' } },
      ])
      .catch((error: DoableError) => error)
    expect(refused).toMatchObject({ code: 'revision-mismatch', errors: [{ pointer: '/operations/1' }] })
    expect(await doable.get(ids[0])).toEqual(results[3]?.task as Task)
  })

  test('tells what has changed since a revision, a page at a time', async () => {
    const doable = newUser()
    const a = await doable.create({ title: 'a' })
    const b = await doable.create({ title: 'b' })
    await doable.remove(a.id)
    const first = await doable.changes({ limit: 1 })
    expect(first).toEqual({ changes: [b], lists: [], next: b.revision, more: true })
    const second = await doable.changes({ since: first.next, limit: 1 })
    expect(second).toMatchObject({ changes: [{ id: a.id, deleted_at: expect.any(String) }], more: false })
    expect(await doable.changes({ since: second.next })).toEqual({
      changes: [],
      lists: [],
      next: second.next,
      more: false,
    })
  })

  test('takes everything out, and back in, as JSON and as CSV', async () => {
    const doable = newUser()
    await doable.create({ title: 'Kauf Öl', tags: ['a', 'b'] })
    await doable.remove((await doable.create({ title: 'b' })).id)
    for (const format of ['json', 'csv'] as const) {
      const file = await doable.export({ format })
      expect(file.type).toStartWith(format === 'csv' ? 'text/csv' : 'application/json')
      const { send, sent } = trouble(answerLost)
      const other = newUser({ fetch: send })
      expect(await newUser().import(file, { dryRun: true })).toEqual({ imported: 2, skipped: 0, dry_run: true })
      expect(await other.import(file)).toEqual({ imported: 2, skipped: 0, dry_run: false })
      expect(sent).toHaveLength(2)
      expect(await Array.fromAsync(other.list())).toMatchObject([{ title: 'Kauf Öl', tags: ['a', 'b'] }])
      expect(titles(await Array.fromAsync(other.trash()))).toEqual(['b'])
      expect(await other.import(await file.text(), { format })).toMatchObject({ imported: 0, skipped: 2 })
    }
  })
})
