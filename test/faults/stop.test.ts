import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import postgres from 'postgres'
import { forge } from '../kit/forge.ts'
import { freePort, newDatabase } from '../kit/postgres-server.ts'
import { newPlace, type Place } from '../kit/program.ts'
import { SECRET } from '../kit/tokens.ts'
import { until } from '../kit/until.ts'

setDefaultTimeout(120_000)

let place: Place
let databaseUrl: string
beforeAll(async () => {
  place = await newPlace()
  databaseUrl = await newDatabase()
})
afterAll(() => place[Symbol.asyncDispose]())

const headers = { authorization: `Bearer ${forge()}`, 'content-type': 'application/json' }
const serve = (env: Record<string, string>) =>
  place.serve({ BETTER_AUTH_SECRET: SECRET, DATABASE_URL: databaseUrl, ...env })
const ready = (url: string) => fetch(`${url}/health/ready`).then(({ status }) => status)

test.each(['1', '2'])(
  'after SIGTERM it is unready and goes on serving for SHUTDOWN_DELAY_MS, WORKERS=%s',
  async (workers) => {
    const adminPort = freePort()
    const env = { SHUTDOWN_DELAY_MS: '2000', WORKERS: workers, ADMIN_PORT: String(adminPort), PORT: String(freePort()) }
    const { url, end, ended } = await serve(env)
    expect(await ready(url)).toBe(200)
    const start = performance.now()
    void end()
    await until('readiness is 503', async () => (await ready(url)) === 503, 1500)
    while (performance.now() - start < 1500) {
      expect((await fetch(`${url}/api/alice/tasks`, { headers })).status).toBe(200)
      expect(await ready(url)).toBe(503)
      expect(await ready(`http://127.0.0.1:${adminPort}`)).toBe(503)
    }
    expect(await ended).toBe(0)
    expect(performance.now() - start).toBeGreaterThan(2000)
  },
)

test('SIGINT, as by Ctrl-C, does not wait', async () => {
  const { end } = await serve({ SHUTDOWN_DELAY_MS: '60000' })
  const start = performance.now()
  expect(await end('SIGINT')).toBe(0)
  expect(performance.now() - start).toBeLessThan(10_000)
})

test.each(['1', '2'])(
  'a second signal ends it at once, but one Ctrl-C that arrives twice does not, WORKERS=%s',
  async (workers) => {
    const { url, end, ended, pid, output } = await serve({
      SHUTDOWN_DELAY_MS: '60000',
      WORKERS: workers,
      PORT: String(freePort()),
    })
    void end()
    await until('it is stopping', () => output.stdout.includes('"stopping"'))
    process.kill(pid, 'SIGTERM')
    await Bun.sleep(1200)
    expect((await fetch(`${url}/health`)).status).toBe(200)
    process.kill(pid, 'SIGTERM')
    expect(await ended).toBe(1)
    expect(output.stdout).toContain('"ending at once"')
    await until('nothing listens', () =>
      fetch(`${url}/health`, { keepalive: false }).then(
        () => false,
        () => true,
      ),
    )
  },
)

test('a stop ends within 20.5 s, whatever a request, its database and the trace collector do', async () => {
  const collector = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    fetch: () => new Promise<Response>(() => {}),
  })
  const holder = postgres(databaseUrl, { max: 1 })
  const { url, end } = await serve({
    REQUEST_TIMEOUT_MS: '600000',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
    OTEL_EXPORTER_OTLP_TIMEOUT: '600000',
  })
  expect((await fetch(`${url}/api/alice/tasks`, { method: 'POST', headers, body: '{"title":"a"}' })).status).toBe(201)
  const locked = Promise.withResolvers<void>()
  const release = Promise.withResolvers<void>()
  const holding = holder.begin(async (sql) => {
    await sql`lock table doable.tasks in access exclusive mode`
    locked.resolve()
    await release.promise
  })
  await locked.promise
  const stuck = fetch(`${url}/api/alice/tasks`, { headers }).then(
    ({ status }) => status,
    () => 'cut',
  )
  await Bun.sleep(300)
  const start = performance.now()
  await end()
  const ms = performance.now() - start
  expect(ms).toBeGreaterThan(9000)
  expect(ms).toBeLessThan(22_000)
  expect(await stuck).not.toBe(200)
  release.resolve()
  await holding
  await holder.end()
  await collector.stop(true)
})
