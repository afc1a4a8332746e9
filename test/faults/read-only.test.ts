import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { boot, type Target } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { openSession, type PostgresServer, startPostgresServer } from '../kit/postgres-server.ts'
import { startProxy } from '../kit/proxy.ts'
import { until } from '../kit/until.ts'
import { newUser } from '../kit/user.ts'

setDefaultTimeout(120_000)

let server: PostgresServer
let service: Target

beforeAll(async () => {
  server = await startPostgresServer()
  service = await boot('postgres', { DATABASE_URL: server.url() })
})
afterAll(async () => {
  await service.stop()
  await server.stop()
})

/** As after a failover to a server that is not promoted yet: also for the sessions that are there. */
async function setReadOnly(server: PostgresServer, value: 'on' | 'off'): Promise<void> {
  const admin = openSession(server.url())
  await admin.unsafe(`alter system set default_transaction_read_only = ${value}`)
  await admin.unsafe('select pg_reload_conf()')
  await admin.end()
  // The reload does not wait. Existing sessions have it before the server accepts a new one.
  await until(`a new session is read-only: ${value}`, async () => {
    const session = openSession(server.url())
    const [row] = await session.unsafe('show default_transaction_read_only')
    await session.end()
    return row?.['default_transaction_read_only'] === value
  })
}

test('while PostgreSQL is read-only, reads go on, writes are 503, and nothing is half done', async () => {
  const ann = newUser(service)
  const task = await ann.create()
  await setReadOnly(server, 'on')
  expect(await ann.list()).toEqual([task])
  expect((await ann.send('GET', '/changes')).status).toBe(200)
  const batch = {
    operations: [
      { op: 'create', task: { title: 'a' } },
      { op: 'delete', id: task.id },
    ],
  }
  for (const refused of [
    await ann.post({ title: 'more' }),
    await ann.post({ title: 'more' }, { 'idempotency-key': 'one' }),
    await ann.put(task.id, { title: 'more' }),
    await ann.complete(task.id),
    await ann.delete(task.id),
    await ann.send('POST', '/batch', batch),
    await ann.send('DELETE', `?confirm=${ann.id}`),
  ]) {
    expect(refused.headers.get('retry-after')).toBe('1')
    await expectProblem(refused, 503, 'database-unavailable')
  }
  await setReadOnly(server, 'off')
  expect(await ann.list()).toEqual([task])
  const made = await ann.post({ title: 'more' }, { 'idempotency-key': 'one' })
  expect([made.status, made.headers.get('etag')]).toEqual([201, `"${task.revision + 1}"`])
})

/** A service at an address that leads to the first server, until `failOver` leads it to a new primary. */
async function bootBeforeFailover(stack: AsyncDisposableStack) {
  const fresh = await startPostgresServer()
  stack.defer(() => fresh.stop())
  // Migrated, as a standby is.
  await (await boot('postgres', { DATABASE_URL: fresh.url() })).stop()
  const address = { port: server.port }
  const proxy = await startProxy(address)
  stack.defer(() => proxy.close())
  const target = await boot('postgres', { DATABASE_URL: `${proxy.through(server.url())}?application_name=moved` })
  stack.defer(() => target.stop())
  stack.defer(() => setReadOnly(server, 'off'))
  return {
    bob: newUser(target),
    failOver() {
      address.port = fresh.port
    },
  }
}

test('after a failover the old primary is left for the new one within two seconds; until then reads go on', async () => {
  await using stack = new AsyncDisposableStack()
  const { bob, failOver } = await bootBeforeFailover(stack)
  const task = await bob.create()
  await setReadOnly(server, 'on')
  await expectProblem(await bob.put(task.id, { title: 'more' }), 503, 'database-unavailable')
  // Long enough for the address to be tried again, while it still leads to the old primary.
  await Bun.sleep(1200)
  expect(await bob.list()).toEqual([task])
  await expectProblem(await bob.put(task.id, { title: 'more' }), 503, 'database-unavailable')

  failOver()
  await until('a write is done', async () => (await bob.post({ title: 'new' })).status === 201, 2000)
  expect((await bob.list()).map(({ title }) => title)).toEqual(['new'])
  const admin = openSession(server.url())
  stack.defer(() => admin.end())
  await until('the connections to the old primary are closed', async () => {
    const rows = await admin`select 1 from pg_stat_activity where application_name = 'moved'`
    return rows.length === 0
  })
})

test('a write that meets the old primary after the failover is done by the new one', async () => {
  await using stack = new AsyncDisposableStack()
  const { bob, failOver } = await bootBeforeFailover(stack)
  await bob.create()
  await setReadOnly(server, 'on')
  failOver()
  expect((await bob.post({ title: 'new' })).status).toBe(201)
  expect((await bob.list()).map(({ title }) => title)).toEqual(['new'])
})
