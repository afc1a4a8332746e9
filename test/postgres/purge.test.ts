import { expect, test } from 'bun:test'
import { readConfig } from '../../src/config.ts'
import { openDatabase } from '../../src/db/open.ts'
import { purgeExpired } from '../../src/tasks/purge.ts'
import { boot } from '../kit/boot.ts'
import { openSession } from '../kit/postgres-server.ts'
import { runToEnd } from '../kit/program.ts'
import { SECRET } from '../kit/tokens.ts'
import { newUser } from '../kit/user.ts'

interface Seen {
  id: string
  title: string
  revision: number
  deleted_at: string | null
}

test('what has been in the trash for TRASH_DAYS is emptied once, whoever empties it', async () => {
  const target = await boot('postgres')
  const url = target.databaseUrl ?? ''
  const users = ['anna', 'ben']
  /** The counter of each where the history begins. */
  const firsts = new Map<string, number>()
  for (const user of users)
    for (const title of ['old', 'older', 'fresh', 'kept']) {
      const made = await target.request(user, 'POST', `/api/${user}/tasks`, { title })
      const { id, revision } = (await made.json()) as Seen
      if (!firsts.has(user)) firsts.set(user, revision - 1)
      if (title !== 'kept') await target.request(user, 'DELETE', `/api/${user}/tasks/${id}`)
    }
  const sql = openSession(url)
  await sql`update doable.tasks set deleted_at = now() - interval '31 days' where title in ('old', 'older')`
  await sql`update doable.tasks set deleted_at = now() - interval '29 days 23 hours 59 minutes' where title = 'fresh'`
  await sql.end()

  const config = readConfig({ DATABASE_URL: url, BETTER_AUTH_SECRET: SECRET })
  const databases = await Promise.all([openDatabase(config), openDatabase(config), openDatabase(config)])
  const rung: string[] = []
  const purged = await Promise.all(databases.map(({ db }) => purgeExpired(db, 30, (user) => rung.push(user))))
  expect(purged.reduce((sum, count) => sum + count)).toBe(4)
  expect(new Set(rung)).toEqual(new Set(users))
  await Promise.all(databases.map((database) => database.close()))

  for (const user of users) {
    const { changes } = (await (await target.request(user, 'GET', `/api/${user}/changes`)).json()) as {
      changes: Seen[]
    }
    // Seven changes by requests, then one revision for each of the two that were emptied.
    const start = (changes[0]?.revision ?? 0) - 6
    expect(changes.map(({ revision, title }) => [revision - start, title])).toEqual([
      [6, 'fresh'],
      [7, 'kept'],
      [8, ''],
      [9, ''],
    ])
    expect(start).toBe(firsts.get(user) ?? 0)
    expect(changes.filter(({ title }) => title === '').every(({ deleted_at }) => deleted_at !== null)).toBe(true)
    const trash = (await (await target.request(user, 'GET', `/api/${user}/trash`)).json()) as Seen[]
    expect(trash.map(({ title }) => title)).toEqual(['fresh'])
  }
  await target.stop()
})

test('an answer under an Idempotency-Key is forgotten after 24 hours, and not before', async () => {
  const target = await boot('postgres')
  const ann = newUser(target)
  const sql = openSession(target.databaseUrl ?? '')
  const ages = { young: '23 hours 59 minutes', old: '24 hours 1 minute' }
  for (const [key, age] of Object.entries(ages)) {
    expect((await ann.post({ title: key }, { 'idempotency-key': key })).status).toBe(201)
    await sql`update doable.idempotency_keys set created_at = now() - ${age}::interval where key = ${key}`
  }
  expect((await runToEnd(['purge'], { DATABASE_URL: target.databaseUrl ?? '' })).code).toBe(0)
  const kept = await sql<{ key: string }[]>`select key from doable.idempotency_keys`
  expect(kept.map(({ key }) => key)).toEqual(['young'])
  await sql.end()
  await target.stop()
})
