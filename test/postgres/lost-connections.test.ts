import { expect, setDefaultTimeout, test } from 'bun:test'
import { openPostgres } from '../../src/db/postgres/open.ts'
import { boot } from '../kit/boot.ts'
import { openSession } from '../kit/postgres-server.ts'
import { useSubject } from '../kit/subject.ts'
import { until } from '../kit/until.ts'

setDefaultTimeout(120_000)

const subject = useSubject()

test('a read whose connection is cut in the middle is repeated, and answered', async () => {
  const { it, proxy } = subject()
  await it.ask('GET', '/tasks')
  const { cut } = proxy.count
  for (let i = 0; i < 10; i++) {
    proxy.cutAfter('alice')
    expect((await it.ask('GET', '/tasks')).status).toBe(200)
  }
  expect(proxy.count.cut - cut).toBe(10)
})

test('an answer cut in the middle leaves nothing of it in the next one', async () => {
  const { it, proxy } = subject()
  const rows = await it.admin<{ title: string }[]>`insert into doable.users (id) values ('many'), ('few')
    on conflict do nothing returning id as title`
  expect(rows).toHaveLength(2)
  await it.admin`insert into doable.tasks (id, user_id, title, position, revision)
    select gen_random_uuid(), 'many', 'task ' || n, n, n from generate_series(1, 900) as n`
  await it.admin`insert into doable.tasks (id, user_id, title, position, revision)
    values (gen_random_uuid(), 'few', 'the only one', 1, 1)`
  // One connection, so that the next statement follows on the one that was lost.
  const single = await boot('postgres', { DATABASE_URL: proxy.through(it.target.databaseUrl ?? ''), DB_POOL: '1' })
  const list = async (user: string) => {
    const response = await single.request(user, 'GET', `/api/${user}/tasks`)
    return [response.status, ((await response.json()) as unknown[]).length]
  }
  const { cut: before } = proxy.count
  for (let i = 0; i < 5; i++) {
    expect(await list('many')).toEqual([200, 900])
    proxy.cutAnswerAfter(50_000)
    expect(await list('many')).toEqual([200, 900])
    proxy.cutAnswerAfter(50_000)
    const [cut, other] = await Promise.all([list('many'), list('few')])
    expect(cut).toEqual([200, 900])
    expect(other).toEqual([200, 1])
  }
  expect(proxy.count.cut - before).toBe(10)
  await single.stop()
})

test('a write cut in the middle is 503 or done, never done twice, and the next one is done', async () => {
  const { it, proxy } = subject()
  const { cut } = proxy.count
  const titles: string[] = []
  for (let i = 0; i < 10; i++) {
    const title = `cut-${crypto.randomUUID()}`
    proxy.cutAfter(title)
    if ((await it.ask('POST', '/tasks', { title })).status === 201) titles.push(title)
    const next = `next-${crypto.randomUUID()}`
    expect((await it.ask('POST', '/tasks', { title: next })).status).toBe(201)
    titles.push(next)
  }
  expect(proxy.count.cut - cut).toBe(10)
  await proxy.restore()
  await it.expectStored(titles)
  await it.expectBack()
})

test('after the server closed idle connections, the next read and the next write succeed', async () => {
  const { it, proxy } = subject()
  for (let i = 0; i < 5; i++) {
    expect((await it.ask('GET', '/tasks')).status).toBe(200)
    await it.terminateBackends()
    await until('the network has passed the ends on', () => proxy.count.open === 0)
    expect((await it.ask('POST', '/tasks', { title: `idle-${i}` })).status).toBe(201)
  }
})

test('backends killed in the middle of statements: reads succeed, writes are 503 or done', async () => {
  const { it, proxy } = subject()
  const locker = openSession(proxy.through(it.target.databaseUrl ?? ''))
  await locker.begin(async (tx) => {
    // Every write of alice now waits for her row.
    await tx`select 1 from doable.users where id = 'alice' for update`
    const writes = Promise.all(
      Array.from({ length: 4 }, (_, i) => it.ask('POST', '/tasks', { title: `killed-${i}-${crypto.randomUUID()}` })),
    )
    await Bun.sleep(300)
    await it.terminateBackends()
    expect((await writes).map(({ status }) => status)).toEqual([503, 503, 503, 503])
  })
  await locker.end()
  expect((await it.ask('GET', '/tasks')).status).toBe(200)
  const rows = await it.admin`select 1 from doable.tasks where title like 'killed-%'`
  expect(rows).toHaveLength(0)
})

test('a write that waits for a lock ends in 503, and is not done once the lock is gone', async () => {
  const { it } = subject()
  const locker = openSession(it.target.databaseUrl ?? '')
  await locker.begin(async (tx) => {
    await tx`select 1 from doable.users where id = 'alice' for update`
    expect((await it.ask('POST', '/tasks', { title: 'waited' })).status).toBe(503)
    // Requests of other users, queued on the same connections, go on.
    const bob = await it.target.request('bob', 'POST', '/api/bob/tasks', { title: 'of bob' })
    expect(bob.status).toBe(201)
  })
  await locker.end()
  await Bun.sleep(500)
  expect(await it.admin`select 1 from doable.tasks where title = 'waited'`).toHaveLength(0)
})

test('what timed out while the database was silent is not done when it speaks again', async () => {
  const { it, proxy } = subject()
  proxy.swallow()
  const titles = Array.from({ length: 200 }, () => `late-${crypto.randomUUID()}`)
  const answers = await Promise.all(titles.map((title) => it.ask('POST', '/tasks', { title })))
  expect(answers.every(({ status }) => status === 503)).toBe(true)
  await proxy.restore()
  await it.expectBack()
  await Bun.sleep(1000)
  expect(await it.admin`select 1 from doable.tasks where title like 'late-%'`).toHaveLength(0)
})

test('the log says once that the database is lost, with the cause, and once that it is back', async () => {
  const { it, proxy } = subject()
  const lines: [level: string, fields: object, message: string][] = []
  const log = {
    info: (fields: object, message: string) => lines.push(['info', fields, message]),
    warn: (fields: object, message: string) => lines.push(['warn', fields, message]),
  }
  const options = { pool: 2, prepare: true, requestTimeoutMs: 2000 }
  const database = await openPostgres(it.target.databaseUrl ?? '', options, undefined, log)
  await database.ping()
  await proxy.refuse()
  for (let n = 0; n < 3; n++) await expect(database.ping()).rejects.toMatchObject({ code: 'database-unavailable' })
  await proxy.restore()
  await until('the database is back', () =>
    database.ping().then(
      () => true,
      () => false,
    ),
  )
  expect(lines).toEqual([
    ['warn', { cause: 'ECONNREFUSED' }, 'database lost'],
    ['info', { after_ms: expect.any(Number) }, 'database back'],
  ])
  await database.close()
})
