import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { drizzle } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import { forgetAnswers } from '../../src/http/kept-answers.ts'
import type { Task } from '../../src/tasks/model.ts'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { openSession } from '../kit/postgres-server.ts'
import { useService } from '../kit/service.ts'
import { newUser, type User } from '../kit/user.ts'

/** Answers of `hoard` that 32 MiB hold. */
const MOST_KEPT = 8

/** Gives a user tasks of 40 KB, all of which are in the answer to a batch of 6 KB, sent under a key or without. */
async function hoard(user: User, tasks = 100): Promise<(key: string | undefined) => Promise<Response>> {
  const operations = Array(25).fill({ op: 'create', task: { title: 'long', description: '\u{1F600}'.repeat(10_000) } })
  const made = []
  while (made.length < tasks) made.push(...(await user.batch(operations)))
  const completions = made.map(({ task }) => ({ op: 'complete', id: task.id, completed: true }))
  return (key) =>
    user.send('POST', '/batch', { operations: completions }, key === undefined ? {} : { 'idempotency-key': key })
}

/** How many answers are kept under the keys `0`, `1`, … before one is refused. */
async function untilRefused(complete: (key: string) => Promise<Response>): Promise<number> {
  for (let kept = 0; ; kept++) {
    const { status } = await complete(`${kept}`)
    if (status === 429) return kept
    expect(status).toBe(200)
  }
}

const reused = [422, 'idempotency-key-reused'] as const

