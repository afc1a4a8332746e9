import { expect, test } from 'bun:test'
import { fakePool, fakeWork, guardOver } from '../kit/driver.ts'

const never = fakeWork(() => new Promise<never>(() => {}))

test('only so much can wait for the database: the rest is refused at once, until there is room again', async () => {
  const pool = fakePool()
  const guard = guardOver(pool, 500)
  const waiting = Array.from({ length: 10_000 }, () => guard.run(never, false))
  const start = performance.now()
  await expect(guard.run(never, false)).rejects.toMatchObject({ code: 'database-unavailable' })
  expect(performance.now() - start).toBeLessThan(200)
  expect(pool.client.taken).toBe(10_000)
  const ended = await Promise.allSettled(waiting)
  expect(ended.every(({ status }) => status === 'rejected')).toBe(true)
  expect(
    await guard.run(
      fakeWork(async () => 'room'),
      false,
    ),
  ).toBe('room')
  await guard.close()
})

for (const [what, sent, repeatable, times] of [
  ['a read that was sent', true, true, 2],
  ['a write that was sent', true, false, 1],
  ['a write that was never sent', false, false, 2],
] as const)
  test(`${what} over a connection that broke is tried ${times === 1 ? 'once' : 'twice'}`, async () => {
    const pool = fakePool()
    const guard = guardOver(pool, 1000)
    const broken = fakeWork(() => Promise.reject(new Error('broken')), sent)
    await expect(guard.run(broken, repeatable)).rejects.toMatchObject({ code: 'database-unavailable' })
    expect(pool.client.taken).toBe(times)
    await guard.close()
  })

test("an error of the statement's own passes through, once", async () => {
  const pool = fakePool()
  const guard = guardOver(pool, 1000)
  const failing = fakeWork(() => Promise.reject(new RangeError('own')))
  await expect(guard.run(failing, true)).rejects.toBeInstanceOf(RangeError)
  expect(pool.client.taken).toBe(1)
  await guard.close()
})

test('a closed guard takes nothing more', async () => {
  const guard = guardOver(fakePool(), 1000)
  await guard.close()
  await expect(guard.run(never, true)).rejects.toMatchObject({ code: 'database-unavailable' })
})
