import { describe, expect, test } from 'bun:test'
import { createTurns } from '../../src/db/turns.ts'
import { createWork } from '../../src/db/work.ts'
import { exportTasks } from '../../src/transfer/export.ts'
import { boot, databases } from '../kit/boot.ts'
import { openSession } from '../kit/postgres-server.ts'
import { useService } from '../kit/service.ts'
import { newStore } from '../kit/store.ts'
import { jsonOf, NO_TASK, newUser, type Task } from '../kit/user.ts'

describe.each(databases)('exports, over the %s database', (kind) => {
  const service = useService(kind)

  test('tombstones at the beginning, in the middle and for whole pages are left out, and nothing else', async () => {
    const user = newUser(service())
    const ids = Array.from({ length: 900 }, (_, n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`)
    const file = ids.map((id, n) => ({
      id,
      title: `n${n}`,
      ...((n < 3 || (n > 100 && n < 700)) && { deleted_at: '2026-01-01T00:00:00Z' }),
    }))
    expect((await user.send('POST', '/import', file)).status).toBe(200)
    for (const [n, id] of ids.entries()) if (n < 3 || (n > 110 && n < 700)) await user.send('DELETE', `/trash/${id}`)
    const kept = file.filter((_, n) => n >= 3 && (n <= 110 || n >= 700)).map(({ id }) => id)
    const exported = await jsonOf<Task[]>(await user.send('GET', '/export'))
    expect(exported.map(({ id }) => id)).toEqual(kept)
    const lines = (await (await user.send('GET', '/export?format=csv')).text()).trimEnd().split('\r\n')
    expect(lines.slice(1).map((line) => line.slice(0, 36))).toEqual(kept)
    expect(Object.keys(exported[0] ?? {})).toEqual(Object.keys(await user.read(ids[5] ?? '')))
  })

  test.each([0, 1, 249, 250, 251, 500, 501])('all of %d tasks', async (count) => {
    const user = newUser(service())
    const file = Array.from({ length: count }, (_, n) => ({ title: `n${n}` }))
    expect((await user.send('POST', '/import', file)).status).toBe(200)
    const exported = await jsonOf<Task[]>(await user.send('GET', '/export'))
    expect(new Set(exported.map(({ title }) => title))).toEqual(new Set(file.map(({ title }) => title)))
    expect(exported).toHaveLength(count)
  })

  test('tasks of 45 KB go out in pieces of about 1 MiB', async () => {
    const store = await newStore(kind)
    const target = await boot(kind, store.env)
    const user = newUser(target)
    const description = '😀'.repeat(10_000)
    const file = Array.from({ length: 60 }, (_, n) => ({ title: `n${n}`, description }))
    expect((await user.send('POST', '/import', file)).status).toBe(200)
    await target.stop()
    const sizes = await store.use(async (db) => {
      const turns = createTurns({ oneConnection: kind === 'embedded' })
      const work = createWork(db, { quota: 1e9, changed() {}, turns })
      const texts = await Array.fromAsync(exportTasks(work, user.id, 'json'))
      return texts.map((text) => Buffer.byteLength(text))
    })
    await store.remove()
    expect(Math.max(...sizes)).toBeLessThan(1.2 * 1024 * 1024)
    expect(sizes.reduce((sum, size) => sum + size)).toBeGreaterThan(60 * 40_000)
  })
})

test('an export looks at each task about once, though the planner has no statistics of the user', async () => {
  const target = await boot('postgres')
  const session = openSession(target.databaseUrl ?? '')
  await session.unsafe('alter table doable.tasks set (autovacuum_enabled = false)')
  const user = newUser(target)
  const file = Array.from({ length: 3000 }, (_, n) => ({ title: `n${n}` }))
  expect((await user.send('POST', '/import', file)).status).toBe(200)
  /** Entries of indexes of tasks that were read. Connections say so with a statement a second later. */
  const looks = async () => {
    for (let n = 0; n < 8; n++) {
      await Bun.sleep(300)
      await Promise.all(Array.from({ length: 20 }, () => user.get(NO_TASK)))
    }
    const [row] = await session.unsafe(
      "select sum(idx_tup_read)::int as count from pg_stat_user_indexes where relname = 'tasks'",
    )
    return Number(row?.['count'])
  }
  const before = await looks()
  expect(await jsonOf<Task[]>(await user.send('GET', '/export'))).toHaveLength(3000)
  const after = await looks()
  expect(after - before).toBeGreaterThanOrEqual(3000)
  expect(after - before).toBeLessThan(6000)
  await session.end()
  await target.stop()
}, 60_000)
