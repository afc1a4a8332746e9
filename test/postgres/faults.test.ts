import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import postgres from 'postgres'
import { boot, newDatabase, type Target } from '../boot.ts'
import { type PostgresServer, startPostgresServer } from '../postgres-server.ts'
import { type Network, startProxy } from './proxy.ts'

setDefaultTimeout(90_000)

const DEADLINE = 2000
/** What a shared machine may add to a deadline. */
const SLACK = 1500
/** How soon after its return the database is in use again. */
const BACK = 2000

let proxy: Network
let target: Target
let admin: postgres.Sql

beforeAll(async () => {
  const url = await newDatabase()
  admin = postgres(url, { max: 1, onnotice: () => {} })
  proxy = await startProxy({ port: Number(new URL(url).port) })
  target = await boot('postgres', { DATABASE_URL: proxy.through(url), REQUEST_TIMEOUT_MS: String(DEADLINE) })
})

afterAll(async () => {
  await target.stop()
  await proxy.close()
  await admin.end()
})

// One failure must not become the next test's.
afterEach(() => proxy.restore())

interface Answer {
  status: number
  ms: number
}

/** One request, and the promise that holds for all of them: a success, or a 503 that says when to come back, in time. */
async function ask(method: string, path: string, body?: { title: string }, user = 'alice'): Promise<Answer> {
  const start = performance.now()
  const response = await target.request(user, method, `/api/${user}${path}`, body)
  const text = await response.text()
  const ms = performance.now() - start
  if (response.status >= 400) {
    expect(response.status).toBe(503)
    expect(JSON.parse(text)).toMatchObject({ code: 'database-unavailable', status: 503 })
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(text).not.toMatch(/ECONN|CONNECT|select|insert/)
  } else {
    // Answers must never be mixed up, however connections break.
    const tasks: { user_id: string; title: string }[] = [JSON.parse(text)].flat()
    expect(new Set(tasks.map(({ user_id }) => user_id)).isSubsetOf(new Set([user]))).toBe(true)
    if (body) expect(tasks[0]?.title).toBe(body.title)
  }
  expect(ms).toBeLessThan(DEADLINE + SLACK)
  return { status: response.status, ms }
}

/** Reads and writes by several clients for a while; the titles whose creation was acknowledged. */
async function traffic(ms: number, answers: Answer[] = []): Promise<string[]> {
  const acknowledged: string[] = []
  const end = performance.now() + ms
  const client = async (n: number) => {
    for (let i = 0; performance.now() < end; i++) {
      const title = `${n}-${i}-${crypto.randomUUID()}`
      const made = await ask('POST', '/tasks', { title }, `user-${n}`)
      if (made.status === 201) acknowledged.push(title)
      answers.push(made, await ask('GET', '/tasks', undefined, `user-${n}`))
      await Bun.sleep(10)
    }
  }
  await Promise.all(Array.from({ length: 8 }, (_, n) => client(n)))
  return acknowledged
}

async function expectStored(titles: string[]): Promise<void> {
  const rows = await admin<{ title: string }[]>`select title from doable.tasks`
  const stored = rows.map(({ title }) => title)
  expect(new Set(stored).size).toBe(stored.length)
  expect(titles.filter((title) => !stored.includes(title))).toEqual([])
}

/** The database is there again from now on: the service must be, too, within two seconds. */
async function expectBack(): Promise<void> {
  const start = performance.now()
  while ((await ask('GET', '/tasks')).status !== 200 && performance.now() - start < 10_000) await Bun.sleep(50)
  expect(performance.now() - start).toBeLessThan(BACK + SLACK)
  expect((await ask('POST', '/tasks', { title: 'back' })).status).toBe(201)
  await admin`delete from doable.tasks where title = 'back'`
}

const faults: [string, (proxy: Network) => unknown][] = [
  ['refuses connections', (it) => it.refuse()],
  ['swallows everything', (it) => it.swallow()],
  ['is slower than the deadline', (it) => it.delay(DEADLINE * 2)],
]

