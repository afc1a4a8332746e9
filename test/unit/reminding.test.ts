import { expect, test } from 'bun:test'
import { createReminding } from '../../src/service/reminding.ts'
import { until } from '../kit/until.ts'

interface Setting {
  /** What each look finds: in how many milliseconds the next one is due. */
  found?: (number | undefined | Error)[]
  isUsed?: boolean
}

/** A job whose clocks stand at 0 until they are moved. */
function newJob({ found = [], isUsed = false }: Setting = {}) {
  const at = { now: 0, time: 1_800_000_000_000 }
  const looks: number[] = []
  const failures: unknown[] = []
  const job = createReminding({
    async remind() {
      looks.push(at.time)
      const next = found.shift()
      if (next instanceof Error) throw next
      return next
    },
    isUsed: () => isUsed,
    failed: (error) => void failures.push(error),
    clock: { now: () => at.now, time: () => at.time },
  })
  const iso = (ms: number) => new Date(at.time + ms).toISOString()
  return { job, at, looks, failures, iso }
}

test('without a reminder the database is asked once, at the start', async () => {
  const { job, looks } = newJob()
  const end = job.start()
  await Bun.sleep(1500)
  expect(looks).toHaveLength(1)
  await end()
})

test('a reminder that was written here is sent out at its time, and not before', async () => {
  const { job, at, looks, iso } = newJob()
  const end = job.start()
  await until('it is told', () => looks.length === 1)
  job.wake(iso(5000))
  await Bun.sleep(1200)
  expect(looks).toHaveLength(1)
  at.now = 5000
  at.time += 5000
  await until('it is told', () => looks.length === 2, 2000)
  await end()
})

test('the nearer of two comes first, in whatever order they were written', async () => {
  const { job, at, looks, iso } = newJob()
  job.wake(iso(60_000))
  job.wake(iso(1000))
  job.wake(iso(90_000))
  at.now = 1000
  await until('it is told', () => looks.length === 1, 2500)
})

test('a machine that has slept sends out what was due meanwhile', async () => {
  const { job, at, looks, iso } = newJob()
  job.wake(iso(8 * 3_600_000))
  // The clock that never goes back has stood still.
  at.time += 9 * 3_600_000
  await until('it is told', () => looks.length === 1, 2500)
})

test('a clock that is put back delays nothing, and one that is put forward only asks the database', async () => {
  const { job, at, looks, iso } = newJob({ found: [3000] })
  job.wake(iso(2000))
  at.time -= 86_400_000
  at.now = 2000
  await until('it is told', () => looks.length === 1, 2500)
  // The database said that the next is due in 3 s: reckoned from the clocks as they are now.
  at.time += 86_400_000
  await until('it is told', () => looks.length === 2, 2500)
})

test('a reminder in a thousand years is no timer that fires at once', async () => {
  const { job, looks, iso } = newJob()
  job.wake(iso(1000 * 365 * 86_400_000))
  await Bun.sleep(1500)
  expect(looks).toEqual([])
})

test('what is written while it looks is not forgotten', async () => {
  const { promise: slow, resolve } = Promise.withResolvers<number | undefined>()
  let looks = 0
  const job = createReminding({
    remind: () => (looks++ === 0 ? slow : Promise.resolve(undefined)),
    isUsed: () => false,
    failed: () => {},
  })
  job.look()
  job.wake(new Date(Date.now() + 100).toISOString())
  await Bun.sleep(300)
  expect(looks).toBe(1)
  resolve(60_000)
  await until('it is told', () => looks === 2, 2000)
})

test('a database that is away is asked again', async () => {
  const { job, at, looks, failures, iso } = newJob({ found: [new Error('away')] })
  job.wake(iso(0))
  await until('it is told', () => failures.length === 1)
  at.now = 2000
  await until('it is told', () => looks.length === 2, 2500)
})

test('after its end nothing is looked for', async () => {
  const { job, at, looks, iso } = newJob()
  const end = job.start()
  await until('it is told', () => looks.length === 1)
  await end()
  job.wake(iso(0))
  job.look()
  at.now = 10_000
  await Bun.sleep(1300)
  expect(looks).toHaveLength(1)
})
