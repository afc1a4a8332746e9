import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { boot, type Target } from '../kit/boot.ts'
import { newDatabase } from '../kit/postgres-server.ts'
import { type Network, startProxy } from '../kit/proxy.ts'
import { openStream, type Stream } from '../kit/stream.ts'
import { SLACK } from '../kit/subject.ts'
import { newUser } from '../kit/user.ts'

setDefaultTimeout(120_000)

/** How soon a listener has what was written through another service. */
const ARRIVES_MS = 2000

/** Ends every statement of the extended protocol (PostgreSQL manual, 54.2.3). */
const SYNC = Buffer.from([0x53, 0, 0, 0, 4])

describe('two services on one PostgreSQL', () => {
  let a: Target
  let b: Target
  /** Between `b` and the database: counts the statements. */
  let wire: Network
  /** Between a client and `b`: cuts the client's connection. */
  let line: Network
  let statements = 0
  const streams: Stream[] = []

  beforeAll(async () => {
    const database = await newDatabase()
    a = await boot('postgres', { DATABASE_URL: database })
    wire = await startProxy({ port: Number(new URL(database).port) })
    wire.onClientData = (bytes) => {
      for (let at = bytes.indexOf(SYNC); at >= 0; at = bytes.indexOf(SYNC, at + SYNC.length)) statements++
      return 'pass'
    }
    b = await boot('postgres', { DATABASE_URL: wire.through(database) })
    line = await startProxy({ port: Number(new URL(b.url).port) })
  })
  afterEach(async () => {
    for (const stream of streams.splice(0)) await stream.close()
  })
  afterAll(async () => {
    await line?.close()
    await b?.stop()
    await wire?.close()
    await a?.stop()
  })

  async function follow(user: string, ...options: [query?: string, options?: Parameters<typeof openStream>[3]]) {
    const stream = await openStream(b, user, ...options)
    streams.push(stream)
    return stream
  }

  test('a write through one arrives at a listener of the other within 2 s', async () => {
    const writer = newUser(a)
    const stream = await follow(writer.id)
    for (let write = 1; write <= 3; write++) {
      const task = await writer.create({ title: `${write}` })
      const start = performance.now()
      expect((await stream.first(write)).at(-1)).toEqual({ id: task.revision, task })
      expect(performance.now() - start).toBeLessThan(ARRIVES_MS + SLACK)
    }
  })

  test('an erasure through one ends the listeners of the other', async () => {
    const writer = newUser(a)
    await writer.create({ title: 'x' })
    const stream = await follow(writer.id)
    await writer.send('DELETE', `?confirm=${writer.id}`)
    const start = performance.now()
    expect(await stream.ended).toBe('end')
    expect(performance.now() - start).toBeLessThan(ARRIVES_MS + SLACK)
  })

  test('a connection that is cut again and again loses and doubles nothing', async () => {
    const TOTAL = 120
    const through = [newUser(a)]
    const [writer] = through
    if (!writer) throw new Error('no writer')
    through.push(newUser(b, writer.id))
    const told: number[] = []
    const titles = new Set<string>()
    let cuts = 0

    const following = (async () => {
      while (told.length < TOTAL) {
        const last = told.at(-1)
        const stream = await openStream(b, writer.id, last === undefined ? '?since=0' : '', {
          url: line.through(b.url).replace(/\/$/, ''),
          ...(last === undefined ? {} : { headers: { 'last-event-id': String(last) } }),
        })
        const before = told.length
        // Cut after a few events, while more are written.
        await stream.first(Math.min(7, TOTAL - before))
        line.cut()
        cuts++
        await stream.ended
        for (const { id, task } of stream.seen) {
          told.push(id)
          titles.add(task.title)
        }
      }
    })()
    for (let i = 0; i < TOTAL; i++) await through[i % 2]?.create({ title: `${i}` })
    await following
    const [first = 0] = told
    expect(told).toEqual(Array.from({ length: TOTAL }, (_, i) => first + i))
    expect(titles.size).toBe(TOTAL)
    expect(cuts).toBeGreaterThan(2)
  })

  async function statementsIn(ms: number): Promise<number> {
    const before = statements
    await Bun.sleep(ms)
    return statements - before
  }

  test('without listeners the database is left alone; for all of them together there is one query a second', async () => {
    await Bun.sleep(1200)
    expect(await statementsIn(3000)).toBe(0)
    for (let i = 0; i < 60; i++) await follow(`listener-${i % 30}`)
    await Bun.sleep(2200)
    const many = await statementsIn(5000)
    expect(many).toBeGreaterThanOrEqual(3)
    expect(many).toBeLessThanOrEqual(6)
    for (const stream of streams.splice(0)) await stream.close()
    await Bun.sleep(1200)
    expect(await statementsIn(3000)).toBe(0)
  })
})