for (const [name, begin] of faults)
  for (const lasts of [1000, DEADLINE * 2 + 500])
    test(`a database that ${name} for ${lasts} ms: 503 in time, nothing acknowledged is lost, and back at once`, async () => {
      const answers: Answer[] = []
      const running = traffic(lasts + 1000, answers)
      await Bun.sleep(300)
      await begin(proxy)
      await Bun.sleep(lasts)
      await proxy.restore()
      await expectBack()
      await expectStored(await running)
      if (lasts > DEADLINE * 2) expect(answers.some(({ status }) => status === 503)).toBe(true)
    })

test('connections reset again and again under load: every answer is a success or a 503', async () => {
  const running = traffic(3000)
  for (let i = 0; i < 12; i++) {
    await Bun.sleep(200)
    proxy.cut()
  }
  await expectStored(await running)
  await expectBack()
})

test('a read whose connection is cut in the middle is asked again, unseen', async () => {
  await ask('GET', '/tasks')
  for (let i = 0; i < 10; i++) {
    proxy.cutAfter('alice')
    expect((await ask('GET', '/tasks')).status).toBe(200)
  }
})

test('an answer cut in the middle leaves nothing of it in the next one', async () => {
  const rows = await admin<{ title: string }[]>`insert into doable.users (id) values ('many'), ('few')
    on conflict do nothing returning id as title`
  expect(rows).toHaveLength(2)
  await admin`insert into doable.tasks (id, user_id, title, position, revision)
    select gen_random_uuid(), 'many', 'task ' || n, n, n from generate_series(1, 900) as n`
  await admin`insert into doable.tasks (id, user_id, title, position, revision)
    values (gen_random_uuid(), 'few', 'the only one', 1, 1)`
  // One connection, so that what follows meets the slot of the one that was lost.
  const single = await boot('postgres', { DATABASE_URL: proxy.through(target.databaseUrl ?? ''), DB_POOL: '1' })
  const list = async (user: string) => {
    const response = await single.request(user, 'GET', `/api/${user}/tasks`)
    return [response.status, ((await response.json()) as unknown[]).length]
  }
  for (let i = 0; i < 5; i++) {
    expect(await list('many')).toEqual([200, 900])
    proxy.cutAnswerAfter(50_000)
    expect(await list('many')).toEqual([200, 900])
    proxy.cutAnswerAfter(50_000)
    const [cut, other] = await Promise.all([list('many'), list('few')])
    expect(cut).toEqual([200, 900])
    expect(other).toEqual([200, 1])
  }
  await single.stop()
})

test('a write cut in the middle is 503 or done, and never done twice', async () => {
  const titles: string[] = []
  for (let i = 0; i < 10; i++) {
    const title = `cut-${crypto.randomUUID()}`
    proxy.cutAfter(title)
    if ((await ask('POST', '/tasks', { title })).status === 201) titles.push(title)
  }
  await proxy.restore()
  await expectStored(titles)
  await expectBack()
})

test('idle connections closed under us go unseen, by reads and by writes', async () => {
  for (let i = 0; i < 5; i++) {
    expect((await ask('GET', '/tasks')).status).toBe(200)
    await terminateBackends()
    await Bun.sleep(100)
    expect((await ask('POST', '/tasks', { title: `idle-${i}` })).status).toBe(201)
  }
})

test('backends killed in the middle of statements: reads go unseen, writes are 503 or done', async () => {
  const locker = postgres(proxy.through(target.databaseUrl ?? ''), { max: 1, onnotice: () => {} })
  await locker.begin(async (tx) => {
    // Every write of alice now waits for her row.
    await tx`select 1 from doable.users where id = 'alice' for update`
    const writes = Promise.all(
      Array.from({ length: 4 }, (_, i) => ask('POST', '/tasks', { title: `killed-${i}-${crypto.randomUUID()}` })),
    )
    await Bun.sleep(300)
    await terminateBackends()
    expect((await writes).map(({ status }) => status)).toEqual([503, 503, 503, 503])
  })
  await locker.end()
  expect((await ask('GET', '/tasks')).status).toBe(200)
  const rows = await admin`select 1 from doable.tasks where title like 'killed-%'`
  expect(rows).toHaveLength(0)
})

