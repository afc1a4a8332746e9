import { expect, setDefaultTimeout, test } from 'bun:test'
import { boot } from '../kit/boot.ts'
import { openSession, startPostgresServer } from '../kit/postgres-server.ts'
import { type Network, startProxy } from '../kit/proxy.ts'
import { type Answer, DEADLINE, Subject, useSubject } from '../kit/subject.ts'
import { until } from '../kit/until.ts'

setDefaultTimeout(120_000)

const subject = useSubject()

const faults: [string, (proxy: Network) => unknown][] = [
  ['refuses connections', (it) => it.refuse()],
  ['swallows everything', (it) => it.swallow()],
  ['is slower than the deadline', (it) => it.delay(DEADLINE * 2)],
]

for (const [name, begin] of faults)
  for (const lasts of [1000, DEADLINE * 2 + 500])
    test(`a database that ${name} for ${lasts} ms: 503 in time, nothing acknowledged is lost, and back at once`, async () => {
      const { it, proxy } = subject()
      const answers: Answer[] = []
      const running = it.traffic(lasts + 1000, answers)
      await Bun.sleep(300)
      await begin(proxy)
      await Bun.sleep(lasts)
      await proxy.restore()
      await it.expectBack()
      await it.expectStored(await running)
      expect(answers.some(({ status }) => status === 503)).toBe(true)
    })

test('connections reset again and again under load: every answer is a success or a 503', async () => {
  const { it, proxy } = subject()
  const { cut } = proxy.count
  const running = it.traffic(3000)
  for (let i = 0; i < 12; i++) {
    await Bun.sleep(200)
    proxy.cut()
  }
  expect(proxy.count.cut - cut).toBeGreaterThan(0)
  await it.expectStored(await running)
  await it.expectBack()
})

test('while the database is known to be away, the answer is 503 at once and costs little CPU', async () => {
  const { it, proxy } = subject()
  await proxy.refuse()
  while ((await it.ask('GET', '/tasks')).status !== 503) await Bun.sleep(50)
  await Bun.sleep(200)
  const before = process.cpuUsage()
  const start = performance.now()
  let slowest = 0
  for (let i = 0; i < 50; i++) {
    slowest = Math.max(slowest, (await it.ask('GET', '/tasks')).ms)
    await Bun.sleep(100)
  }
  const { user, system } = process.cpuUsage(before)
  expect(slowest).toBeLessThan(DEADLINE / 2)
  expect((user + system) / 1000 / (performance.now() - start)).toBeLessThan(0.5)
  expect((await fetch(`${it.target.url}/health`)).status).toBe(200)
  expect((await fetch(`${it.target.url}/health/ready`)).status).toBe(503)
  await proxy.restore()
  await it.expectBack()
  expect((await fetch(`${it.target.url}/health/ready`)).status).toBe(200)
})

test('a server that accepts and hangs up is not connected to without pause', async () => {
  const { it, proxy } = subject()
  const { taken } = proxy.count
  proxy.onClientData = (_, client) => {
    client.end()
    return 'drop'
  }
  proxy.cut()
  await it.traffic(3000)
  expect(proxy.count.taken - taken).toBeLessThan(60)
  await proxy.restore()
  await it.expectBack()
})

test('a stopped service leaves no connection behind, whatever state the network is in', async () => {
  const { it } = subject()
  const own = await startProxy({ port: Number(it.admin.options.port[0]) })
  const url = own.through(it.target.databaseUrl ?? '')
  for (const begin of [() => {}, () => own.swallow()]) {
    const other = await boot('postgres', { DATABASE_URL: url, REQUEST_TIMEOUT_MS: '1000' })
    await Promise.all(Array.from({ length: 8 }, () => other.request('alice', 'GET', '/api/alice/tasks')))
    begin()
    const start = performance.now()
    const last = other.request('alice', 'GET', '/api/alice/tasks')
    await Bun.sleep(100)
    await Promise.all([last, other.stop()])
    expect(performance.now() - start).toBeLessThan(10_000)
    await until('the network sees every connection end', () => own.count.open === 0)
  }
  await own.close()
})

test('PostgreSQL stopped, crashed and started again: 503 meanwhile, and back at once', async () => {
  const server = await startPostgresServer()
  const target = await boot('postgres', { DATABASE_URL: server.url(), REQUEST_TIMEOUT_MS: String(DEADLINE) })
  try {
    for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
      const admin = openSession(server.url())
      const it = new Subject(target, admin)
      const answers: Answer[] = []
      const running = it.traffic(3500, answers)
      await Bun.sleep(500)
      await server.halt(signal)
      await Bun.sleep(1000)
      await server.resume()
      await it.expectBack()
      await it.expectStored(await running)
      expect(answers.some(({ status }) => status === 503)).toBe(true)
      await admin.end()
    }
  } finally {
    await target.stop()
    await server.stop()
  }
})
