import { expect, setDefaultTimeout, test } from 'bun:test'
import { newDatabase } from '../kit/postgres-server.ts'
import { alterTable, type Disturbance, underLoad } from '../kit/under-load.ts'
import { newUser, type User } from '../kit/user.ts'

setDefaultTimeout(120_000)

for (const pool of [1, 4])
  test(`a table altered under load, connections: ${pool}: every answer is the asked one's, and single writes are done`, async () => {
    const url = await newDatabase()
    const { wrong, unavailable, asked } = await underLoad({ DATABASE_URL: url, DB_POOL: String(pool) }, url, alterTable)
    expect(wrong).toEqual([])
    expect(unavailable).toBeLessThan(asked / 5)
  })

test("statements cancelled under load, some of their rows sent: every other answer is the asked one's", async () => {
  const url = await newDatabase()
  let rich: User | undefined
  const answers = new Map<number, number>()
  const cancelAll: Disturbance = async (admin, _, target) => {
    if (rich === undefined) {
      rich = newUser(target)
      const task = { title: 'long', description: 'd'.repeat(900) }
      await rich.batch(Array.from({ length: 100 }, () => ({ op: 'create', task })))
    }
    let areUnderWay = true
    const long = Promise.all(Array.from({ length: 4 }, () => rich?.send('GET', '/changes?limit=1000'))).finally(() => {
      areUnderWay = false
    })
    while (areUnderWay) {
      await Bun.sleep(Math.random() * 20)
      await admin.unsafe(
        'select pg_cancel_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
      )
    }
    for (const response of await long) {
      const status = response?.status ?? 0
      answers.set(status, (answers.get(status) ?? 0) + 1)
      await response?.text()
    }
  }
  const { wrong } = await underLoad({ DATABASE_URL: url, DB_POOL: '2' }, url, cancelAll, 150)
  expect(wrong).toEqual([])
  expect([...answers.keys()].sort()).toEqual([200, 503])
})
