import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { boot, type Target } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { openSession, type PostgresServer, startPostgresServer } from '../kit/postgres-server.ts'
import { until } from '../kit/until.ts'
import { newUser } from '../kit/user.ts'

setDefaultTimeout(60_000)

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
async function setReadOnly(value: 'on' | 'off'): Promise<void> {
  const admin = openSession(server.url())
  await admin.unsafe(`alter system set default_transaction_read_only = ${value}`)
  await admin.unsafe('select pg_reload_conf()')
  await admin.end()
  // The server reads it in its own time, and tells the sessions that are there before it makes another.
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
  await setReadOnly('on')
  expect(await ann.list()).toEqual([task])
  expect((await ann.send('GET', `/changes`)).status).toBe(200)
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
    await ann.send('POST', `/batch`, batch),
    await ann.send('DELETE', `?confirm=${ann.id}`),
  ]) {
    expect(refused.headers.get('retry-after')).toBe('1')
    await expectProblem(refused, 503, 'database-unavailable')
  }
  await setReadOnly('off')
  expect(await ann.list()).toEqual([task])
  const made = await ann.post({ title: 'more' }, { 'idempotency-key': 'one' })
  expect([made.status, made.headers.get('etag')]).toEqual([201, '"2"'])
})
