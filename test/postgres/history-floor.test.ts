import { expect, test } from 'bun:test'
import { boot } from '../kit/boot.ts'
import { openSession } from '../kit/postgres-server.ts'
import { until } from '../kit/until.ts'
import { newUser, type User } from '../kit/user.ts'

/** Far ahead of the clock, as imports of many tasks in a row would drive it. */
const AHEAD = 3_600_000

const writes: [name: string, write: (user: User) => Promise<Response>][] = [
  ['a create', (user) => user.post({ title: 'x' })],
  ['a create under a key', (user) => user.post({ title: 'x' }, { 'idempotency-key': 'k' })],
  ['a batch', (user) => user.send('POST', '/batch', { operations: [{ op: 'create', task: { title: 'x' } }] })],
  ['an import', (user) => user.send('POST', '/import', [{ title: 'x' }])],
]

test.each(writes)('%s that waited for an erasure begins above what was erased', async (_, write) => {
  const target = await boot('postgres')
  const user = newUser(target)
  const sql = openSession(target.databaseUrl ?? '', { max: 2 })
  const waiting = (count: number) =>
    until(`${count} wait for a lock`, async () => {
      const rows = await sql`select 1 from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`
      return rows.length >= count
    })
  await user.create({ title: 'erased' })
  const [row] = await sql<{ revision: string }[]>`update doable.users set revision = revision + ${AHEAD}
    where id = ${user.id} returning revision`
  await sql`insert into doable.settings (name, value) values ('history_floor', '1')`
  const answers: Promise<Response>[] = []
  await sql.begin(async (tx) => {
    // The erasure has deleted the user by the time it waits for this row, and has not committed.
    await tx`select 1 from doable.settings where name = 'history_floor' for update`
    answers.push(user.send('DELETE', `?confirm=${user.id}`))
    await waiting(1)
    answers.push(write(user))
    await waiting(2)
  })
  const statuses = (await Promise.all(answers)).map(({ status }) => status)
  expect(statuses[0]).toBe(204)
  expect(statuses[1]).toBeWithin(200, 300)
  const [task] = await user.list()
  expect(task?.revision).toBeGreaterThan(Number(row?.revision))
  await sql.end()
  await target.stop()
})
