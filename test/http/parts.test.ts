import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { ifMatch, jsonOf, NO_TASK, newUser, type Task, type User } from '../kit/user.ts'

const restore = (user: User, id: string, headers = {}) => user.send('POST', `/tasks/${id}/restore`, undefined, headers)
const restored = async (user: User, id: string) => jsonOf<Task>(await restore(user, id))
const titlesOf = (tasks: Task[]) => tasks.map(({ title }) => title).sort()

/** A parent with two parts. */
async function family(user: User) {
  const parent = await user.create({ title: 'parent' })
  const [one, two] = [
    await user.create({ title: 'one', parent_id: parent.id }),
    await user.create({ title: 'two', parent_id: parent.id }),
  ]
  return { parent, one, two }
}

describe.each(databases)('parts of a task over %s', (kind) => {
  const service = useService(kind)

  test('a part names its parent, and is a task like any other', async () => {
    const ann = newUser(service())
    const { parent, one, two } = await family(ann)
    expect([one.parent_id, two.parent_id, parent.parent_id]).toEqual([parent.id, parent.id, null])
    expect([one.revision, two.revision]).toEqual([parent.revision + 1, parent.revision + 2])
    expect(await ann.read(parent.id)).toEqual(parent)
    expect(titlesOf(await ann.list())).toEqual(['one', 'parent', 'two'])
    expect((await ann.update(one.id, { parent_id: null })).parent_id).toBeNull()
    expect((await ann.update(one.id, { parent_id: parent.id.toUpperCase() })).parent_id).toBe(parent.id)
    expect((await ann.update(one.id, { ...(await ann.read(one.id)), title: 'again' })).parent_id).toBe(parent.id)
  })

  const bad: [what: string, parentOf: (ann: User, bob: User) => Promise<string>][] = [
    ['no task', async () => NO_TASK],
    ["another user's task", async (_, bob) => (await bob.create()).id],
    ['a part', async (ann) => (await family(ann)).one.id],
    [
      'a task in the trash',
      async (ann) => {
        const { id } = await ann.create()
        await ann.remove(id)
        return id
      },
    ],
  ]
  test.each(bad)('%s as a parent is 422 with its pointer, and changes nothing', async (_, parentOf) => {
    const [ann, bob] = [newUser(service()), newUser(service())]
    const task = await ann.create()
    const parent_id = await parentOf(ann, bob)
    const before = await ann.changes()
    const sentences = []
    for (const answer of [
      await ann.post({ title: 'x', parent_id }),
      await ann.post({ title: 'x', parent_id }, { 'idempotency-key': 'k' }),
      await ann.put(task.id, { title: 'x', parent_id }),
      await ann.patch(task.id, { parent_id }),
    ])
      sentences.push((await expectProblem(answer, 422, 'validation-failed', { pointers: ['/parent_id'] })).detail)
    // A missing one and another user's cannot be told apart.
    expect(new Set(sentences)).toEqual(
      new Set(['parent_id must be one of your tasks that is not in the trash and no part itself, or null.']),
    )
    const batch = [{ op: 'update', id: task.id, task: { parent_id } }]
    await expectProblem(await ann.send('POST', '/batch', { operations: batch }), 422, 'validation-failed', {
      pointers: ['/operations/0/task/parent_id'],
    })
    expect(await ann.changes()).toEqual(before)
  })

  test('a value that is no UUID is 422, and so is the task itself as its parent, and a parent as a part', async () => {
    const ann = newUser(service())
    const { parent, one } = await family(ann)
    const other = await ann.create()
    for (const parent_id of ['x', 7, {}, '', `${parent.id} `])
      await expectProblem(await ann.post({ title: 'x', parent_id }), 422, 'validation-failed', {
        pointers: ['/parent_id'],
      })
    for (const [id, parent_id] of [
      [other.id, other.id],
      [other.id, other.id.toUpperCase()],
      [parent.id, other.id],
      [parent.id, one.id],
    ] as const)
      await expectProblem(await ann.put(id, { parent_id }), 422, 'validation-failed', { pointers: ['/parent_id'] })
    for (const id of [one.id, (await ann.list('?q=two'))[0]?.id ?? '']) await ann.update(id, { parent_id: null })
    expect((await ann.update(parent.id, { parent_id: other.id })).parent_id).toBe(other.id)
  })

  test('refusals keep their order: 422 before 404 before 412', async () => {
    const ann = newUser(service())
    const { parent, one } = await family(ann)
    await expectProblem(await ann.put(NO_TASK, { parent_id: NO_TASK }), 422, 'validation-failed')
    await expectProblem(await ann.put(NO_TASK, { parent_id: parent.id }), 404, 'task-not-found')
    await expectProblem(await ann.put(one.id, { parent_id: NO_TASK }, ifMatch(1)), 422, 'validation-failed')
    await expectProblem(await ann.put(one.id, { parent_id: parent.id }, ifMatch(1)), 412, 'revision-mismatch')
    await expectProblem(await ann.post({ title: 'x', id: one.id, parent_id: parent.id }), 409, 'task-exists')
  })

  test('deleting a parent takes its parts along, each with a revision, and restoring it brings back those', async () => {
    const ann = newUser(service())
    const { parent, one, two } = await family(ann)
    const other = await ann.create({ title: 'other' })
    await ann.remove(one.id)
    await ann.remove(parent.id)
    expect(titlesOf(await ann.list())).toEqual(['other'])
    expect(titlesOf(await ann.trash())).toEqual(['one', 'parent', 'two'])
    const after = other.revision + 1
    expect((await ann.changes(`?since=${after}`)).changes.map(({ id, revision }) => [id, revision])).toEqual([
      [parent.id, after + 1],
      [two.id, after + 2],
    ])
    expect((await restored(ann, parent.id)).revision).toBe(after + 3)
    // What was in the trash before stays there.
    expect(titlesOf(await ann.list())).toEqual(['other', 'parent', 'two'])
    expect((await ann.read(two.id)).revision).toBe(after + 4)
    expect((await restored(ann, one.id)).parent_id).toBe(parent.id)
  })

  test('a part that comes back alone has no parent any more, and stays when that one comes back', async () => {
    const ann = newUser(service())
    const { parent, one, two } = await family(ann)
    await ann.remove(parent.id)
    expect(await restored(ann, one.id)).toMatchObject({ parent_id: null, deleted_at: null })
    await restored(ann, parent.id)
    expect(await ann.read(one.id)).toMatchObject({ parent_id: null })
    expect(await ann.read(two.id)).toMatchObject({ parent_id: parent.id })
  })

  test('a part whose parent has become a part meanwhile comes back without it', async () => {
    const ann = newUser(service())
    const [top, parent] = [await ann.create(), await ann.create()]
    const { id } = await ann.create({ parent_id: parent.id })
    await ann.remove(id)
    await ann.update(parent.id, { parent_id: top.id })
    expect(await restored(ann, id)).toMatchObject({ parent_id: null })
  })

  test('a purge takes what went along, and leaves what was in the trash before', async () => {
    const ann = newUser(service())
    const { parent, one, two } = await family(ann)
    await ann.remove(one.id)
    await ann.remove(parent.id)
    expect((await ann.send('DELETE', `/trash/${parent.id}`)).status).toBe(204)
    expect(titlesOf(await ann.trash())).toEqual(['one'])
    await expectProblem(await restore(ann, two.id), 404, 'task-not-found')
    expect(await restored(ann, one.id)).toMatchObject({ parent_id: null })
  })

  test('If-Match on a parent judges its own revision, and refuses the whole', async () => {
    const ann = newUser(service())
    const { parent, one, two } = await family(ann)
    await expectProblem(await ann.delete(parent.id, ifMatch(two.revision)), 412, 'revision-mismatch')
    expect(await ann.list()).toHaveLength(3)
    expect((await ann.delete(parent.id, ifMatch(parent.revision))).status).toBe(204)
    await expectProblem(await restore(ann, parent.id, ifMatch(parent.revision)), 412, 'revision-mismatch')
    expect(await ann.trash()).toHaveLength(3)
    expect((await restore(ann, parent.id, ifMatch(two.revision + 1))).status).toBe(200)
    expect((await ann.read(one.id)).revision).toBeGreaterThan(two.revision)
  })

  test('completing a parent leaves its parts, and clearing what is completed takes the parts of a parent along', async () => {
    const ann = newUser(service())
    const { parent, one, two } = await family(ann)
    const [open, done] = [await ann.create({ title: 'open' }), await ann.create({ title: 'done', completed: true })]
    const part = await ann.create({ title: 'part', parent_id: open.id, completed: true })
    await ann.complete(parent.id)
    await ann.complete(one.id)
    expect((await ann.read(two.id)).completed).toBe(false)
    const cleared = await ann.send('DELETE', '/tasks?status=completed')
    expect(await jsonOf<object>(cleared)).toEqual({ deleted: 5 })
    expect(titlesOf(await ann.list())).toEqual(['open'])
    await restored(ann, parent.id)
    expect(titlesOf(await ann.list())).toEqual(['one', 'open', 'parent', 'two'])
    for (const id of [done.id, part.id]) await restored(ann, id)
    expect(await ann.read(part.id)).toMatchObject({ parent_id: open.id })
  })

  test('a batch sees its own parents, and is undone as a whole', async () => {
    const ann = newUser(service())
    const [id, part] = [crypto.randomUUID(), crypto.randomUUID()]
    const operations = [
      { op: 'create', id, task: { title: 'parent' } },
      { op: 'create', id: part, task: { title: 'part', parent_id: id } },
      { op: 'delete', id },
    ]
    await expectProblem(
      await ann.send('POST', '/batch', {
        operations: [...operations, { op: 'update', id: part, task: { title: 'x' } }],
      }),
      404,
      'task-not-found',
      { pointers: ['/operations/3'] },
    )
    expect(await ann.changes()).toMatchObject({ changes: [] })
    await ann.batch([...operations, { op: 'restore', id }])
    expect(titlesOf(await ann.list())).toEqual(['parent', 'part'])
    expect((await ann.read(part)).parent_id).toBe(id)
  })
})
