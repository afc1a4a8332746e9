import { expect, test } from 'bun:test'
import { Guard, type Pool, type Work } from '../../src/db/postgres/guard.ts'

/** A pool over nothing: `client` counts what it is handed. */
function fakePool(): Pool<{ taken: number }> {
  return {
    client: { taken: 0 },
    heard: () => performance.now(),
    isUp: () => true,
    cutSilent() {},
    ping: async () => {},
    end: async () => {},
  }
}

function guardOver(pool: Pool<{ taken: number }>, deadlineMs: number) {
  return new Guard<{ taken: number }>({
    open: () => pool,
    deadlineMs,
    judge: (e) => (e instanceof RangeError ? undefined : 'broken'),
    relent: () => false,
  })
}

const never = (client: { taken: number }): Work<never> => {
  client.taken++
  return { result: new Promise<never>(() => {}), isSent: () => true, abandon() {} }
}

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
  expect(await guard.run(() => ({ result: Promise.resolve('room'), isSent: () => true, abandon() {} }), false)).toBe(
    'room',
  )
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
    const broken = (client: { taken: number }): Work<never> => {
      client.taken++
      return { result: Promise.reject(new Error('broken')), isSent: () => sent, abandon() {} }
    }
    await expect(guard.run(broken, repeatable)).rejects.toMatchObject({ code: 'database-unavailable' })
    expect(pool.client.taken).toBe(times)
    await guard.close()
  })

test("an error of the statement's own passes through, once", async () => {
  const pool = fakePool()
  const guard = guardOver(pool, 1000)
  const failing = (client: { taken: number }): Work<never> => {
    client.taken++
    return { result: Promise.reject(new RangeError('own')), isSent: () => true, abandon() {} }
  }
  await expect(guard.run(failing, true)).rejects.toBeInstanceOf(RangeError)
  expect(pool.client.taken).toBe(1)
  await guard.close()
})

test('a closed guard takes nothing more', async () => {
  const guard = guardOver(fakePool(), 1000)
  await guard.close()
  await expect(guard.run(never, true)).rejects.toMatchObject({ code: 'database-unavailable' })
})
