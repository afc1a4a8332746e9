import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { listsOf } from '../kit/lists.ts'
import { useService } from '../kit/service.ts'
import { jsonOf, NO_TASK, newUser, type Task, type User } from '../kit/user.ts'

describe.each(databases)('export and import of lists and parts over %s', (kind) => {
  const service = useService(kind)

  const exported = async (user: User, format = 'json') => (await user.send('GET', `/export?format=${format}`)).text()
  const imported = async (user: User, file: string | object[], query = '') => {
    const csv = typeof file === 'string' && !file.startsWith('[')
    const body = typeof file === 'string' ? file : JSON.stringify(file)
    return user.send('POST', `/import${query}`, body, { 'content-type': csv ? 'text/csv' : 'application/json' })
  }
  const erase = (user: User) => user.send('DELETE', `?confirm=${user.id}`)

  /** Everything that a user sees, but for what an import may change. */
  async function seen(user: User) {
    const lists = listsOf(user)
    const known = <Row extends { id: string; revision: number }>(rows: Row[]) =>
      rows.map(({ revision: _, ...rest }) => rest).toSorted((a, b) => (a.id < b.id ? -1 : 1))
    return {
      lists: known(await lists.all()),
      goneLists: known(await lists.trash()),
      tasks: known(await user.list()),
      trash: known(await user.trash()),
    }
  }

  /** Lists, parents and parts, at hand and in the trash, some of them taken there by others. */
  async function lively(user: User) {
    const lists = listsOf(user)
    const [home, work] = [await lists.create({ name: '=1+1' }), await lists.create({ name: 'a, "b"\n' })]
    const parent = await user.create({ title: 'parent', list_id: home.id })
    await user.create({ title: 'part', parent_id: parent.id, list_id: work.id })
    const top = await user.create({ title: 'top', list_id: work.id })
    await user.create({ title: 'went with top', parent_id: top.id })
    const before = await user.create({ title: 'before', list_id: work.id })
    await user.remove(before.id)
    await user.remove(top.id)
    const gone = await lists.create({ name: 'gone' })
    const went = await user.create({ title: 'went with gone', list_id: gone.id })
    await user.create({ title: 'part of it', parent_id: went.id, list_id: home.id })
    await lists.remove(gone.id)
    const purged = await lists.create({ name: 'purged' })
    await lists.remove(purged.id)
    await lists.purge(purged.id)
    return { home, work, parent, top, gone, went }
  }

  test.each(['json', 'csv'])(
    'export, erase and import as %s gives the same, and the trash comes back as it would have',
    async (format) => {
      const ann = newUser(service())
      const { gone, top, parent } = await lively(ann)
      const before = await seen(ann)
      const file = await exported(ann, format)
      expect(file).not.toContain('purged"')
      await erase(ann)
      const answer = await jsonOf<object>(await imported(ann, file))
      expect(answer).toEqual({ imported: 3 + 7, skipped: 0, dry_run: false })
      expect(await seen(ann)).toEqual(before)
      // A second import finds all of it there.
      const again = await jsonOf<object>(await imported(ann, file))
      expect(again).toEqual({ imported: 0, skipped: 10, dry_run: false })

      const lists = listsOf(ann)
      await lists.restored(gone.id)
      await ann.send('POST', `/tasks/${top.id}/restore`)
      const titles = (await ann.titles()).sort()
      expect(titles).toEqual(['parent', 'part', 'part of it', 'top', 'went with gone', 'went with top'])
      expect((await ann.trash()).map(({ title }) => title)).toEqual(['before'])
      // An imported parent takes its parts along.
      await ann.remove(parent.id)
      expect(await ann.titles('?q=part&sort=title')).toEqual(['part of it'])
      // Of the three in the file, the last one stands at 3.
      expect((await lists.create()).position).toBe(4)
    },
  )

  test('records come in any order, also parts before parents and tasks before lists', async () => {
    const ann = newUser(service())
    await lively(ann)
    const before = await seen(ann)
    const records = JSON.parse(await exported(ann)) as object[]
    for (const order of [records.toReversed(), records.toSorted(() => Math.random() - 0.5)]) {
      await erase(ann)
      expect((await imported(ann, order)).status).toBe(200)
      expect(await seen(ann)).toEqual(before)
    }
  })

  test('a list or a parent that is not there is forgotten, and no part has parts', async () => {
    const ann = newUser(service())
    const [a, b, c, d] = Array.from({ length: 4 }, () => crypto.randomUUID() as string)
    const other = await listsOf(newUser(service())).create()
    const file = [
      { id: a, title: 'a', parent_id: b, list_id: NO_TASK },
      { id: b, title: 'b', parent_id: a, list_id: other.id },
      { id: c, title: 'c', parent_id: c },
      { id: d, title: 'd', parent_id: crypto.randomUUID() },
      { title: 'in the trash', deleted_at: '2026-11-01T00:00:00Z', list_id: NO_TASK, trashed_with: a },
    ]
    expect((await imported(ann, file)).status).toBe(200)
    for (const { parent_id, list_id } of await ann.list()) expect([parent_id, list_id]).toEqual([null, null])
    const [trash] = await ann.trash()
    const restored = await ann.send('POST', `/tasks/${trash?.id}/restore`)
    expect(await jsonOf<Task>(restored)).toMatchObject({ list_id: null })
  })

  test('an import into what is there: own lists and parents count, and lists stay as they are', async () => {
    const ann = newUser(service())
    const lists = listsOf(ann)
    const list = await lists.create({ name: 'mine' })
    const parent = await ann.create()
    const file = [
      { kind: 'list', id: list.id, name: 'other' },
      { kind: 'list', name: 'new' },
      { kind: 'task', title: 'x', list_id: list.id, parent_id: parent.id },
    ]
    expect(await jsonOf<object>(await imported(ann, file, '?dry_run=true'))).toMatchObject({ imported: 2, skipped: 1 })
    expect(await lists.all()).toHaveLength(1)
    expect(await jsonOf<object>(await imported(ann, file))).toMatchObject({ imported: 2, skipped: 1 })
    expect((await lists.all()).map(({ name, position, pending }) => [name, position, pending])).toEqual([
      ['mine', 1, 1],
      ['new', 2, 0],
    ])
    await ann.remove(parent.id)
    expect(await ann.list()).toEqual([])
    const { changes, lists: told, next } = await ann.changes()
    const revisions = [...changes, ...told].map(({ revision }) => revision)
    expect([new Set(revisions).size, Math.max(...revisions)]).toEqual([4, next])
  })

  test('a file of many pieces: its last records are the lists and the parents of its first', async () => {
    const ann = newUser(service())
    const [list, parent] = [crypto.randomUUID(), crypto.randomUUID()]
    const file = [
      ...Array.from({ length: 600 }, (_, n) => ({ title: `${n}`, list_id: list, parent_id: n % 2 ? parent : NO_TASK })),
      { id: parent, title: 'parent' },
      { kind: 'list', id: list, name: 'list' },
    ]
    expect(await jsonOf<object>(await imported(ann, file))).toMatchObject({ imported: 602, skipped: 0 })
    expect(await listsOf(ann).all()).toMatchObject([{ id: list, pending: 600 }])
    expect(await ann.list(`?parent_id=${parent}`)).toHaveLength(300)
    expect(await ann.list('?parent_id=none')).toHaveLength(301)
    const { changes, lists, next } = await ann.changes()
    const revisions = new Set([...changes, ...lists].map(({ revision }) => revision))
    expect([revisions.size, Math.max(...revisions)]).toEqual([602, next])
    await ann.remove(parent)
    expect(await listsOf(ann).read(list)).toMatchObject({ pending: 300 })
  })

  const bad: [what: string, record: object, pointer: string][] = [
    ['no name', { kind: 'list' }, '/0/name'],
    ['a title', { kind: 'list', name: 'x', title: 'y' }, '/0/title'],
    ['a blank name', { kind: 'list', name: ' ' }, '/0/name'],
    ['a bad time', { kind: 'list', name: 'x', deleted_at: 'now' }, '/0/deleted_at'],
    ['another kind', { kind: 'label', title: 'x' }, '/0/kind'],
    ['a task with a name', { title: 'x', name: 'y' }, '/0/name'],
  ]
  test.each(bad)('a record with %s is 422 with its place', async (_, record, pointer) => {
    const ann = newUser(service())
    await expectProblem(await imported(ann, [record, { title: 'x' }]), 422, 'validation-failed', {
      pointers: [pointer],
    })
    expect(await ann.changes()).toMatchObject({ changes: [], lists: [] })
  })

  test('a list that stands in the file twice is 422, a task of the same id is not', async () => {
    const ann = newUser(service())
    const id = crypto.randomUUID()
    const one = { kind: 'list', id, name: 'x' }
    await expectProblem(await imported(ann, [one, one]), 422, 'validation-failed', { pointers: ['/1/id'] })
    expect((await imported(ann, [one, { id, title: 'x', list_id: id }])).status).toBe(200)
    expect(await listsOf(ann).all()).toMatchObject([{ id, pending: 1 }])
  })

  test('more than 500 lists at hand are refused, and nothing is imported', async () => {
    const ann = newUser(service())
    const file = Array.from({ length: 501 }, (_, n) => ({ kind: 'list', name: `${n}` }))
    await expectProblem(await imported(ann, [...file, { title: 'x' }]), 403, 'too-many-lists')
    expect(await ann.changes()).toMatchObject({ changes: [], lists: [] })
    expect((await imported(ann, file.slice(1))).status).toBe(200)
  })
})