describe.each(databases)('Idempotency-Key over %s', (kind) => {
  const service = useService(kind)
  let user: User
  beforeEach(() => {
    user = newUser(service())
  })

  const post = (path: string, body: unknown, key: string, as = user) =>
    as.send('POST', path, body, { 'idempotency-key': key })

  /** Every POST: what to send, and what must stand before. */
  const posts: [name: string, path: string, body: unknown, prepare: (id: string) => Promise<void>][] = [
    ['create', '/tasks', { title: 'once' }, async () => {}],
    [
      'restore',
      '/tasks/{id}/restore',
      undefined,
      async (id) => {
        await user.create({ id, title: 'to restore' })
        await user.remove(id)
      },
    ],
    [
      'batch',
      '/batch',
      {
        operations: [
          { op: 'create', task: { title: 'a' } },
          { op: 'create', task: { title: 'b' } },
        ],
      },
      async () => {},
    ],
  ]
  for (const [name, path, body, prepare] of posts)
    test(`${name}: a repeat gets the first answer again, and nothing is done twice`, async () => {
      const id = crypto.randomUUID()
      await prepare(id)
      const at = path.replace('{id}', id)
      const first = await post(at, body, 'key')
      expect(first.ok).toBe(true)
      expect(first.headers.has('idempotency-replayed')).toBe(false)
      const text = await first.text()
      const { next } = await user.changes()
      await user.create({ title: 'something in between' })
      for (let repeat = 0; repeat < 3; repeat++) {
        const again = await post(at, body, 'key')
        expect(again.status).toBe(first.status)
        expect(await again.text()).toBe(text)
        expect(again.headers.get('idempotency-replayed')).toBe('true')
        expect(again.headers.get('content-type')?.startsWith('application/json')).toBe(true)
        for (const header of ['etag', 'location']) expect(again.headers.get(header)).toBe(first.headers.get(header))
      }
      expect((await user.changes()).next).toBe(next + 1)
    })

  const others: [name: string, path: string, body: unknown][] = [
    ['body', '/tasks', { title: 'another' }],
    ['body with one field more', '/tasks', { title: 'once', priority: 'medium' }],
    ['query', '/tasks?_x=1', { title: 'once' }],
  ]
  for (const [name, path, body] of others)
    test(`another ${name} under the same key is refused and does nothing`, async () => {
      await post('/tasks', { title: 'once' }, 'key')
      await expectProblem(await post(path, body, 'key'), ...reused)
      expect(await user.titles()).toEqual(['once'])
    })

  test('another task under the same key is another request of the same route', async () => {
    const tasks = [await user.create({ title: 'a' }), await user.create({ title: 'b' })]
    for (const { id } of tasks) await user.remove(id)
    expect((await post(`/tasks/${tasks[0]?.id}/restore`, undefined, 'key')).status).toBe(200)
    await expectProblem(await post(`/tasks/${tasks[1]?.id}/restore`, undefined, 'key'), ...reused)
  })

  test("keys belong to their user and route: others' are independent", async () => {
    const stranger = newUser(service())
    for (const as of [user, stranger]) expect((await post('/tasks', { title: 'mine' }, 'key', as)).status).toBe(201)
    const batch = await post('/batch', { operations: [{ op: 'create', task: { title: 'b' } }] }, 'key')
    expect(batch.status).toBe(200)
    expect(batch.headers.has('idempotency-replayed')).toBe(false)
    expect(await user.titles('?sort=title')).toEqual(['b', 'mine'])
    expect(await stranger.titles()).toEqual(['mine'])
  })

  test('keys differ in case and in every character', async () => {
    for (const key of ['key', 'Key', 'key2', ' ~!"#$%&()', 'x'.repeat(255)])
      expect((await post('/tasks', { title: 'same' }, key)).headers.has('idempotency-replayed')).toBe(false)
    expect((await user.list()).length).toBe(5)
  })

  test('a refused request keeps nothing: corrected, it goes through under the same key', async () => {
    const taken = await user.create({ title: 'taken' })
    for (const body of [{ title: '' }, { title: 'x', id: taken.id }])
      expect((await post('/tasks', body, 'key')).ok).toBe(false)
    expect(
      (await user.send('POST', '/tasks', '{', { 'idempotency-key': 'key', 'content-type': 'application/json' })).status,
    ).toBe(400)
    const failing = {
      operations: [
        { op: 'create', task: { title: 'undone' } },
        { op: 'delete', id: crypto.randomUUID() },
      ],
    }
    expect((await post('/batch', failing, 'key')).status).toBe(404)
    expect((await post('/batch', { operations: [{ op: 'create', task: { title: 'b' } }] }, 'key')).status).toBe(200)
    expect((await post('/tasks', { title: 'mended' }, 'key')).status).toBe(201)
    expect(await user.titles('?sort=title')).toEqual(['b', 'mended', 'taken'])
    expect((await user.changes()).next).toBe(taken.revision + 2)
  })

  const bad: [name: string, key: string][] = [
    ['empty', ''],
    ['256 characters', 'x'.repeat(256)],
    ['beyond ASCII', 'clé'],
    ['with a tab inside', 'a\tb'],
  ]
  for (const [name, key] of bad)
    test(`a key that is ${name} is refused`, async () => {
      await expectProblem(await post('/tasks', { title: 'x' }, key), 422, 'validation-failed', {
        pointers: ['/Idempotency-Key'],
      })
      expect(await user.list()).toEqual([])
    })

  test('the key is ignored on methods other than POST', async () => {
    const task = await user.create({ title: 'x' })
    for (const title of ['y', 'z']) {
      const answer = await user.send('PUT', `/tasks/${task.id}`, { title }, { 'idempotency-key': 'key' })
      expect(((await answer.json()) as Task).title).toBe(title)
    }
  })

  for (const known of [true, false])
    test(`50 creates with one key at once, by ${known ? 'a known' : 'a brand-new'} user: one task, 50 equal answers`, async () => {
      const before = known ? await user.create({ title: 'before' }) : undefined
      const answers = await Promise.all(Array.from({ length: 50 }, () => post('/tasks', { title: 'once' }, 'key')))
      expect(answers.map((answer) => answer.status)).toEqual(Array(50).fill(201))
      expect(new Set(await Promise.all(answers.map((answer) => answer.text()))).size).toBe(1)
      expect(
        new Set(answers.map((answer) => `${answer.headers.get('etag')} ${answer.headers.get('location')}`)).size,
      ).toBe(1)
      expect(answers.filter((answer) => !answer.headers.has('idempotency-replayed'))).toHaveLength(1)
      expect((await user.titles('?status=all')).filter((title) => title === 'once')).toHaveLength(1)
      const [once] = await user.list()
      expect((await user.changes()).next).toBe(before ? before.revision + 1 : (once?.revision ?? 0))
    })

  test('50 payloads with one key at once: one is done, the others are refused', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => post('/tasks', { title: `${i}` }, 'key')))
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1)
    expect(answers.filter((answer) => answer.status === 422)).toHaveLength(49)
    expect(await user.list()).toHaveLength(1)
  })

  test('answers are kept up to a bound for each user, and past it a request with a key does nothing', async () => {
    const complete = await hoard(user)
    const kept = await untilRefused(complete)
    expect(kept).toBe(MOST_KEPT)
    const before = (await user.changes('?limit=1&since=0')).changes[0]?.revision
    const refused = await complete('one more')
    expect(Number(refused.headers.get('retry-after'))).toBeWithin(23 * 3600, 24 * 3600 + 1)
    await expectProblem(refused, 429, 'too-many-kept-answers')
    expect((await user.changes('?limit=1&since=0')).changes[0]?.revision).toBe(before)
    const again = await complete('0')
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect((await again.text()).length).toBeGreaterThan(1_000_000)
    expect((await complete(undefined)).status).toBe(200)
    expect((await (await hoard(newUser(service()), 50))('0')).status).toBe(200)
  })
})

