import { expect, test } from 'bun:test'
import { type FakeClient, fakePool, fakeWork, guardOver } from '../kit/driver.ts'

const never = fakeWork(() => new Promise<never>(() => {}))

test('work beyond 10,000 pieces under way is refused at once, until others have ended', async () => {
  const pool = fakePool()
  const guard = guardOver(pool, 500)
  const waiting = Array.from({ length: 10_000 }, () => guard.run(never, 'write'))
  const start = performance.now()
  await expect(guard.run(never, 'write')).rejects.toMatchObject({ code: 'database-unavailable' })
  expect(performance.now() - start).toBeLessThan(200)
  expect(pool.client.taken).toBe(10_000)
  const ended = await Promise.allSettled(waiting)
  expect(ended.every(({ status }) => status === 'rejected')).toBe(true)
  expect(
    await guard.run(
      fakeWork(async () => 'room'),
      'write',
    ),
  ).toBe('room')
  await guard.close()
})

for (const [what, verdict, sent, kind, times] of [
  ['a read that was sent over a connection that broke', 'broken', true, 'read', 2],
  ['a write that was sent over a connection that broke', 'broken', true, 'write', 1],
  ['a write that was never sent', 'broken', false, 'write', 2],
  ['a transaction that was never begun', 'broken', false, 'transaction', 2],
  ['a write whose prepared statement the server refused', 'stale', true, 'write', 2],
  ['a transaction with a prepared statement that the server refused', 'stale', true, 'transaction', 1],
  ['a write that the server refused as read-only, without another server to go to', 'read-only', true, 'write', 1],
  ['a read that took too long', 'not-now', true, 'read', 1],
] as const)
  test(`${what}: tried ${times === 1 ? 'once' : 'twice'}, then 503`, async () => {
    const pool = fakePool()
    const guard = guardOver(pool, 1000)
    const broken = fakeWork(() => Promise.reject(new Error(verdict)), sent)
    await expect(guard.run(broken, kind)).rejects.toMatchObject({ code: 'database-unavailable' })
    expect(pool.client.taken).toBe(times)
    await guard.close()
  })

test('a write that a read-only server refused is done by the server that takes its place, and the log says both', async () => {
  const lines: string[] = []
  const log = {
    info: (_: object, message: string) => lines.push(message),
    warn: (_: object, message: string) => lines.push(message),
  }
  const [old, fresh] = [fakePool(), { ...fakePool(), ping: async () => true }]
  const pools = [old, fresh]
  const open = () => pools.shift() ?? fakePool()
  const guard = guardOver(old, 1000, { open, log })
  const write = (client: FakeClient) => {
    client.taken++
    const result = client === old.client ? Promise.reject(new Error('read-only')) : Promise.resolve('done')
    return { result, isSent: () => true, abandon() {} }
  }
  expect(await guard.run(write, 'write')).toBe('done')
  expect([old.client.taken, fresh.client.taken]).toEqual([1, 1])
  expect(lines).toEqual(['database read-only', 'database takes writes again'])
  await guard.close()
})

test("an error of the statement's own passes through, once", async () => {
  const pool = fakePool()
  const guard = guardOver(pool, 1000)
  const failing = fakeWork(() => Promise.reject(new RangeError('own')))
  await expect(guard.run(failing, 'read')).rejects.toBeInstanceOf(RangeError)
  expect(pool.client.taken).toBe(1)
  await guard.close()
})

test('a closed guard takes nothing more', async () => {
  const guard = guardOver(fakePool(), 1000)
  await guard.close()
  await expect(guard.run(never, 'read')).rejects.toMatchObject({ code: 'database-unavailable' })
})
