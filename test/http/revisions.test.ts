import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { ifMatch, NO_TASK, newUser, taskOf, type User } from '../kit/user.ts'

/** Every way to change a task, a deletion last. */
const writes: [name: string, write: (ann: User, id: string, headers?: Record<string, string>) => Promise<Response>][] =
  [
    ['PUT', (ann, id, headers) => ann.put(id, { title: 'y' }, headers)],
    ['PATCH', (ann, id, headers) => ann.patch(id, { title: 'z' }, headers)],
    ['complete', (ann, id, headers) => ann.complete(id, undefined, headers)],
    ['DELETE', (ann, id, headers) => ann.delete(id, headers)],
  ]

describe.each(databases)('revisions over %s', (kind) => {
  const service = useService(kind)

  test('every change raises the counter by one, whichever task it is of', async () => {
    const ann = newUser(service())
    const [one, two] = [await ann.create(), await ann.create()]
    const first = one.revision
    expect(two.revision).toBe(first + 1)
    expect((await taskOf(await ann.put(one.id, { title: 'x' }))).revision).toBe(first + 2)
    expect((await taskOf(await ann.patch(two.id, { title: 'x' }))).revision).toBe(first + 3)
    expect((await taskOf(await ann.complete(one.id))).revision).toBe(first + 4)
    expect((await taskOf(await ann.complete(one.id, { completed: true }))).revision).toBe(first + 5)
    expect((await ann.delete(one.id)).status).toBe(204)
    expect((await ann.create()).revision).toBe(first + 7)
    expect((await ann.read(two.id)).revision).toBe(first + 3)
  })

  test('each user counts alone', async () => {
    const [ann, bob] = [newUser(service()), newUser(service())]
    const [first, other] = [(await ann.create()).revision, (await bob.create()).revision]
    for (const writes of [1, 2]) expect((await ann.create()).revision).toBe(first + writes)
    expect((await bob.create()).revision).toBe(other + 1)
  })

  test("a user's first revision is one more than the clock's milliseconds since 1970, whatever the first write is", async () => {
    const firsts: ((ann: User) => Promise<{ revision: number }>)[] = [
      (ann) => ann.create(),
      async (ann) => taskOf(await ann.post({ title: 'x' }, { 'idempotency-key': 'first' }), 201),
      async (ann) => (await ann.batch([{ op: 'create', task: { title: 'x' } }]))[0]?.task ?? { revision: 0 },
      async (ann) => {
        await ann.send('POST', '/import', [{ title: 'x' }])
        return (await ann.list())[0] ?? { revision: 0 }
      },
    ]
    for (const first of firsts) {
      const ann = newUser(service())
      const before = Date.now()
      const { revision } = await first(ann)
      // The two clocks are one here; a second is for the database's own share of a busy machine.
      expect(revision).toBeWithin(before - 1000, Date.now() + 1000)
      expect((await ann.create()).revision).toBe(revision + 1)
    }
  })

  test('a user who has never written is at revision 0, also after a refused write', async () => {
    const ann = newUser(service())
    const revisionNow = async () => (await ann.send('GET', '/tasks')).headers.get('etag')
    expect(await revisionNow()).toBe('"0"')
    await ann.post({ title: '' })
    await ann.delete(NO_TASK)
    await ann.send('POST', '/batch', { operations: [{ op: 'delete', id: NO_TASK }] })
    expect(await revisionNow()).toBe('"0"')
    expect(await ann.changes()).toEqual({ changes: [], lists: [], next: 0, more: false })
  })

  test('reads and refused writes raise nothing', async () => {
    const ann = newUser(service())
    const task = await ann.create()
    const deleted = await ann.create()
    await ann.delete(deleted.id)
    const before = await ann.revision()
    await ann.list()
    await ann.read(task.id)
    const refusals = [
      await ann.post({ title: '' }),
      await ann.post('{', { 'content-type': 'application/json' }),
      await ann.post({ title: 'x', id: task.id }),
      await ann.post({ title: 'x', id: deleted.id }),
      await ann.put(task.id, {}),
      await service().request('bob', 'PUT', `${ann.tasks}/${task.id}`, { title: 'x' }),
      await service().request(undefined, 'DELETE', `${ann.tasks}/${task.id}`),
    ]
    for (const [, write] of writes) for (const id of [NO_TASK, deleted.id, '1']) refusals.push(await write(ann, id))
    for (const [, write] of writes) refusals.push(await write(ann, task.id, ifMatch(task.revision + 1)))
    for (const { status } of refusals) expect(status).toBeWithin(400, 500)
    // The first call of `revision` made one task itself.
    expect(await ann.revision()).toBe(before + 1)
    expect(await ann.read(task.id)).toEqual(task)
  })

  test('a client may choose the id, and may not choose it again', async () => {
    const [ann, bob] = [newUser(service()), newUser(service())]
    const id = crypto.randomUUID()
    const task = await ann.create({ id, title: 'First' })
    expect(task.id).toBe(id)
    for (const taken of [id, id.toUpperCase()])
      await expectProblem(await ann.post({ id: taken, title: 'Second' }), 409, 'task-exists', {
        unseen: [id, 'Second'],
      })
    expect(await ann.list()).toEqual([task])

    const others = await bob.create({ id, title: "Bob's" })
    expect(others).toMatchObject({ id, user_id: bob.id })
    expect(await ann.read(id)).toEqual(task)
    expect((await bob.delete(id)).status).toBe(204)
    await expectProblem(await bob.post({ id, title: 'Again' }), 409, 'task-exists')
    expect(await ann.list()).toEqual([task])
    expect(await ann.revision()).toBe(task.revision)
    expect(await bob.revision()).toBe(others.revision + 1)
  })

  test('an id is a UUID of any version, in either case, and nothing else', async () => {
    const ann = newUser(service())
    const upper = crypto.randomUUID().toUpperCase()
    const made = await ann.post({ id: upper, title: 'x' })
    expect(made.headers.get('location')).toBe(`${ann.tasks}/${upper.toLowerCase()}`)
    const task = await taskOf(made, 201)
    expect(task.id).toBe(upper.toLowerCase())
    for (const id of [upper, upper.toLowerCase()]) expect(await ann.read(id)).toEqual(task)
    const nil = '00000000-0000-0000-0000-000000000000'
    expect(await ann.create({ id: nil })).toMatchObject({ id: nil, revision: task.revision + 1 })
    const unfit = [
      null,
      5,
      '',
      'x',
      NO_TASK.slice(1),
      `{${NO_TASK}}`,
      `urn:uuid:${NO_TASK}`,
      NO_TASK.replaceAll('-', ''),
    ]
    for (const id of unfit)
      await expectProblem(await ann.post({ id, title: 'x' }), 422, 'validation-failed', { pointers: ['/id'] })
  })
})
