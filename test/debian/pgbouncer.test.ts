import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readBlock, readStatements } from '../docs/page.ts'
import { boot } from '../kit/boot.ts'
import { freePort, inSession, openSession, type PostgresServer, startPostgresServer } from '../kit/postgres-server.ts'
import { runToEnd } from '../kit/program.ts'
import { until } from '../kit/until.ts'
import { run } from './programs.ts'

setDefaultTimeout(120_000)

/** PgBouncer refuses to run as root. */
const NOBODY = 65534

let server: PostgresServer
let pooler: Bun.Subprocess
let folder: string
let version: number
let pooled: (user: string) => string

const urlOf = (role: string, database = 'doable') => server.url(database).replace('//postgres@', `//${role}@`)

const execute = (url: string, text: string) =>
  inSession(url, async (session) => {
    for (const statement of await readStatements(text)) await session.unsafe(statement)
  })

beforeAll(async () => {
  server = await startPostgresServer()
  await execute(server.url(), 'CREATE ROLE doable_service')
  expect(await runToEnd(['migrate'], { DATABASE_URL: urlOf('doable_owner') })).toMatchObject({ code: 0 })
  await execute(urlOf('doable_owner'), 'GRANT CONNECT ON DATABASE doable')
  await execute(server.url(), 'ALTER ROLE doable_service SET statement_timeout')

  folder = await mkdtemp(join(tmpdir(), 'doable-pgbouncer-'))
  await chmod(folder, 0o755)
  const port = freePort()
  const users = join(folder, 'userlist.txt')
  await writeFile(users, '"doable_service" ""\n"doable_owner" ""\n')
  const ini = (await readBlock('ini', '[pgbouncer]'))
    .replace('port=5432', `port=${server.port}`)
    .replace('6432', String(port))
    .replace('/etc/pgbouncer/userlist.txt', users)
    // The server asks for no password either.
    .replace('auth_type = scram-sha-256', 'auth_type = trust')
  await writeFile(join(folder, 'pgbouncer.ini'), ini)
  const found = /PgBouncer (\d+\.\d+)/.exec((await run(['/usr/sbin/pgbouncer', '--version'])).out)
  version = Number(found?.[1]?.split('.')[1])
  const { getuid } = process
  pooler = Bun.spawn(['/usr/sbin/pgbouncer', '--quiet', join(folder, 'pgbouncer.ini')], {
    stdio: ['ignore', 'ignore', 'ignore'],
    ...(getuid?.() === 0 && { uid: NOBODY, gid: NOBODY }),
  })
  pooled = (user) => urlOf(user).replace(`:${server.port}`, `:${port}`)
  await until('PgBouncer listens', async () => {
    const client = openSession(pooled('doable_owner'), { prepare: false })
    return client`select 1`.then(
      () => client.end().then(() => true),
      () => client.end().then(() => false),
    )
  })
})
afterAll(async () => {
  pooler.kill('SIGTERM')
  await pooler.exited
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

test("it serves through the page's PgBouncer, and the server itself ends a statement that nobody waits for", async () => {
  const target = await boot('postgres', {
    DATABASE_URL: pooled('doable_service'),
    // The page's table: 1.24 is the first that knows prepared statements unless told not to.
    DB_PREPARE: version >= 24 ? 'on' : 'off',
  })
  for (let i = 0; i < 20; i++)
    expect((await target.request('alice', 'POST', '/api/alice/tasks', { title: `Number ${i}` })).status).toBe(201)
  expect(await (await target.request('alice', 'GET', '/api/alice/tasks')).json()).toHaveLength(20)
  await target.stop()

  const client = openSession(pooled('doable_service'), { prepare: false })
  expect(await client`show statement_timeout`).toMatchObject([{ statement_timeout: '4s' }])
  expect(await client`show idle_in_transaction_session_timeout`).toMatchObject([
    { idle_in_transaction_session_timeout: '5s' },
  ])
  await expect(client`select pg_sleep(10)`.execute()).rejects.toMatchObject({ code: '57014' })
  await client.end()
})
