import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { drizzle } from 'drizzle-orm/postgres-js'
import { buildReminderIndex, hasReminderIndex } from '../../src/db/late-index.ts'
import { boot, type Target } from '../kit/boot.ts'
import { newDatabase, openSession } from '../kit/postgres-server.ts'
import { newPlace } from '../kit/program.ts'
import { type Network, startProxy } from '../kit/proxy.ts'
import { openStream, type Stream } from '../kit/stream.ts'
import { SECRET } from '../kit/tokens.ts'
import { until } from '../kit/until.ts'
import { newUser, type Task, type User } from '../kit/user.ts'

setDefaultTimeout(120_000)

const inMs = (ms: number) => new Date(Date.now() + ms).toISOString()

describe('three replicas', () => {
  let database: string
  let replicas: Target[]
  beforeAll(async () => {
    database = await newDatabase()
    replicas = await Promise.all(Array.from({ length: 3 }, () => boot('postgres', { DATABASE_URL: database })))
  })
  afterAll(() => Promise.all(replicas.map((replica) => replica.stop())))

  test('send each reminder out once, to the listeners of all', async () => {
    const people = replicas.map((replica) => newUser(replica))
    const streams: { person: User; stream: Stream }[] = []
    for (const person of people)
      for (const replica of replicas) streams.push({ person, stream: await openStream(replica, person.id) })
    const remind_at = inMs(3000)
    // Each person's tasks through all replicas, due in the same second.
    const made = new Map<string, Task[]>()
    for (const person of people) {
      const through = replicas.map((replica) => newUser(replica, person.id))
      const tasks = await Promise.all(
        Array.from({ length: 12 }, (_, i) => through[i % 3]?.create({ title: `${i}`, remind_at })),
      )
      made.set(
        person.id,
        tasks.flatMap((task) => task ?? []),
      )
    }
    await until('all are told', () => streams.every(({ stream }) => stream.reminders.length >= 12))
    await Bun.sleep(1500)
    for (const { person, stream } of streams) {
      const ids = made.get(person.id)?.map(({ id }) => id) ?? []
      expect(stream.reminders.map(({ id }) => id).sort()).toEqual(ids.sort())
    }
    for (const person of people) {
      // 12 creations, 12 reminders: no revision was raised for anything else.
      const first = Math.min(...(made.get(person.id) ?? []).map(({ revision }) => revision))
      const { changes, next } = await person.changes()
      expect([changes.length, next]).toEqual([12, first + 23])
    }
    await Promise.all(streams.map(({ stream }) => stream.close()))
  })
})

test('what the replica that took the write leaves behind when it is killed, another sends out', async () => {
  const database = await newDatabase()
  const survivor = await boot('postgres', { DATABASE_URL: database })
  await using place = await newPlace()
  const env = { DATABASE_URL: database, BETTER_AUTH_SECRET: SECRET, RATE_LIMIT: '0' }
  const victim = await place.serve(env)
  const ann = newUser(survivor)
  const stream = await openStream(survivor, ann.id)
  const through = newUser({ ...survivor, ...overUrl(survivor, victim.url) }, ann.id)
  const remind_at = inMs(4000)
  const task = await through.create({ remind_at })
  // The survivor has heard of it by its listener.
  await stream.first(1)
  victim.signal('SIGKILL')
  await until('it is told', () => stream.reminders.length > 0, 4000 + 4000)
  await Bun.sleep(1000)
  expect(stream.reminders.map(({ id }) => id)).toEqual([task.id])
  await stream.close()
  await survivor.stop()
})

test('what fell into a stop goes out at the next start, once', async () => {
  const database = await newDatabase()
  const before = await boot('postgres', { DATABASE_URL: database })
  const { id: user } = newUser(before)
  const task = await newUser(before, user).create({ remind_at: inMs(1500) })
  await before.stop()
  await Bun.sleep(2000)
  const replicas = await Promise.all([0, 1].map(() => boot('postgres', { DATABASE_URL: database })))
  const ann = newUser(replicas[0] as Target, user)
  await until('it is told', async () => (await ann.read(task.id)).reminded_at !== null, 4000)
  expect((await ann.read(task.id)).revision).toBe(task.revision + 1)
  await Promise.all(replicas.map((replica) => replica.stop()))
})