test('a write that waits for a lock ends in 503, and is not done once the lock is gone', async () => {
  const locker = postgres(target.databaseUrl ?? '', { max: 1, onnotice: () => {} })
  await locker.begin(async (tx) => {
    await tx`select 1 from doable.users where id = 'alice' for update`
    expect((await ask('POST', '/tasks', { title: 'waited' })).status).toBe(503)
    // Another user's requests, behind it on the same connections, go on.
    const bob = await target.request('bob', 'POST', '/api/bob/tasks', { title: 'of bob' })
    expect(bob.status).toBe(201)
  })
  await locker.end()
  await Bun.sleep(500)
  expect(await admin`select 1 from doable.tasks where title = 'waited'`).toHaveLength(0)
})

test('what timed out while the database was silent is not done when it speaks again', async () => {
  proxy.swallow()
  const titles = Array.from({ length: 200 }, () => `late-${crypto.randomUUID()}`)
  const answers = await Promise.all(titles.map((title) => ask('POST', '/tasks', { title })))
  expect(answers.every(({ status }) => status === 503)).toBe(true)
  await proxy.restore()
  await expectBack()
  await Bun.sleep(1000)
  expect(await admin`select 1 from doable.tasks where title like 'late-%'`).toHaveLength(0)
})

test('while the database is known to be away, the answer is 503 at once and the machine is left alone', async () => {
  await proxy.refuse()
  while ((await ask('GET', '/tasks')).status !== 503) await Bun.sleep(50)
  await Bun.sleep(200)
  const { taken } = proxy.count
  const before = process.cpuUsage()
  const start = performance.now()
  let slowest = 0
  for (let i = 0; i < 50; i++) {
    slowest = Math.max(slowest, (await ask('GET', '/tasks')).ms)
    await Bun.sleep(100)
  }
  const { user, system } = process.cpuUsage(before)
  expect(slowest).toBeLessThan(DEADLINE / 2)
  expect((user + system) / 1000 / (performance.now() - start)).toBeLessThan(0.5)
  expect(proxy.count.taken).toBe(taken)
  expect((await fetch(`${target.url}/health`)).status).toBe(200)
  expect((await fetch(`${target.url}/health/ready`)).status).toBe(503)
  await proxy.restore()
  await expectBack()
  expect((await fetch(`${target.url}/health/ready`)).status).toBe(200)
})

test('a server that accepts and hangs up is not asked without pause', async () => {
  const { taken } = proxy.count
  proxy.onClientData = (_, client) => {
    client.end()
    return 'drop'
  }
  proxy.cut()
  await traffic(3000)
  expect(proxy.count.taken - taken).toBeLessThan(60)
  await proxy.restore()
  await expectBack()
})

test('a stopped service leaves no connection behind, whatever state the network is in', async () => {
  const own = await startProxy({ port: Number(admin.options.port[0]) })
  const url = own.through(target.databaseUrl ?? '')
  for (const begin of [() => {}, () => own.swallow()]) {
    const other = await boot('postgres', { DATABASE_URL: url, REQUEST_TIMEOUT_MS: '1000' })
    await Promise.all(Array.from({ length: 8 }, () => other.request('alice', 'GET', '/api/alice/tasks')))
    begin()
    const start = performance.now()
    const last = other.request('alice', 'GET', '/api/alice/tasks')
    await Bun.sleep(100)
    await Promise.all([last, other.stop()])
    expect(performance.now() - start).toBeLessThan(10_000)
    await Bun.sleep(50)
    expect(own.count.open).toBe(0)
  }
  await own.close()
})

async function terminateBackends(): Promise<void> {
  await admin`select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'doable' and datname = current_database() and pid <> pg_backend_pid()`
}

test('PostgreSQL stopped, crashed and started again: 503 meanwhile, and back at once', async () => {
  const server: PostgresServer = await startPostgresServer()
  const whole = target
  const wholeAdmin = admin
  try {
    target = await boot('postgres', { DATABASE_URL: server.url(), REQUEST_TIMEOUT_MS: String(DEADLINE) })
    for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
      const running = traffic(3500)
      await Bun.sleep(500)
      await server.halt(signal)
      await Bun.sleep(1000)
      await server.resume()
      await wholeAdmin`select 1`
      admin = postgres(server.url(), { max: 1, onnotice: () => {} })
      await expectBack()
      await expectStored(await running)
      await admin.end()
    }
  } finally {
    await target.stop()
    target = whole
    admin = wholeAdmin
    await server.stop()
  }
})
