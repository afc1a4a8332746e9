import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { createServer, type Socket } from 'node:net'
import { boot } from '../kit/boot.ts'
import { refuseParameter } from '../kit/pooler.ts'
import { freePort, newDatabase, openSession, type PostgresServer, startPostgresServer } from '../kit/postgres-server.ts'
import { runToEnd } from '../kit/program.ts'
import { startProxy } from '../kit/proxy.ts'
import { until } from '../kit/until.ts'

setDefaultTimeout(120_000)

let server: PostgresServer

beforeAll(async () => {
  // A server that asks for passwords, as production servers do.
  server = await startPostgresServer()
  const sql = openSession(server.url())
  await sql`create role keeper login superuser password 'p@ss/w:rd #1%'`
  await sql`select pg_catalog.set_config('x.x', '', false)`
  await sql.unsafe(`create table hba(line text)`)
  await sql.unsafe(`copy (select 'host all postgres 127.0.0.1/32 trust' union all
    select 'host all all 127.0.0.1/32 scram-sha-256') to program 'cat > pg_hba.conf'`)
  await sql`select pg_reload_conf()`
  await sql.end()
  // pg_reload_conf() does not wait until the file is read.
  await until('a wrong password is refused', async () => {
    const session = openSession(keeper('wrong'))
    const answer = await session`select 1`.catch(({ code }: { code?: string }) => code)
    await session.end()
    return answer === '28P01'
  })
})

afterAll(() => server.stop())

const keeper = (password: string, rest = '') =>
  `postgres://keeper:${encodeURIComponent(password)}@127.0.0.1:${server.port}/postgres${rest}`

test('a password of awkward characters gets in, and parameters the server does not know do not reach it', async () => {
  const target = await boot('postgres', {
    DATABASE_URL: keeper(
      'p@ss/w:rd #1%',
      '?channel_binding=prefer&pgbouncer=true&schema=public&connection_limit=3&connect_timeout=10' +
        '&target_session_attrs=read-write&uselibpqcompat=true&application_name=doable-test&lock_timeout=1234',
    ),
  })
  expect((await target.request('alice', 'POST', '/api/alice/tasks', { title: 'in' })).status).toBe(201)
  const sql = openSession(server.url())
  expect(await sql`select 1 from pg_stat_activity where application_name = 'doable-test'`).not.toHaveLength(0)
  await sql.end()
  await target.stop()
})

/** Runs `serve` to its end, and says how many milliseconds that took. */
async function timeStart(url: string) {
  const start = performance.now()
  const ended = await runToEnd(['serve'], { DATABASE_URL: url })
  return { ...ended, ms: performance.now() - start }
}

const refusals: [string, () => string, RegExp][] = [
  ['a wrong password', () => keeper('hunter2'), /cannot be used: password authentication failed/],
  ['a missing password', () => keeper(''), /cannot be used: /],
  ['a missing database', () => server.url('nowhere'), /cannot be used: database "nowhere" does not exist/],
  ['a missing role', () => server.url().replace('//postgres@', '//nobody@'), /cannot be used: /],
]
for (const [name, url, message] of refusals)
  test(`${name} ends the start at once`, async () => {
    const { code, stdout, stderr, ms } = await timeStart(url())
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ level: 'fatal', cause: expect.stringMatching(message) })
    expect(stderr).toMatch(message)
    expect(stdout + stderr).not.toContain('hunter2')
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(ms).toBeLessThan(9000)
  })

test('a database that cannot be reached ends the start after some ten seconds, in words', async () => {
  const blackHole = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1')
  const { port } = blackHole.address() as { port: number }
  const addresses = [
    [`postgres://u:hunter2@127.0.0.1:${freePort()}/db`, /cannot be reached: .*ECONNREFUSED/],
    [`postgres://u:hunter2@127.0.0.1:${port}/db`, /cannot be reached: /],
    ['postgres://u:hunter2@nowhere.invalid/db?sslmode=disable', /cannot be reached: .*(ENOTFOUND|EAI_AGAIN)/],
    ['postgres://u:hunter2@/db?host=/nonexistent', /cannot be reached: .*ENOENT/],
  ] as const
  const runs = await Promise.all(addresses.map(([url]) => timeStart(url)))
  for (const [i, { code, stdout, stderr, ms }] of runs.entries()) {
    expect(code).toBe(1)
    expect(stderr).toMatch(addresses[i]?.[1] as RegExp)
    expect(stdout + stderr).not.toContain('hunter2')
    expect(ms).toBeGreaterThan(9000)
    expect(ms).toBeLessThan(25_000)
  }
  blackHole.close()
})

test('a database that comes a few seconds late is waited for', async () => {
  const url = await newDatabase()
  const network = await startProxy({ port: Number(new URL(url).port) })
  await network.refuse()
  const starting = boot('postgres', { DATABASE_URL: network.through(url) })
  await Bun.sleep(3000)
  await network.restore()
  const target = await starting
  expect((await fetch(`${target.url}/health/ready`)).status).toBe(200)
  await target.stop()
  await network.close()
})

for (const lateMs of [0, 700])
  test(`a transaction pooler that refuses start-up parameters is asked again without them, ${lateMs} ms late`, async () => {
    const url = await newDatabase()
    const network = await startProxy({ port: Number(new URL(url).port) })
    let refused = 0
    const refuseParameters = (chunk: Buffer, client: Socket) => {
      if (!chunk.includes('statement_timeout\0')) return 'pass'
      refused++
      return refuseParameter(client, 'statement_timeout')
    }
    if (lateMs > 0) await network.refuse()
    const starting = boot('postgres', { DATABASE_URL: network.through(url) })
    await Bun.sleep(lateMs)
    await network.restore()
    network.onClientData = refuseParameters
    // The start tries again while the connection without them is still being made.
    network.delay(lateMs / 2)
    await Bun.sleep(lateMs * 2)
    network.delay(0)
    const target = await starting
    expect((await target.request('alice', 'POST', '/api/alice/tasks', { title: 'pooled' })).status).toBe(201)
    expect(refused).toBeGreaterThan(0)
    expect(refused).toBeLessThan(10)
    await target.stop()
    await network.close()
  })
