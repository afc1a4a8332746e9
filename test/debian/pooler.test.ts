import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { startPooler } from '../../bench/pooler.ts'
import { openPostgres } from '../../src/db/postgres/open.ts'
import { boot } from '../kit/boot.ts'
import { openSession, type PostgresServer, startPostgresServer } from '../kit/postgres-server.ts'
import { alterTable, underLoad } from '../kit/under-load.ts'
import { until } from '../kit/until.ts'
import { newUser } from '../kit/user.ts'

setDefaultTimeout(120_000)

// Debian puts it where only root's PATH leads.
const program = Bun.which('pgbouncer', { PATH: `${process.env['PATH']}:/usr/sbin` })
if (program === null) throw new Error('PgBouncer is not there: these tests need it (apt-get install pgbouncer)')

/** Before 1.21 there was no such setting, and statements were always lost. */
const [, minor = 0] = /PgBouncer 1\.(\d+)/.exec(Bun.spawnSync([program, '--version']).stdout.toString()) ?? []
const keeps = Number(minor) >= 21
const modes: [what: string, settings: string[]][] = [
  ['loses prepared statements', keeps ? ['max_prepared_statements = 0'] : []],
  ...(keeps ? [['keeps prepared statements', ['max_prepared_statements = 200']] satisfies [string, string[]]] : []),
]

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgresServer()
})
afterAll(() => server.stop())

async function newPooler(settings: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'doable-pooler-'))
  const pooler = await startPooler(program ?? '', server, folder, settings)
  return {
    url: pooler.url('postgres'),
    async [Symbol.asyncDispose]() {
      await pooler.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

for (const [what, settings] of modes)
  for (const pool of [1, 4])
    test(`a table altered under load, behind a pooler that ${what}, connections: ${pool}: every answer is the asked one's`, async () => {
      await using pooler = await newPooler(settings)
      const env = { DATABASE_URL: pooler.url, DB_POOL: String(pool), DB_PREPARE: 'on' }
      const { wrong, unavailable, asked } = await underLoad(env, server.url(), alterTable)
      expect(wrong).toEqual([])
      expect(unavailable).toBeLessThan(asked / 5)
    })

const IGNORES_DEADLINES = 'ignore_startup_parameters = statement_timeout, idle_in_transaction_session_timeout'
const olds: [what: string, prepare: string, settings: string[]][] = [
  ['DB_PREPARE=off', 'off', []],
  ['DB_PREPARE=on', 'on', []],
  ['DB_PREPARE=on and a pooler that ignores deadlines', 'on', [IGNORES_DEADLINES]],
]

for (const [what, prepare, settings] of olds)
  test(`with ${what} nobody waits in vain for an answer, however old the pooler`, async () => {
    // PgBouncer before 1.21 loses the answers of what is sent ahead, such as a statement behind that of a probe.
    await using pooler = await newPooler([...(modes[0]?.[1] ?? []), ...settings])
    const target = await boot('postgres', { DATABASE_URL: pooler.url, DB_POOL: '1', DB_PREPARE: prepare })
    const statuses = new Set<number>()
    let isOver = false
    const ask = async (send: () => Promise<Response>) => {
      while (!isOver) {
        const answer = await send()
        await answer.text()
        statuses.add(answer.status)
      }
    }
    const running = [
      ...Array.from({ length: 16 }, () => newUser(target)).map((user) => ask(() => user.post({ title: 'Buy milk' }))),
      ask(() => target.request(undefined, 'GET', '/health/ready')),
    ]
    await Bun.sleep(3000)
    isOver = true
    await Promise.all(running)
    await target.stop()
    expect([...statuses].sort()).toEqual([200, 201])
  })

test('a lost prepared statement is answered all the same, and logged once, with the setting that helps', async () => {
  await using pooler = await newPooler(modes[0]?.[1] ?? [])
  const lines: string[] = []
  const log = { info() {}, warn: (_: object, message: string) => lines.push(message) }
  const options = { pool: 1, prepare: true, requestTimeoutMs: 5000 }
  const database = await openPostgres(pooler.url, options, undefined, log)
  const admin = openSession(server.url())
  await until('the pooler listens', () =>
    database.ping().then(
      () => true,
      () => false,
    ),
  )
  const statements = ['one', 'two'].map((name) =>
    database.db
      .select({ value: sql<string>`${sql.placeholder('value')}::text`.as(name) })
      .from(sql`pg_catalog.pg_database`)
      .limit(1)
      .prepare(name),
  )
  for (const value of ['before', 'after', 'later']) {
    for (const statement of statements) expect(await statement.execute({ value })).toEqual([{ value }])
    // The pooler's connections to the server, which have the statements.
    await admin`select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'doable'`
  }
  await database.close()
  await admin.end()
  expect(lines.filter((line) => line.includes('DB_PREPARE=off'))).toHaveLength(1)
})
