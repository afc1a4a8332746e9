import { expect, test } from 'bun:test'
import { createLine, createTurns } from '../../src/db/turns.ts'

/** Work that ends when it is told to. */
function pieces() {
  const begun: string[] = []
  const ends = new Map<string, PromiseWithResolvers<string>>()
  return {
    begun,
    start: (name: string) => () => {
      begun.push(name)
      const end = Promise.withResolvers<string>()
      ends.set(name, end)
      return end.promise
    },
    async end(name: string) {
      ends.get(name)?.resolve(name)
      await Bun.sleep(0)
    },
    async fail(name: string) {
      ends.get(name)?.reject(new Error(name))
      await Bun.sleep(0)
    },
  }
}

test("below its number a user's work begins at once, and beyond it when a piece has ended, in order", async () => {
  const { begun, start, end, fail } = pieces()
  const inTurn = createLine({ atOnce: 2, waitMs: 1000 })
  const results = ['a', 'b', 'c', 'd'].map((name) => inTurn('ann', start(name)).catch(({ message }) => `no ${message}`))
  expect(begun).toEqual(['a', 'b'])
  await fail('b')
  expect(begun).toEqual(['a', 'b', 'c'])
  await end('a')
  expect(begun).toEqual(['a', 'b', 'c', 'd'])
  await end('c')
  await end('d')
  expect(await Promise.all(results)).toEqual(['a', 'no b', 'c', 'd'])
})

test("nobody waits for another user's work", async () => {
  const { begun, start, end } = pieces()
  const inTurn = createLine({ atOnce: 1, waitMs: 1000 })
  const work = [inTurn('ann', start('a')), inTurn('ann', start('b')), inTurn('bob', start('c'))]
  expect(begun).toEqual(['a', 'c'])
  for (const name of ['a', 'b', 'c']) await end(name)
  expect(await Promise.all(work)).toEqual(['a', 'b', 'c'])
})

test('what has waited too long is refused, never runs, and leaves its place', async () => {
  const { begun, start, end } = pieces()
  const inTurn = createLine({ atOnce: 1, waitMs: 20 })
  const first = inTurn('ann', start('a'))
  const late = await inTurn('ann', start('b')).catch((problem) => problem)
  expect(late).toMatchObject({ code: 'database-unavailable', headers: { 'retry-after': '1' } })
  const last = inTurn('ann', start('c'))
  await end('a')
  expect(begun).toEqual(['a', 'c'])
  await end('c')
  expect(await Promise.all([first, last])).toEqual(['a', 'c'])
})

test('a patient piece waits however long that takes', async () => {
  const { start, end } = pieces()
  const impatient = createLine({ atOnce: 1, waitMs: 1 })
  const patient = createLine({ atOnce: 1 })
  const work = [
    ...[impatient('ann', start('a')), impatient('ann', start('b'), { isPatient: true })],
    ...[patient('ann', start('c')), patient('ann', start('d'))],
  ]
  await Bun.sleep(20)
  for (const name of ['a', 'b', 'c', 'd']) await end(name)
  expect(await Promise.all(work)).toEqual(['a', 'b', 'c', 'd'])
})

test('after a long piece of a user who has many waiting, none begins for as long as it took', async () => {
  const inTurn = createLine({ atOnce: 1, waitMs: 10_000 })
  const [WORK_MS, MANY] = [20, 12]
  const times: { began: number; ended: number }[] = []
  const piece = async () => {
    const began = performance.now()
    await Bun.sleep(WORK_MS)
    times.push({ began, ended: performance.now() })
  }
  let others = 0
  const ofAnother = inTurn('bob', async () => others++)
  await Promise.all(Array.from({ length: MANY }, () => inTurn('ann', piece, { isLong: true })))
  await ofAnother
  expect(others).toBe(1)
  const rests = times.slice(1).map(({ began }, n) => began - (times[n]?.ended ?? 0))
  // The first has 11 behind it, the third 9, the fourth 8. A timer may come a millisecond early.
  for (const rest of rests.slice(0, 3)) expect(rest).toBeGreaterThanOrEqual(WORK_MS - 2)
})

test.each([
  ['few wait', 9, { isLong: true }],
  ['they are short', 12, {}],
])('where %s, the next piece begins as soon as one ends', async (_, pieces, manner) => {
  const inTurn = createLine({ atOnce: 1, waitMs: 10_000 })
  let before = { isTimeOver: false }
  const lates: boolean[] = []
  const piece = async () => {
    lates.push(before.isTimeOver)
    const own = { isTimeOver: false }
    before = own
    await Bun.sleep(2)
    // The next one begins before even a timer of no length fires.
    setTimeout(() => {
      own.isTimeOver = true
    })
  }
  await Promise.all(Array.from({ length: pieces }, () => inTurn('ann', piece, manner)))
  expect(lates).toEqual(Array.from({ length: pieces }, () => false))
})

test('a line has an end', async () => {
  const { start, end } = pieces()
  const inTurn = createLine({ atOnce: 1, waitMs: 1000 })
  const first = inTurn('ann', start('first'))
  let ran = 0
  const waiting = Array.from({ length: 2000 }, () => inTurn('ann', async () => ran++))
  expect(await inTurn('ann', async () => 'more').catch(({ code }) => code)).toBe('rate-limited')
  expect(await inTurn('bob', async () => 'done')).toBe('done')
  await end('first')
  await Promise.all([first, ...waiting])
  expect(ran).toBe(2000)
})

test('over several connections a user has one scan at a time, 16 short reads and 16 writes', async () => {
  const { begun, start } = pieces()
  const turns = createTurns({ oneConnection: false })
  for (const kind of ['read', 'scan', 'write'] as const)
    for (let n = 0; n < 20; n++) turns[kind]('ann', start(kind)).catch(() => {})
  const count = (kind: string) => begun.filter((name) => name === kind).length
  expect([count('read'), count('scan'), count('write')]).toEqual([16, 1, 16])
})

test('over one connection a user has one piece of any kind at a time', async () => {
  const { begun, start } = pieces()
  const turns = createTurns({ oneConnection: true })
  for (const kind of ['read', 'scan', 'write'] as const) turns[kind]('ann', start(kind)).catch(() => {})
  await Bun.sleep(5)
  expect(begun).toEqual(['read'])
})