describe('Idempotency-Key, with rows locked and aged by the test', () => {
  const service = useService('postgres')
  let sql: postgres.Sql
  beforeAll(async () => {
    sql = openSession(service().databaseUrl ?? '')
  })
  afterAll(async () => {
    await sql.end()
  })

  const post = (user: User, title: string) => user.send('POST', '/tasks', { title }, { 'idempotency-key': 'key' })

  test('a repeat while the first is still running is 409 and may come back', async () => {
    const user = newUser(service())
    await user.create({ title: 'before' })
    await sql.begin(async (tx) => {
      await tx`select from doable.users where id = ${user.id} for update`
      const answer = await post(user, 'once')
      expect(answer.headers.get('retry-after')).toBe('1')
      await expectProblem(answer, 409, 'idempotency-key-running')
    })
    expect((await post(user, 'once')).status).toBe(201)
    expect(await user.titles('?sort=title')).toEqual(['before', 'once'])
  })

  test('an answer is kept for 24 hours and then made anew, also for another payload', async () => {
    const user = newUser(service())
    await post(user, 'once')
    const age = (hours: string) =>
      sql`update doable.idempotency_keys set created_at = now() - ${hours}::interval where user_id = ${user.id}`
    await age('23 hours 59 minutes')
    expect((await post(user, 'once')).headers.get('idempotency-replayed')).toBe('true')
    await age('24 hours 1 second')
    expect((await post(user, 'another')).status).toBe(201)
    expect((await post(user, 'another')).headers.get('idempotency-replayed')).toBe('true')
    expect(await user.titles('?sort=title')).toEqual(['another', 'once'])
  })

  test('room comes back as answers pass their 24 hours, one by one and all at once', async () => {
    const user = newUser(service())
    const complete = await hoard(user)
    expect(await untilRefused(complete)).toBe(MOST_KEPT)
    const ageFirst = (count: number) =>
      sql`update doable.idempotency_keys set created_at = created_at - interval '24 hours'
        where user_id = ${user.id} and created_at > now() - interval '24 hours' and key::integer < ${count}`
    for (const [aged, key] of [
      [1, '8'],
      [3, '9'],
      [3, '10'],
    ] as const) {
      await ageFirst(aged)
      expect((await complete(key)).status).toBe(200)
    }
    expect((await complete('11')).status).toBe(429)
    await ageFirst(100)
    // Its own answer from before is in the way, and over.
    expect((await complete('0')).headers.has('idempotency-replayed')).toBe(false)
    for (let key = 20; key < 20 + MOST_KEPT - 1; key++) expect((await complete(`${key}`)).status).toBe(200)
    expect((await complete('30')).status).toBe(429)
  })

  test('answers whose time is over are forgotten in pieces, and the others are not', async () => {
    const user = newUser(service())
    await post(user, 'once')
    await sql`insert into doable.idempotency_keys (user_id, method, route, key, fingerprint, status, headers, body, created_at)
      select ${user.id}, 'POST', '/tasks', 'old ' || n, '', 201, '{}', '{}', now() - interval '24 hours 1 minute'
      from generate_series(1, 1200) as n`
    const left = () => sql<{ key: string }[]>`select key from doable.idempotency_keys where user_id = ${user.id}`
    expect(await left()).toHaveLength(1201)
    // Of two that run at once, each leaves to the other what that one has locked.
    const forgotten = await Promise.all([forgetAnswers(drizzle(sql)), forgetAnswers(drizzle(sql))])
    expect(forgotten[0] + forgotten[1]).toBeGreaterThanOrEqual(1200)
    expect((await left()).map(({ key }) => key)).toEqual(['key'])
  })
})
