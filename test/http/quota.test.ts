import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { jsonOf, newUser, type Task, taskOf, type User } from '../kit/user.ts'

/** Of the longest that there are. */
const LONG = 'x'.repeat(10_000)
const QUOTA = 1_000_000

describe.each(databases)('USER_QUOTA_MB=1 over %s', (kind) => {
  const service = useService(kind, { USER_QUOTA_MB: '1' })

  /** Creates long tasks until one is refused. */
  async function fill(user: User, description = LONG): Promise<Task[]> {
    const made: Task[] = []
    for (;;) {
      const answer = await user.post({ title: `${made.length}`, description })
      if (answer.status !== 201) {
        await expectProblem(answer, 403, 'quota-exceeded', { unseen: ['xxx'] })
        return made
      }
      made.push(await taskOf(answer, 201))
    }
  }

  test('some 1,000,000 bytes of UTF-8 find room, in however many characters, and each user has their own', async () => {
    for (const [description, bytes] of [
      [LONG, 10_000],
      ['買'.repeat(10_000), 30_000],
      ['🛒'.repeat(5000), 20_000],
    ] as const) {
      const made = await fill(newUser(service()), description)
      // A task counts a little more than its texts.
      expect(made.length * bytes).toBeWithin(QUOTA * 0.93, QUOTA)
    }
    expect((await newUser(service()).post({ title: 'of another' })).status).toBe(201)
  })

  test('a row counts beside its texts, and tags are text as well', async () => {
    const fill = (tasks: number, tags: string[]) => Array.from({ length: tasks }, () => ({ title: 'x', tags }))
    const tags = Array.from({ length: 20 }, (_, i) => `${i}`.padEnd(50, 'x'))
    for (const [fits, refused] of [
      [fill(1000, []), fill(20_000, [])],
      [fill(500, tags), fill(990, tags)],
    ] as const) {
      const user = newUser(service())
      await expectProblem(await user.send('POST', '/import', refused), 403, 'quota-exceeded')
      expect(await jsonOf<unknown>(await user.send('POST', '/import', fits))).toMatchObject({ imported: fits.length })
    }
  })

  test('what needs more room is 403 and does nothing; everything else goes on', async () => {
    const user = newUser(service())
    const made = await fill(user)
    const [first, second, third] = made as [Task, Task, Task]
    const { next } = await user.changes()
    const needMore: [method: string, path: string, body: unknown, pointers?: string[]][] = [
      ['POST', '/tasks', { title: 'x', description: LONG }],
      [
        'PUT',
        `/tasks/${first.id}`,
        { tags: Array.from({ length: 20 }, (_, i) => `${i}`.padEnd(500, '買').slice(0, 50)) },
      ],
      ['PATCH', `/tasks/${first.id}`, { description: '買'.repeat(10_000) }],
      ['POST', '/import', [{ title: 'small' }, { title: 'x', description: LONG }]],
      [
        'POST',
        '/batch',
        {
          operations: [
            { op: 'delete', id: second.id },
            { op: 'create', task: { title: 'x', description: LONG } },
          ],
        },
        ['/operations/1'],
      ],
      [
        'POST',
        '/batch',
        { operations: [{ op: 'update', id: first.id, task: { description: '買'.repeat(9000) } }] },
        ['/operations/0'],
      ],
    ]
    for (const [method, path, body, pointers] of needMore) {
      const answer = await user.send(method, path, body)
      await expectProblem(answer, 403, 'quota-exceeded', pointers ? { pointers } : {})
    }
    expect((await user.changes()).next).toBe(next)
    expect(await user.list()).toEqual(made.toReversed())

    // As long as before, shorter, and what has no length.
    expect(await user.update(first.id, { description: 'y'.repeat(10_000) })).toMatchObject({ title: first.title })
    expect(await user.update(first.id, { priority: 'high', position: 7 })).toMatchObject({ priority: 'high' })
    expect(await taskOf(await user.complete(first.id))).toMatchObject({ completed: true })
    expect(await taskOf(await user.complete(first.id, { completed: false }))).toMatchObject({ completed: false })
    await user.remove(second.id)
    expect(await taskOf(await user.send('POST', `/tasks/${second.id}/restore`))).toMatchObject({ title: second.title })
    await user.batch([
      { op: 'complete', id: third.id, completed: true },
      { op: 'update', id: third.id, task: { title: '-' } },
    ])
    expect(await jsonOf<unknown>(await user.send('DELETE', '/tasks?status=completed'))).toEqual({ deleted: 1 })
    expect((await user.changes()).next).toBe(next + 9)
  })

  test('room comes back by shortening and by purging, not by the trash alone', async () => {
    const user = newUser(service())
    const made = await fill(user)
    const [first, second] = made as [Task, Task]
    // Shorter by what the rows themselves take: a tombstone keeps that.
    const another = () => user.post({ title: '-', description: LONG.slice(1000) })

    await user.remove(first.id)
    await expectProblem(await another(), 403, 'quota-exceeded')
    expect((await user.send('DELETE', `/trash/${first.id}`)).status).toBe(204)
    expect((await another()).status).toBe(201)
    await expectProblem(await another(), 403, 'quota-exceeded')

    await user.update(second.id, { description: null })
    expect((await another()).status).toBe(201)
    await expectProblem(await another(), 403, 'quota-exceeded')

    // Tombstones and short rows take little of it: a quota that is used up and emptied again has room as before.
    for (const { id } of await user.list()) {
      await user.remove(id)
      expect((await user.send('DELETE', `/trash/${id}`)).status).toBe(204)
    }
    expect((await fill(user)).length).toBeWithin(made.length - 6, made.length + 1)

    expect((await user.send('DELETE', `?confirm=${user.id}`)).status).toBe(204)
    expect(await fill(user)).toHaveLength(made.length)
  })

  test('of many writes at once no more go through than there is room for', async () => {
    const alone = (await fill(newUser(service()))).length
    const user = newUser(service())
    const answers = await Promise.all(
      Array.from({ length: alone + 20 }, (_, i) => user.post({ title: `${i % 10}${i % 7}`, description: LONG })),
    )
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(alone)
    expect(answers.filter(({ status }) => status === 403)).toHaveLength(20)
    const [one] = await user.list('?limit=1')
    const growing = await Promise.all(
      Array.from({ length: 10 }, () => user.put(one?.id ?? '', { description: '買'.repeat(10_000) })),
    )
    expect(growing.map(({ status }) => status)).toEqual(Array(10).fill(403))
  })

  test('an import counts what it brings, and a refused one nothing', async () => {
    const user = newUser(service())
    const file = (tasks: number) =>
      Array.from({ length: tasks }, (_, i) => ({ id: Bun.randomUUIDv7(), title: `${i}`, description: LONG }))
    const small = file(50)
    expect(await jsonOf<unknown>(await user.send('POST', '/import', small))).toMatchObject({ imported: 50 })
    await expectProblem(await user.send('POST', '/import', file(60)), 403, 'quota-exceeded')
    expect((await user.send('POST', '/import?dry_run=true', file(10))).status).toBe(200)
    expect(await user.list()).toHaveLength(50)
    // What is there already counts once.
    expect(await jsonOf<unknown>(await user.send('POST', '/import', small))).toMatchObject({ skipped: 50 })
    expect(await jsonOf<unknown>(await user.send('POST', '/import', file(40)))).toMatchObject({ imported: 40 })
    expect((await fill(user)).length).toBeWithin(5, 10)
  })

  test('under an Idempotency-Key a refusal is not kept: the same request goes through once there is room', async () => {
    const user = newUser(service())
    const [first] = await fill(user)
    const once = () => user.post({ title: '-', description: LONG }, { 'idempotency-key': 'k' })
    await expectProblem(await once(), 403, 'quota-exceeded')
    await user.remove(first?.id ?? '')
    await user.send('DELETE', `/trash/${first?.id}`)
    const answer = await once()
    expect([answer.status, answer.headers.has('idempotency-replayed')]).toEqual([201, false])
    expect((await once()).headers.get('idempotency-replayed')).toBe('true')
  })
})

describe.each(databases)('USER_QUOTA_MB=0 over %s', (kind) => {
  const service = useService(kind, { USER_QUOTA_MB: '0' })

  test('bounds nothing', async () => {
    const user = newUser(service())
    const operations = Array.from({ length: 100 }, () => ({ op: 'create', task: { title: 'x', description: LONG } }))
    await user.batch(operations)
    expect((await user.create({ description: LONG })).title).toBe('Buy milk')
  })
})
