import { beforeEach, describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { newUser, type User } from '../kit/user.ts'

const ID = '01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80'
const good = { op: 'create', task: { title: 'good' } }

/** A refused operation, and where its problem points; `task` stands for the id of a task that is at hand. */
const refused: [name: string, operation: (task: string) => unknown, status: number, code: string, pointer: string][] = [
  ['no object', () => 'create', 422, 'validation-failed', ''],
  ['an unknown op', () => ({ op: 'purge', id: ID }), 422, 'validation-failed', '/op'],
  ['no op', () => ({ id: ID }), 422, 'validation-failed', '/op'],
  ['an unknown member', () => ({ ...good, when: 'now' }), 422, 'validation-failed', '/when'],
  ['an update with no id', () => ({ op: 'update', task: { title: 'x' } }), 422, 'validation-failed', '/id'],
  ['a complete with no id', () => ({ op: 'complete' }), 422, 'validation-failed', '/id'],
  ['a delete with no id', () => ({ op: 'delete' }), 422, 'validation-failed', '/id'],
  ['a restore with no id', () => ({ op: 'restore' }), 422, 'validation-failed', '/id'],
  ['an id that is none', () => ({ op: 'delete', id: '7' }), 422, 'validation-failed', '/id'],
  ['a negative if_revision', (id) => ({ op: 'delete', id, if_revision: -1 }), 422, 'validation-failed', '/if_revision'],
  ['if_revision as text', (id) => ({ op: 'delete', id, if_revision: '1' }), 422, 'validation-failed', '/if_revision'],
  [
    'an if_revision past every counter',
    (id) => ({ op: 'delete', id, if_revision: 1_000_000_000_000_000 }),
    422,
    'validation-failed',
    '/if_revision',
  ],
  ['if_revision on create', () => ({ ...good, if_revision: 1 }), 422, 'validation-failed', '/if_revision'],
  ['a create without a task', () => ({ op: 'create' }), 422, 'validation-failed', '/task'],
  ['a create without a title', () => ({ op: 'create', task: {} }), 422, 'validation-failed', '/task/title'],
  [
    'a create with a bad field',
    () => ({ op: 'create', task: { title: 'x', tags: [''] } }),
    422,
    'validation-failed',
    '/task/tags',
  ],
  [
    'a create with an unknown field',
    () => ({ op: 'create', task: { title: 'x', colour: 1 } }),
    422,
    'validation-failed',
    '/task/colour',
  ],
  [
    'a create with two ids',
    () => ({ op: 'create', id: ID, task: { id: crypto.randomUUID(), title: 'x' } }),
    422,
    'validation-failed',
    '/task/id',
  ],
  ['a create with a taken id', (id) => ({ op: 'create', id, task: { title: 'x' } }), 409, 'task-exists', ''],
  ['an update with nothing to change', (id) => ({ op: 'update', id, task: {} }), 422, 'validation-failed', '/task'],
  ['an update without a task', (id) => ({ op: 'update', id }), 422, 'validation-failed', '/task'],
  [
    'an update with a bad title',
    (id) => ({ op: 'update', id, task: { title: ' ' } }),
    422,
    'validation-failed',
    '/task/title',
  ],
  ['an update of no task', () => ({ op: 'update', id: ID, task: { title: 'x' } }), 404, 'task-not-found', ''],
  [
    'an outdated update',
    (id) => ({ op: 'update', id, if_revision: 0, task: { title: 'x' } }),
    412,
    'revision-mismatch',
    '',
  ],
  [
    'an update at the greatest if_revision',
    (id) => ({ op: 'update', id, if_revision: 999_999_999_999_999, task: { title: 'x' } }),
    412,
    'revision-mismatch',
    '',
  ],
  ['an outdated complete', (id) => ({ op: 'complete', id, if_revision: 2 }), 412, 'revision-mismatch', ''],
  ['an outdated delete', (id) => ({ op: 'delete', id, if_revision: 2 }), 412, 'revision-mismatch', ''],
  ['a complete with fields', (id) => ({ op: 'complete', id, task: { title: 'x' } }), 422, 'validation-failed', '/task'],
  [
    'a complete that is neither',
    (id) => ({ op: 'complete', id, completed: 'yes' }),
    422,
    'validation-failed',
    '/completed',
  ],
  ['a delete with completed', (id) => ({ op: 'delete', id, completed: true }), 422, 'validation-failed', '/completed'],
  [
    'an update with completed outside its task',
    (id) => ({ op: 'update', id, task: { title: 'x' }, completed: true }),
    422,
    'validation-failed',
    '/completed',
  ],
  [
    'a create with completed outside its task',
    () => ({ ...good, completed: true }),
    422,
    'validation-failed',
    '/completed',
  ],
  ['a restore of what is not in the trash', (id) => ({ op: 'restore', id }), 404, 'task-not-found', ''],
]

const refusedWhole: [name: string, body: unknown, status: number, pointer: string][] = [
  ['no object', [good], 422, ''],
  ['no operations', {}, 422, '/operations'],
  ['an empty list', { operations: [] }, 422, '/operations'],
  ['101 operations', { operations: Array(101).fill(good) }, 422, '/operations'],
  ['operations that are no list', { operations: good }, 422, '/operations'],
  ['a member beside them', { operations: [good], atomic: false }, 422, '/atomic'],
]

describe.each(databases)('batches over %s', (kind) => {
  const service = useService(kind)
  let user: User
  beforeEach(() => {
    user = newUser(service())
  })

  test('every operation does what its endpoint does, in order, seeing those before it', async () => {
    const other = await user.create({ title: 'other' })
    const before = other.revision
    const results = await user.batch([
      { op: 'create', id: ID, task: { title: ' made ', tags: ['a'] } },
      { op: 'update', id: ID, if_revision: before + 1, task: { title: 'changed', description: null, revision: 99 } },
      { op: 'complete', id: ID, completed: true },
      { op: 'complete', id: ID, completed: true, if_revision: before + 3 },
      { op: 'complete', id: ID },
      { op: 'delete', id: ID, if_revision: before + 5 },
      { op: 'restore', id: ID, if_revision: before + 6 },
      { op: 'delete', id: other.id },
    ])
    expect(
      results.map(({ status, task: { id, revision, title, completed, deleted_at } }) => [
        status,
        id === ID,
        revision - before,
        title,
        completed,
        deleted_at !== null,
      ]),
    ).toEqual([
      [201, true, 1, 'made', false, false],
      [200, true, 2, 'changed', false, false],
      [200, true, 3, 'changed', true, false],
      [200, true, 4, 'changed', true, false],
      [200, true, 5, 'changed', false, false],
      [204, true, 6, 'changed', false, true],
      [200, true, 7, 'changed', false, false],
      [204, false, 8, 'other', false, true],
    ])
    expect(await user.list()).toEqual(results.slice(6, 7).map(({ task }) => task))
    expect((await user.changes()).next).toBe(before + 8)
  })

  test('100 operations are not too many, and their tasks stand in their order', async () => {
    const results = await user.batch(Array.from({ length: 100 }, (_, i) => ({ op: 'create', task: { title: `${i}` } })))
    expect(results.map(({ task }) => task.position)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
    expect(await user.list('?sort=position')).toEqual(results.map(({ task }) => task))
  })

  for (const [name, operation, status, code, pointer] of refused)
    test(`${name} is refused by its index, and nothing is done`, async () => {
      const task = await user.create({ title: 'before' })
      const answer = await user.send('POST', '/batch', { operations: [good, good, operation(task.id), good] })
      await expectProblem(answer, status, code, { pointers: [`/operations/2${pointer}`] })
      expect(await user.changes()).toEqual({ changes: [task], lists: [], next: task.revision, more: false })
    })

  // As text: a JavaScript number cannot hold the first two. The bigint of PostgreSQL ends at 2^63 - 1.
  for (const number of ['9223372036854775806', '9223372036854775807', '9223372036854775808', '1e30'])
    test(`if_revision ${number} is 422, and nothing is done`, async () => {
      const task = await user.create({ title: 'before' })
      const body = `{"operations":[{"op":"delete","id":"${task.id}","if_revision":${number}}]}`
      const answer = await user.send('POST', '/batch', body, { 'content-type': 'application/json' })
      await expectProblem(answer, 422, 'validation-failed', { pointers: ['/operations/0/if_revision'] })
      expect(await user.changes()).toEqual({ changes: [task], lists: [], next: task.revision, more: false })
    })

  for (const [name, body, status, pointer] of refusedWhole)
    test(`${name} is refused`, async () => {
      const answer = await user.send('POST', '/batch', body)
      await expectProblem(answer, status, 'validation-failed', { pointers: [pointer] })
      expect((await user.changes()).next).toBe(0)
    })

  test("another user's task is 404 as a missing one is", async () => {
    const { id, revision } = await newUser(service()).create({ title: 'theirs' })
    for (const operation of [
      { op: 'update', id, task: { title: 'x' } },
      { op: 'complete', id },
      { op: 'delete', id },
      { op: 'delete', id, if_revision: revision },
    ])
      await expectProblem(await user.send('POST', '/batch', { operations: [operation] }), 404, 'task-not-found', {
        pointers: ['/operations/0'],
      })
  })

  test('batches and single writes at once queue, and none is lost', async () => {
    const { id, revision } = await user.create({ title: 'x' })
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        i % 2 === 0
          ? user.batch([{ op: 'complete', id }, good, { op: 'complete', id }])
          : user.update(id, { title: `edit ${i}` }),
      ),
    )
    expect((await user.changes()).next).toBe(revision + 40)
    expect((await user.list()).length).toBe(11)
    expect(await user.read(id)).toMatchObject({ completed: false })
  })
})
