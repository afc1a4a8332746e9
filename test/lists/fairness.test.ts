import { beforeAll, describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { newUser, type Task, type User, walk } from '../kit/user.ts'

/** Together 20 MB of text. */
const TASKS = 2000
const IN_FLIGHT = 16
const SEARCH_FOR_MS = 4000

async function timesOf(user: User, task: string, ms: number): Promise<number[]> {
  const times: number[] = []
  for (const end = performance.now() + ms; performance.now() < end; await Bun.sleep(5)) {
    const start = performance.now()
    expect((await user.get(task)).status).toBe(200)
    times.push(performance.now() - start)
  }
  return times.sort((a, b) => a - b)
}
const percentile = (sorted: number[], part: number) => sorted[Math.floor(sorted.length * part)] ?? 0

describe.each(databases)('while one user searches 20 MB over %s', (kind) => {
  const service = useService(kind)
  let rich: User
  let other: User
  let task: string

  beforeAll(async () => {
    rich = newUser(service())
    other = newUser(service())
    const tasks = Array.from({ length: TASKS }, (_, n) => ({
      title: `Task ${n}${n % 400 === 0 ? ' needle' : ''}`,
      description: `${crypto.randomUUID()} text `.repeat(300).slice(0, 10_000),
    }))
    for (let n = 0; n < TASKS; n += 500)
      expect((await rich.send('POST', '/import', tasks.slice(n, n + 500))).status).toBe(200)
    task = (await other.create()).id
  })

  test("another user's requests are answered soon, and a search finds all that there is afterwards", async () => {
    const calm = await timesOf(other, task, 1500)
    const start = performance.now()
    expect((await walk(service(), rich, '/tasks?q=needle')).flat()).toHaveLength(TASKS / 400)
    const alone = performance.now() - start
    let isOver = false
    let answered = 0
    const flood = Promise.all(
      Array.from({ length: IN_FLIGHT }, async (_, n) => {
        const sort = ['', '&sort=title', '&sort=-priority'][n % 3]
        while (!isOver) {
          const response = await rich.send('GET', `/tasks?q=needle${sort}`)
          if (response.status === 200) {
            const tasks = (await response.json()) as Task[]
            expect(tasks.filter(({ title }) => !title.endsWith('needle'))).toEqual([])
            answered++
          } else {
            await expectProblem(response, 503, 'database-unavailable')
            expect(response.headers.get('retry-after')).toBe('1')
          }
        }
      }),
    )
    await Bun.sleep(200)
    const loud = await timesOf(other, task, SEARCH_FOR_MS)
    const health = performance.now()
    expect((await service().request(undefined, 'GET', '/health')).status).toBe(200)
    const healthMs = performance.now() - health
    isOver = true
    await flood
    const [calmP99, loudP99] = [percentile(calm, 0.99).toFixed(1), percentile(loud, 0.99).toFixed(1)]
    const figures = { calmP99, loudP99, health: healthMs.toFixed(1), alone: alone.toFixed(0), answered }
    process.stdout.write(`${kind}: another user's requests, in ms: ${JSON.stringify(figures)}\n`)
    expect(answered).toBeGreaterThan(0)
    // Undivided, one search alone would stand before each of them. The machine may be a slow one.
    expect(percentile(loud, 0.9)).toBeLessThan(Math.max(250, alone / 3))
    expect(healthMs).toBeLessThan(Math.max(250, alone / 3))
    const found = await walk(service(), rich, '/tasks?q=needle&sort=title')
    expect(found.flat()).toHaveLength(TASKS / 400)
  })
})
