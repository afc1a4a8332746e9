import { expect, setDefaultTimeout, test } from 'bun:test'
import { migrations } from '../../src/db/migrate.ts'
import { boot } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { inSession, newDatabase } from '../kit/postgres-server.ts'
import { newPlace, runToEnd } from '../kit/program.ts'
import { SECRET } from '../kit/tokens.ts'
import { until } from '../kit/until.ts'

setDefaultTimeout(120_000)

const applied = (url: string) => inSession(url, (sql) => sql`select hash from doable.migrations order by id`)

test('four first starts at once over one empty database all succeed', async () => {
  const url = await newDatabase()
  const targets = await Promise.all(Array.from({ length: 4 }, () => boot('postgres', { DATABASE_URL: url })))
  for (const [n, target] of targets.entries()) {
    const made = await target.request('alice', 'POST', '/api/alice/tasks', { title: `by replica ${n}` })
    expect(made.status).toBe(201)
  }
  const list = await targets[0]?.request('alice', 'GET', '/api/alice/tasks')
  expect(await list?.json()).toHaveLength(4)
  expect(await applied(url)).toHaveLength(migrations.length)
  for (const target of targets) await target.stop()
})

test('four programs that migrate at once all succeed', async () => {
  const url = await newDatabase()
  const runs = await Promise.all(Array.from({ length: 4 }, () => runToEnd(['migrate'], { DATABASE_URL: url })))
  expect(runs.map(({ code, stdout }) => [code, stdout])).toEqual(
    runs.map(() => [0, expect.stringContaining('is up to date')]),
  )
  expect(await applied(url)).toHaveLength(migrations.length)
})

test('a second migrate changes nothing', async () => {
  const url = await newDatabase()
  expect((await runToEnd(['migrate'], { DATABASE_URL: url })).code).toBe(0)
  const before = await applied(url)
  expect((await runToEnd(['migrate'], { DATABASE_URL: url })).code).toBe(0)
  expect(await applied(url)).toEqual(before)
})

test('a program killed while it waits to migrate leaves nothing half done, and the next start succeeds', async () => {
  const url = await newDatabase()
  await using place = await newPlace()
  await inSession(url, async (sql) => {
    await sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(${String(0x646f61626c65)})`
      const waiting = place.start(['migrate'], { DATABASE_URL: url, BETTER_AUTH_SECRET: SECRET })
      // Within a transaction pg_stat_activity does not change, so another connection reads it.
      await inSession(url, (other) =>
        until('the program waits for the lock', async () => {
          const rows = await other`select 1 from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'`
          return rows.length > 0
        }),
      )
      await waiting.end('SIGKILL')
    })
    expect(await sql`select to_regclass('doable.tasks') as found`).toMatchObject([{ found: null }])
  })
  expect((await runToEnd(['migrate'], { DATABASE_URL: url })).code).toBe(0)
})

test('a role that may not make a schema is told so, at once', async () => {
  const url = new URL(await newDatabase())
  const role = `poor_${crypto.randomUUID().replaceAll('-', '')}`
  await inSession(url.href, (sql) => sql.unsafe(`create role ${role} login`))
  url.username = role
  const { code, stdout, stderr } = await runToEnd(['migrate'], { DATABASE_URL: url.href })
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^.*cannot be used: permission denied for database.*\n$/)
})

test('a role that may only read and write is enough once another has migrated', async () => {
  const url = new URL(await newDatabase())
  expect((await runToEnd(['migrate'], { DATABASE_URL: url.href })).code).toBe(0)
  const role = `app_${crypto.randomUUID().replaceAll('-', '')}`
  await inSession(url.href, async (sql) => {
    await sql.unsafe(`create role ${role} login`)
    await sql.unsafe(`grant usage on schema doable to ${role}`)
    await sql.unsafe(`grant select, insert, update, delete on all tables in schema doable to ${role}`)
  })
  url.username = role
  const target = await boot('postgres', { DATABASE_URL: url.href })
  expect((await target.request('alice', 'POST', '/api/alice/tasks', { title: 'modest' })).status).toBe(201)
  await target.stop()
})

for (const [what, statement] of [
  ['a migration', 'delete from doable.migrations'],
  ['every table', 'drop schema doable cascade'],
] as const)
  test(`not ready while ${what} is missing`, async () => {
    const url = await newDatabase()
    const target = await boot('postgres', { DATABASE_URL: url })
    expect((await fetch(`${target.url}/health/ready`)).status).toBe(200)
    await inSession(url, (sql) => sql.unsafe(statement))
    const response = await fetch(`${target.url}/health/ready`)
    await expectProblem(response, 503, 'not-ready')
    expect((await fetch(`${target.url}/health`)).status).toBe(200)
    await target.stop()
  })
