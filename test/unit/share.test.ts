import { expect, test } from 'bun:test'
import { Share } from '../../src/db/share.ts'

/** A share whose clock stands still but for the pieces that are run, and for `wait`. */
function shareAt() {
  let now = 0
  const share = new Share(() => now)
  const wait = (ms: number) => {
    now += ms
  }
  return {
    share,
    wait,
    /** A long piece. */
    run: (user: string, ms: number) => share.runCounted(user, async () => wait(ms)),
    pauseOf: (user: string) => share.pauseOf(user),
  }
}

test('a user who is alone never pauses', async () => {
  const { run, pauseOf } = shareAt()
  for (let n = 0; n < 100; n++) run('ann', 100)
  expect(pauseOf('ann')).toBe(0)
})

test('beside others, a user whose long pieces have taken a second pauses', async () => {
  const { run, pauseOf } = shareAt()
  for (let n = 0; n < 41; n++) {
    expect(pauseOf('ann')).toBe(0)
    await run('ann', 28)
    await run('bob', 1)
  }
  expect(pauseOf('ann')).toBeGreaterThan(0)
  expect(pauseOf('bob')).toBe(0)
})

test('the first three milliseconds of a piece are not counted, however many pieces there are', async () => {
  const { run, pauseOf } = shareAt()
  for (let n = 0; n < 10_000; n++) await run(n % 2 === 0 ? 'ann' : 'bob', 3)
  expect([pauseOf('ann'), pauseOf('bob')]).toEqual([0, 0])
})

test('from then on long pieces take a hundredth of the time, and no pause is longer than four seconds', async () => {
  const { run, wait, pauseOf } = shareAt()
  await run('bob', 1)
  await run('ann', 1010)
  await run('bob', 1)
  let [taken, waited] = [0, 0]
  for (let n = 0; n < 50; n++) {
    for (let pause = pauseOf('ann'); pause > 0; pause = pauseOf('ann')) {
      // Bob stays present.
      const step = Math.min(pause, 5000)
      wait(step)
      await run('bob', 0)
      waited += step
    }
    await run('ann', 13)
    taken += 10
  }
  expect(taken / waited).toBeCloseTo(0.01, 3)
  await run('ann', 60_000)
  await run('bob', 1)
  expect(pauseOf('ann')).toBeGreaterThan(3900)
})

test('a user pauses no longer once the others have gone', async () => {
  const { run, wait, pauseOf } = shareAt()
  await run('bob', 1)
  await run('ann', 1900)
  expect(pauseOf('ann')).toBeGreaterThan(3900)
  wait(10_001)
  expect(pauseOf('ann')).toBe(0)
})

test('what a piece has waited for others is not counted', async () => {
  const { share, wait, pauseOf } = shareAt()
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const pieces = [share.runCounted('bob', () => first.promise), share.runCounted('ann', () => second.promise)]
  wait(1900)
  first.resolve()
  await pieces[0]
  wait(1)
  second.resolve()
  await pieces[1]
  expect(pauseOf('ann')).toBe(0)
  expect(pauseOf('bob')).toBeGreaterThan(3900)
})

test('short pieces are not counted, whatever they take, and show that their user is there', async () => {
  const { share, run, wait, pauseOf } = shareAt()
  for (let n = 0; n < 100; n++) await share.run('bob', async () => wait(100))
  await run('ann', 1600)
  expect([pauseOf('ann') > 0, pauseOf('bob')]).toEqual([true, 0])
})