test('without a pending reminder the database is not asked, and until one is due neither', async () => {
  const database = await newDatabase()
  const wire: Network = await startProxy({ port: Number(new URL(database).port) })
  let bytes = 0
  wire.onClientData = (data) => {
    bytes += data.length
    return 'pass'
  }
  const service = await boot('postgres', { DATABASE_URL: wire.through(database) })
  const ann = newUser(service)
  await ann.create()
  const sentIn = async (ms: number) => {
    await Bun.sleep(1000)
    const before = bytes
    await Bun.sleep(ms)
    return bytes - before
  }
  expect(await sentIn(4000)).toBe(0)
  const { id } = await ann.create({ remind_at: inMs(8000) })
  expect(await sentIn(4000)).toBe(0)
  await until('it is told', async () => (await ann.read(id)).reminded_at !== null, 8000)
  expect(await sentIn(4000)).toBe(0)
  await service.stop()
  await wire.close()
})

test('ten thousand in the same second do not hold up requests', async () => {
  const database = await newDatabase()
  const service = await boot('postgres', { DATABASE_URL: database, DB_POOL: '4' })
  const [ann, ...others] = Array.from({ length: 51 }, () => newUser(service))
  if (!ann) throw new Error('nobody')
  await ann.create()
  const p99 = async (isOver: () => boolean | Promise<boolean>) => {
    const took: number[] = []
    do {
      const start = performance.now()
      await ann.list('?limit=20')
      took.push(performance.now() - start)
      await Bun.sleep(5)
    } while (!(await isOver()))
    return took.sort((a, b) => a - b)[Math.floor(took.length * 0.99)] ?? 0
  }
  const sql = openSession(database)
  const pending = async () =>
    Number(
      (await sql`select count(*) from doable.tasks where remind_at is not null and reminded_at is null`)[0]?.['count'],
    )
  const round = async () => {
    const stopAt = Date.now() + 3000
    const quiet = await p99(() => Date.now() > stopAt)
    // Written far ahead and moved all at once: a slow machine may take its time to write them.
    const rows = Array.from({ length: 200 }, (_, i) => ({ title: `${i}`, remind_at: inMs(3_600_000) }))
    for (const other of others) expect((await other.send('POST', '/import', rows)).status).toBe(200)
    const dueAt = inMs(3000)
    await sql`update doable.tasks set remind_at = ${dueAt} where remind_at is not null and reminded_at is null`
    // The service learns of the new time by a task of its own making.
    await ann.create({ remind_at: dueAt })
    await Bun.sleep(Math.max(0, Date.parse(dueAt) - Date.now() - 100))
    let left = await pending()
    expect(left).toBe(10_001)
    let asked = performance.now()
    const busy = await p99(async () => {
      if (performance.now() - asked > 200) {
        left = await pending()
        asked = performance.now()
      }
      return left === 0
    })
    return { quiet, busy }
  }
  // What reminders delay they delay each time; what else runs on the machine does so now and then.
  const rounds: { quiet: number; busy: number }[] = []
  const isCalm = ({ quiet, busy }: { quiet: number; busy: number }) => busy < Math.max(2 * quiet, 25)
  while (rounds.length < 4 && !rounds.some(isCalm)) rounds.push(await round())
  expect(rounds.find(isCalm) ?? rounds).toMatchObject({ busy: expect.any(Number) })
  await sql.end()
  await service.stop()
})

test('an index whose build was interrupted is built anew, and by several at once', async () => {
  const database = await newDatabase()
  await (await boot('postgres', { DATABASE_URL: database })).stop()
  const sessions = [openSession(database), openSession(database), openSession(database)]
  const [db, ...rest] = sessions.map((session) => drizzle(session))
  if (!db) throw new Error('no session')
  expect(await hasReminderIndex(db)).toBe(true)
  await db.execute(`update pg_index set indisvalid = false where indexrelid = 'doable.tasks_reminders'::regclass`)
  expect(await hasReminderIndex(db)).toBe(false)
  await buildReminderIndex(db)
  expect(await hasReminderIndex(db)).toBe(true)
  await db.execute('drop index doable.tasks_reminders')
  await Promise.all([db, ...rest].map((each) => buildReminderIndex(each)))
  expect(await hasReminderIndex(db)).toBe(true)
  for (const session of sessions) await session.end()
})

/** The same target at another address. */
function overUrl(target: Target, url: string): Pick<Target, 'url' | 'request'> {
  return {
    url,
    request: async (user, method, path, body, headers = {}) =>
      fetch(url.replace(/\/$/, '') + path, {
        method,
        headers: {
          ...headers,
          authorization: `Bearer ${await target.tokens.sign(user ?? '', 3600)}`,
          'content-type': 'application/json',
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
  }
}
