import { afterEach, describe, expect, setSystemTime, test } from 'bun:test'
import { drizzle } from 'drizzle-orm/postgres-js'
import { createLog } from '../../src/log.ts'
import { Bell } from '../../src/sync/bell.ts'
import type { ChangePage } from '../../src/sync/changes.ts'
import { eventBody, streamEvents } from '../../src/sync/events.ts'
import { createFeed } from '../../src/sync/feed.ts'
import { shareReads } from '../../src/sync/shared.ts'

/** Later than any of these tests runs. */
const tomorrow = () => Date.now() + 86_400_000

/** Waits a thousandth of the given time, and records that time. */
class QuickBell extends Bell {
  readonly waits: number[] = []
  override wait(ms: number): Promise<boolean> {
    this.waits.push(ms)
    return super.wait(ms / 1000)
  }
}

const nothing = async (_user: string, since?: number): Promise<ChangePage> => ({
  changes: [],
  lists: [],
  next: since ?? 0,
  more: false,
})

const always = async () => true

function listen(bell: Bell, readChanges = nothing, expires = tomorrow(), isAdmitted = always) {
  return streamEvents({ user: 'u', since: 0, expires, isAdmitted, bell, readChanges })
}

describe('a stream', () => {
  afterEach(() => {
    setSystemTime()
  })

  test('says a comment every 15 s while nothing happens, and nothing more', async () => {
    const bell = new QuickBell(() => {})
    const events = listen(bell)
    expect((await events.next()).value).toBe('retry: 1000\n\n')
    for (let beat = 0; beat < 3; beat++) expect((await events.next()).value).toBe(':\n\n')
    expect(bell.waits).toHaveLength(3)
    for (const wait of bell.waits) expect(wait).toBeWithin(14_000, 15_001)
    await events.return(undefined)
    expect(bell.closed).toBe(true)
  })

  test('waits no longer than its token lasts', async () => {
    const bell = new QuickBell(() => {})
    const events = listen(bell, nothing, Date.now() + 4000)
    await events.next()
    await events.next()
    expect(bell.waits[0]).toBeWithin(1, 4001)
    setSystemTime(Date.now() + 5000)
    expect((await events.next()).done).toBe(true)
    expect(bell.closed).toBe(true)
  })

  test('reads again for a ring that came while it was reading', async () => {
    const bell = new Bell(() => {})
    let reads = 0
    const events = listen(bell, async (user, since) => {
      if (++reads <= 2) bell.ring()
      if (reads === 3) bell.close()
      return nothing(user, since)
    })
    await events.next()
    expect((await events.next()).done).toBe(true)
    expect(reads).toBe(3)
  })

  test('ends without a fault when its changes cannot be read', async () => {
    const bell = new Bell(() => {})
    const events = listen(bell, () => Promise.reject(new Error('the database is away')))
    await events.next()
    expect((await events.next()).done).toBe(true)
    expect(bell.closed).toBe(true)
  })

  test('reads nothing before the reader has taken what was there', async () => {
    let reads = 0
    const endless = async (): Promise<ChangePage> => ({ changes: [], lists: [], next: ++reads, more: true })
    const bell = new Bell(() => {})
    const reader = eventBody(listen(bell, endless), bell).getReader()
    await Bun.sleep(20)
    expect(reads).toBe(0)
    await reader.read()
    await Bun.sleep(20)
    expect(reads).toBe(0)
    await reader.cancel()
  })

  test('carries its comments also while writes that change nothing ring all the time', async () => {
    const bell = new QuickBell(() => {})
    const events = listen(bell, async (user, since) => {
      bell.ring()
      setSystemTime(Date.now() + 1000)
      return nothing(user, since)
    })
    await events.next()
    const start = Date.now()
    expect((await events.next()).value).toBe(':\n\n')
    expect(Date.now() - start).toBeWithin(15_000, 17_000)
    await events.return(undefined)
  })

  test('ends at the next comment once its token no longer counts', async () => {
    const bell = new QuickBell(() => {})
    let isAdmitted = true
    const events = listen(bell, nothing, tomorrow(), async () => isAdmitted)
    await events.next()
    expect((await events.next()).value).toBe(':\n\n')
    isAdmitted = false
    expect((await events.next()).done).toBe(true)
    expect(bell.closed).toBe(true)
  })
})

describe('a shared read', () => {
  test('serves all who ask for the same at once, and nobody who asks after it has begun', async () => {
    const asked: string[] = []
    const begun = Promise.withResolvers<void>()
    const finish = Promise.withResolvers<void>()
    const read = shareReads(async (user, since, limit) => {
      asked.push(`${user} ${since} ${limit}`)
      begun.resolve()
      await finish.promise
      return nothing(user, since)
    })
    const together = [read('a', 1, 9), read('a', 1, 9), read('a', 2, 9), read('b', 1, 9)]
    await begun.promise
    const late = read('a', 1, 9)
    finish.resolve()
    expect((await Promise.all(together)).map(({ next }) => next)).toEqual([1, 1, 2, 1])
    await late
    expect(asked).toEqual(['a 1 9', 'a 2 9', 'b 1 9', 'a 1 9'])
  })

  test('that fails fails for all, and for no one later', async () => {
    let fail = true
    const read = shareReads((user, since) => (fail ? Promise.reject(new Error('away')) : nothing(user, since)))
    for (const one of await Promise.allSettled([read('a', 0, 1), read('a', 0, 1)])) expect(one.status).toBe('rejected')
    fail = false
    expect((await read('a', 0, 1)).next).toBe(0)
  })
})

describe('the feed', () => {
  const newFeed = () => createFeed(drizzle.mock(), createLog('silent'))

  test('forgets a listener whose client has gone, also when it waits', async () => {
    const feed = newFeed()
    const bells = [feed.listen('a'), feed.listen('a'), feed.listen('b')]
    expect(feed.size).toBe(3)
    const bodies = bells.map((bell) => eventBody(listen(bell), bell))
    const readers = bodies.map((body) => body.getReader())
    for (const reader of readers) await reader.read()
    const waiting = readers.map((reader) => reader.read())
    for (const [i, reader] of readers.entries()) {
      await reader.cancel()
      expect((await waiting[i])?.done).toBe(true)
      expect(feed.size).toBe(2 - i)
    }
  })

  test('rings for all listeners of a user and for nobody else', async () => {
    const feed = newFeed()
    const bells = ['a', 'a', 'b'].map((user) => feed.listen(user))
    feed.ring('a')
    expect(await Promise.all(bells.map((bell) => bell.wait(20)))).toEqual([true, true, false])
    for (const bell of bells) bell.close()
    expect(feed.size).toBe(0)
  })

  test('ends all listening when the service stops, and takes no new one', async () => {
    const feed = newFeed()
    const bell = feed.listen('a')
    const waiting = bell.wait(60_000)
    feed.close()
    expect(await waiting).toBe(false)
    expect(bell.closed).toBe(true)
    expect(feed.listen('b').closed).toBe(true)
    expect(feed.size).toBe(0)
  })
})
