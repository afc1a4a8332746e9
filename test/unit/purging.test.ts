import { expect, test } from 'bun:test'
import { Activity } from '../../src/service/activity.ts'
import { createPurging } from '../../src/service/purging.ts'
import { Readiness } from '../../src/service/readiness.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

function newClock() {
  let at = 0
  const pass = (ms: number) => {
    at += ms
  }
  const clock = { now: () => at, pass }
  const activity = new Activity(clock.now)
  return { clock, activity }
}

test('a database without requests is never woken by a purge', async () => {
  const { clock, activity } = newClock()
  let purges = 0
  const purge = async () => void purges++
  const { look } = createPurging({ activity, purge, now: clock.now })
  activity.touch()
  for (let minute = 0; minute < 48 * 60; minute++) {
    clock.pass(MINUTE)
    await look()
  }
  expect(purges).toBe(0)
})

test('the trash is emptied once an hour while requests use the database, and its statements are no use', async () => {
  const { clock, activity } = newClock()
  const purgedAt: number[] = []
  const purge = async () => {
    purgedAt.push(clock.now() / MINUTE)
    activity.touch()
  }
  const { look } = createPurging({ activity, purge, now: clock.now })
  const pass = async (minutes: number, isUsed: boolean) => {
    for (let minute = 0; minute < minutes; minute++) {
      clock.pass(MINUTE)
      if (isUsed) activity.touch()
      await look()
    }
  }
  await pass(150, true)
  expect(purgedAt).toEqual([60, 120])
  // Two hours asleep: the purge that is due waits for the next request, and comes with it.
  await pass(120, false)
  expect(purgedAt).toEqual([60, 120])
  await pass(1, true)
  expect(purgedAt).toEqual([60, 120, 271])
  await pass(3 * 60, false)
  expect(purgedAt).toHaveLength(3)
})

test('looks at the metrics ask a database that is used, and let one that rests sleep', async () => {
  const { clock, activity } = newClock()
  let asked = 0
  let isThere = true
  const readiness = new Readiness(activity, async () => {
    asked++
    activity.touch()
    if (!isThere) throw new Error('away')
    return true
  })
  activity.touch()
  expect(await readiness.asKnown()).toBe(true)
  expect(asked).toBe(1)
  for (let look = 0; look < 100; look++) {
    clock.pass(HOUR / 60)
    expect(await readiness.asKnown()).toBe(true)
  }
  expect(asked).toBe(1)
  isThere = false
  activity.touch()
  expect(await readiness.asKnown()).toBe(false)
  // A database that is away is no sleeping one: it is asked until it is back.
  clock.pass(HOUR)
  expect(await readiness.asKnown()).toBe(false)
  isThere = true
  expect(await readiness.asKnown()).toBe(true)
  readiness.leave()
  expect([await readiness.asKnown(), await readiness.ask()]).toEqual([false, false])
})
