import { expect, setDefaultTimeout, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { newDatabase, startPostgresServer } from '../kit/postgres-server.ts'
import { newPlace } from '../kit/program.ts'
import { BACK, SLACK } from '../kit/subject.ts'
import { SECRET } from '../kit/tokens.ts'
import { Writers } from './writers.ts'

/** Kills in each test. More by hand: `ROUNDS=20`. */
const ROUNDS = Number(process.env['ROUNDS'] ?? 3)

setDefaultTimeout(60_000 + ROUNDS * 30_000)

const ENV = { BETTER_AUTH_SECRET: SECRET, RATE_LIMIT: '0' }

/** Writes acknowledged in a round before the kill. */
const WRITES = 20

/** A random wait: each kill hits another moment. */
const someTime = () => Bun.sleep(Math.random() * 600)

test.each(databases)(
  'kill -9 of the service over %s: every acknowledged write is there, and none twice',
  async (kind) => {
    await using place = await newPlace()
    const env = { ...ENV, ...(kind === 'postgres' ? { DATABASE_URL: await newDatabase() } : {}) }
    const writers = new Writers()
    for (let round = 0; round < ROUNDS; round++) {
      const served = await place.serve(env)
      await writers.check(served.url)
      writers.start(served.url)
      await writers.written(WRITES)
      await someTime()
      served.signal('SIGKILL')
      await served.ended
      await writers.stop()
    }
    const served = await place.serve(env)
    await writers.check(served.url)
    expect(await served.end()).toBe(0)
    expect(writers.refused).toEqual([])
  },
)

test('kill -9 of PostgreSQL: every acknowledged write is there, none twice, and nothing but 503 meanwhile', async () => {
  const server = await startPostgresServer()
  await using place = await newPlace()
  const served = await place.serve({ ...ENV, DATABASE_URL: server.url() })
  const writers = new Writers()
  try {
    for (let round = 0; round < ROUNDS; round++) {
      writers.start(served.url)
      await writers.written(WRITES)
      await someTime()
      await server.halt('SIGKILL')
      await Bun.sleep(200)
      await server.resume()
      const back = performance.now()
      while (!(await fetch(`${served.url}/health/ready`)).ok) await Bun.sleep(20)
      expect(performance.now() - back).toBeLessThan(BACK + SLACK)
      await writers.stop()
      await writers.check(served.url)
    }
    expect(writers.refused.filter((status) => status !== 503)).toEqual([])
    expect(await served.end()).toBe(0)
  } finally {
    await server.stop()
  }
})
