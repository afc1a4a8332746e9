import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { listsOf } from '../kit/lists.ts'
import { useService } from '../kit/service.ts'
import { ifMatch, jsonOf, NO_TASK, newUser, type Task } from '../kit/user.ts'

const NO_LIST = NO_TASK
const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

const titlesOf = (tasks: Task[]) => tasks.map(({ title }) => title).sort()

describe.each(databases)('lists over %s', (kind) => {
  const service = useService(kind)
  const people = () => {
    const ann = newUser(service())
    return { ann, lists: listsOf(ann) }
  }

  test('a name is enough, and the answer says where the list is', async () => {
    const { ann, lists } = people()
    const answer = await lists.post({ name: '  Groceries ' })
    const list = await jsonOf<Record<string, unknown>>(answer, 201)
    expect(list).toEqual({
      id: expect.stringMatching(UUID7),
      user_id: ann.id,
      name: 'Groceries',
      position: 1,
      revision: expect.any(Number),
      created_at: expect.stringMatching(TIME),
      updated_at: list['created_at'],
      deleted_at: null,
    })
    expect(answer.headers.get('location')).toBe(`${ann.base}/lists/${list['id']}`)
    expect(answer.headers.get('etag')).toBe(`"${list['revision']}"`)
    const read = await lists.get(String(list['id']))
    expect(read.headers.get('etag')).toBe(`"${list['revision']}"`)
    expect(await read.json()).toEqual({ ...list, pending: 0, completed: 0 })
  })

  test('lists and tasks share one counter, and have positions of their own', async () => {
    const { ann, lists } = people()
    const task = await ann.create()
    const [one, two] = [await lists.create({ name: 'same' }), await lists.create({ name: 'same' })]
    expect([one.revision, two.revision]).toEqual([task.revision + 1, task.revision + 2])
    expect([task.position, one.position, two.position]).toEqual([1, 1, 2])
    expect((await ann.create()).position).toBe(2)
    await lists.update(one.id, { position: 7.5 })
    expect((await lists.create()).position).toBe(8)
    expect((await lists.all()).map(({ position }) => position)).toEqual([2, 7.5, 8])
  })

  test('an id may be chosen, and is taken for good', async () => {
    const { lists } = people()
    const id = crypto.randomUUID()
    expect((await lists.create({ id: id.toUpperCase() })).id).toBe(id)
    await expectProblem(await lists.post({ id, name: 'x' }), 409, 'list-exists')
    await lists.remove(id)
    await expectProblem(await lists.post({ id, name: 'x' }), 409, 'list-exists')
    expect((await lists.purge(id)).status).toBe(204)
    await expectProblem(await lists.post({ id, name: 'x' }), 409, 'list-exists')
    // Another user may have the same.
    expect((await listsOf(newUser(service())).create({ id })).id).toBe(id)
  })

  const bad: [what: string, body: unknown, pointers: string[]][] = [
    ['no name', {}, ['/name']],
    ['a blank name', { name: ' \u2003 ' }, ['/name']],
    ['a name of 101 characters', { name: 'ü'.repeat(101) }, ['/name']],
    ['a name with NUL', { name: 'a\0b' }, ['/name']],
    ['a name of null', { name: null }, ['/name']],
    ['a position that is a text', { name: 'x', position: '1' }, ['/position']],
    ['an id that is no UUID', { name: 'x', id: '1' }, ['/id']],
    ['an unknown field', { name: 'x', titel: 'y' }, ['/titel']],
    ['a field of tasks', { name: 'x', title: 'y' }, ['/title']],
    ['no object', ['x'], ['']],
  ]
  test.each(bad)('%s is 422 with its pointer', async (_, body, pointers) => {
    const { lists } = people()
    await expectProblem(await lists.post(body), 422, 'validation-failed', { pointers })
    expect(await lists.all()).toEqual([])
  })

  test('a name that is nearly right is answered with the right one', async () => {
    const { lists, ann } = people()
    expect((await expectProblem(await lists.post({ Name: 'x' }), 422, 'validation-failed')).detail).toContain('name')
    const query = await ann.send('GET', '/lists?delete=true')
    expect((await expectProblem(query, 422, 'validation-failed', { pointers: ['/delete'] })).detail).toContain(
      'deleted',
    )
  })

  test('what was read may be sent back; an empty change, and null, are refused', async () => {
    const { lists } = people()
    const list = await lists.create()
    const read = await lists.read(list.id)
    const put = await jsonOf<object>(await lists.put(list.id, { ...read, name: 'Errands', user_id: 'x', revision: 1 }))
    expect(put).toMatchObject({ id: list.id, name: 'Errands', revision: list.revision + 1 })
    const merge = { 'content-type': 'application/merge-patch+json' }
    expect(await jsonOf<object>(await lists.patch(list.id, { name: ' Home ' }, merge))).toMatchObject({ name: 'Home' })
    for (const body of [{}, { pending: 3 }, { name: null }, { position: null }])
      await expectProblem(await lists.put(list.id, body), 422, 'validation-failed')
  })

  test('If-Match guards every write of a list', async () => {
    const { lists } = people()
    const list = await lists.create()
    const old = ifMatch(list.revision)
    const changed = await lists.update(list.id, { name: 'x' })
    await expectProblem(await lists.put(list.id, { name: 'y' }, old), 412, 'revision-mismatch')
    await expectProblem(await lists.patch(list.id, { name: 'y' }, old), 412, 'revision-mismatch')
    await expectProblem(await lists.delete(list.id, old), 412, 'revision-mismatch')
    expect((await lists.delete(list.id, ifMatch(changed.revision))).status).toBe(204)
    await expectProblem(await lists.restore(list.id, old), 412, 'revision-mismatch')
    await expectProblem(await lists.purge(list.id, old), 412, 'revision-mismatch')
    const answer = await lists.restore(list.id, ifMatch(changed.revision + 1))
    expect(answer.headers.get('etag')).toBe(`"${changed.revision + 2}"`)
  })

  test('an Idempotency-Key makes a list once, and restores it once', async () => {
    const { lists } = people()
    const key = { 'idempotency-key': 'k' }
    const first = await lists.post({ name: 'x' }, key)
    const again = await lists.post({ name: 'x' }, key)
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    const { id } = await jsonOf<{ id: string }>(first, 201)
    expect(await jsonOf<{ id: string }>(again, 201)).toMatchObject({ id })
    await expectProblem(await lists.post({ name: 'y' }, key), 422, 'idempotency-key-reused')
    await lists.remove(id)
    expect((await lists.restore(id, key)).status).toBe(200)
    expect((await lists.restore(id, key)).headers.get('idempotency-replayed')).toBe('true')
    expect(await lists.all()).toHaveLength(1)
  })

  test('the ETag of all lists is the counter: 304 while nothing has changed, also of tasks', async () => {
    const { ann, lists } = people()
    const list = await lists.create()
    const tag = { 'if-none-match': `"${list.revision}"` }
    expect((await ann.send('GET', '/lists')).headers.get('etag')).toBe(`"${list.revision}"`)
    expect((await ann.send('GET', '/lists', undefined, tag)).status).toBe(304)
    await ann.create({ list_id: list.id })
    const fresh = await ann.send('GET', '/lists', undefined, tag)
    expect(await jsonOf<object[]>(fresh)).toMatchObject([{ id: list.id, pending: 1 }])
    // The list has not changed, but its numbers have.
    expect(await jsonOf<object>(await lists.get(list.id, tag))).toMatchObject({ pending: 1 })
    const head = await ann.send('HEAD', '/lists')
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  test('reads count the tasks of a list, those at hand or, in the trash, those that are there, too', async () => {
    const { ann, lists } = people()
    const [one, two] = [await lists.create(), await lists.create()]
    for (const completed of [true, false, false]) await ann.create({ list_id: one.id, completed })
    const { id } = await ann.create({ list_id: one.id })
    await ann.create({ list_id: two.id, completed: true })
    await ann.create()
    await ann.remove(id)
    const numbers = async () => (await lists.all()).map(({ pending, completed }) => [pending, completed])
    expect(await numbers()).toEqual([
      [2, 1],
      [0, 1],
    ])
    expect(await lists.read(one.id)).toMatchObject({ pending: 2, completed: 1 })
    await lists.remove(one.id)
    expect(await numbers()).toEqual([[0, 1]])
    expect(await lists.trash()).toMatchObject([{ id: one.id, pending: 3, completed: 1 }])
  })

  test('a list takes its tasks and their parts to the trash and back, but not what was there before', async () => {
    const { ann, lists } = people()
    const [list, other] = [await lists.create(), await lists.create({ name: 'other' })]
    const parent = await ann.create({ title: 'parent', list_id: list.id })
    const part = await ann.create({ title: 'part elsewhere', parent_id: parent.id, list_id: other.id })
    await ann.create({ title: 'part without a list', parent_id: parent.id })
    const before = await ann.create({ title: 'before', list_id: list.id })
    await ann.remove(before.id)
    const last = await ann.create({ title: 'other', list_id: other.id })
    const revision = last.revision

    await lists.remove(list.id)
    expect(titlesOf(await ann.list())).toEqual(['other'])
    expect(titlesOf(await ann.trash())).toEqual(['before', 'parent', 'part elsewhere', 'part without a list'])
    expect((await lists.trash()).map(({ id, revision }) => [id, revision])).toEqual([[list.id, revision + 1]])
    // Each row has a revision of its own.
    const { changes, next } = await ann.changes(`?since=${revision + 1}`)
    expect(changes.map((task) => task.revision)).toEqual([revision + 2, revision + 3, revision + 4])
    expect(next).toBe(revision + 4)
    await expectProblem(await lists.get(list.id), 404, 'list-not-found')
    await expectProblem(await lists.delete(list.id), 404, 'list-not-found')

    expect(await lists.restored(list.id)).toMatchObject({ revision: revision + 5, deleted_at: null })
    expect(titlesOf(await ann.list())).toEqual(['other', 'parent', 'part elsewhere', 'part without a list'])
    expect(await ann.read(part.id)).toMatchObject({ parent_id: parent.id, list_id: other.id })
    expect(await ann.read(parent.id)).toMatchObject({ list_id: list.id })
    expect(titlesOf(await ann.trash())).toEqual(['before'])
    await expectProblem(await lists.restore(list.id), 404, 'list-not-found')
  })

  test('a task that is restored alone leaves its list in the trash, takes its parts along, and stays out of the list', async () => {
    const { ann, lists } = people()
    const list = await lists.create()
    const parent = await ann.create({ title: 'parent', list_id: list.id })
    const part = await ann.create({ title: 'part', parent_id: parent.id, list_id: list.id })
    await ann.create({ title: 'rest', list_id: list.id })
    await lists.remove(list.id)
    await ann.send('POST', `/tasks/${parent.id}/restore`)
    expect(titlesOf(await ann.list())).toEqual(['parent', 'part'])
    expect(await ann.read(parent.id)).toMatchObject({ list_id: null })
    expect(await ann.read(part.id)).toMatchObject({ list_id: null, parent_id: parent.id })
    await lists.restored(list.id)
    expect(await lists.read(list.id)).toMatchObject({ pending: 1 })
    expect(await ann.read(parent.id)).toMatchObject({ list_id: null })
  })

  test('a list that is deleted for good takes what went with it, and leaves a tombstone', async () => {
    const { ann, lists } = people()
    const list = await lists.create({ name: 'Zanzibar' })
    const parent = await ann.create({ title: 'parent', list_id: list.id })
    await ann.create({ title: 'part', parent_id: parent.id })
    const before = await ann.create({ title: 'before', list_id: list.id })
    await ann.remove(before.id)
    await lists.remove(list.id)
    await expectProblem(await lists.purge(NO_LIST), 404, 'list-not-found')
    expect((await lists.purge(list.id)).status).toBe(204)
    expect(await lists.trash()).toEqual([])
    expect(titlesOf(await ann.trash())).toEqual(['before'])
    await expectProblem(await lists.restore(list.id), 404, 'list-not-found')
    expect(await jsonOf<Task>(await ann.send('POST', `/tasks/${before.id}/restore`))).toMatchObject({ list_id: null })
    expect(JSON.stringify(await ann.changes())).not.toContain('Zanzibar')
  })

  test.each(['list', 'stranger', 'trash'])('a %s that cannot be is 422 as the list of a task', async (what) => {
    const { ann, lists } = people()
    const ids: Record<string, () => Promise<string>> = {
      list: async () => NO_LIST,
      stranger: async () => (await listsOf(newUser(service())).create()).id,
      trash: async () => {
        const { id } = await lists.create()
        await lists.remove(id)
        return id
      },
    }
    const list_id = await ids[what]?.()
    const task = await ann.create()
    for (const answer of [
      await ann.post({ title: 'x', list_id }),
      await ann.put(task.id, { list_id }),
      await ann.patch(task.id, { list_id }),
    ]) {
      const { detail } = await expectProblem(answer, 422, 'validation-failed', { pointers: ['/list_id'] })
      expect(detail).toBe('list_id must be one of your lists that is not in the trash, or null.')
    }
    const both = await ann.post({ title: 'x', list_id, parent_id: NO_TASK })
    await expectProblem(both, 422, 'validation-failed', { pointers: ['/list_id', '/parent_id'] })
    expect(await ann.list()).toEqual([task])
  })

  test('a task moves between lists and out of them', async () => {
    const { ann, lists } = people()
    const [one, two] = [await lists.create(), await lists.create()]
    const { id } = await ann.create({ list_id: one.id })
    expect((await ann.update(id, { list_id: two.id })).list_id).toBe(two.id)
    expect((await ann.update(id, { title: 'x' })).list_id).toBe(two.id)
    expect((await ann.update(id, { list_id: null })).list_id).toBeNull()
    await lists.remove(two.id)
    expect(await ann.read(id)).toMatchObject({ title: 'x' })
  })

  test('an erasure takes the lists', async () => {
    const { ann, lists } = people()
    await lists.create()
    expect((await ann.send('DELETE', `?confirm=${ann.id}`)).status).toBe(204)
    expect(await lists.all()).toEqual([])
    expect(await lists.trash()).toEqual([])
  })

  test('500 lists, and no more: not by a new one, nor by one out of the trash', async () => {
    const { lists } = people()
    const first = await lists.create()
    await lists.remove(first.id)
    const made = Array.from({ length: 499 }, (_, n) => lists.create({ name: `${n}` }))
    await Promise.all(made)
    await lists.create()
    await expectProblem(await lists.post({ name: 'x' }), 403, 'too-many-lists')
    await expectProblem(await lists.restore(first.id), 403, 'too-many-lists')
    const all = await lists.all()
    expect(all).toHaveLength(500)
    expect(new Set(all.map(({ position }) => position)).size).toBe(500)
    await lists.remove(all[0]?.id ?? '')
    expect(await lists.restored(first.id)).toMatchObject({ deleted_at: null })
  })
})
