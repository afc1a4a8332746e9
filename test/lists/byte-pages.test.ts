import { beforeAll, describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { useService } from '../kit/service.ts'
import { jsonOf, newUser, nextPage, type Task, type User, walk } from '../kit/user.ts'

const MIB = 1024 * 1024
const LONG = 1000
/** 40 KB each: the longest that a description may be. */
const WIDE = 80

describe.each(databases)('pages of long tasks over %s', (kind) => {
  const service = useService(kind)
  let long: User
  let wide: User

  beforeAll(async () => {
    long = await withTasks(LONG, (n) => `${n} `.padEnd(10_000, 'long text '))
    wide = await withTasks(WIDE, () => '🛒'.repeat(10_000))
  })

  async function withTasks(count: number, description: (n: number) => string): Promise<User> {
    const user = newUser(service())
    const tasks = Array.from({ length: count }, (_, n) => ({ title: `Task ${n % 7}`, description: description(n) }))
    expect((await user.send('POST', '/import', tasks)).status).toBe(200)
    return user
  }

  const lists: [path: string, of: () => User, count: number][] = [
    ['/tasks', () => long, LONG],
    ['/tasks?limit=1000', () => long, LONG],
    ['/tasks?limit=101&sort=-title', () => long, LONG],
    ['/tasks?priority=medium&sort=position', () => long, LONG],
    ['/tasks?q=LONG', () => long, LONG],
    ['/tasks?q=long&sort=title', () => long, LONG],
    ['/tasks', () => wide, WIDE],
    ['/tasks?limit=80', () => wide, WIDE],
    ['/tasks?limit=30', () => wide, WIDE],
    ['/tasks?limit=100&sort=due_date', () => wide, WIDE],
  ]
  test.each(lists)('%s ends at about 1 MiB, and its pages have each task once: %#', async (path, of, count) => {
    const user = of()
    const pages = await walk(service(), user, path)
    for (const page of pages) {
      expect(JSON.stringify(page).length).toBeGreaterThan(0)
      expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(1.1 * MIB)
    }
    // Full but for the last: in bytes, or by the limit.
    const limit = Number(new URLSearchParams(path.split('?')[1]).get('limit') ?? 1000)
    for (const page of pages.slice(0, -1))
      if (page.length < limit) expect(Buffer.byteLength(JSON.stringify(page))).toBeGreaterThan(0.9 * MIB)
    const ids = pages.flat().map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids).toHaveLength(count)
  })

  test('the pages together are in the order of the list', async () => {
    const titles = (await walk(service(), long, '/tasks?sort=title')).flat().map(({ title }) => title)
    expect(titles).toEqual(titles.toSorted())
  })

  test('a list asked for without a limit that was cut says how many there are', async () => {
    for (const query of ['', '?sort=title']) {
      const answer = await long.send('GET', `/tasks${query}`)
      expect(answer.headers.get('x-total-count')).toBe(String(LONG))
      expect(nextPage(answer)).toBeString()
      expect((await jsonOf<Task[]>(answer)).length).toBeLessThan(LONG)
    }
    const asked = await long.send('GET', '/tasks?limit=1000')
    expect(asked.headers.has('x-total-count')).toBe(false)
    expect(nextPage(asked)).toBeString()
    const whole = newUser(service())
    await whole.create()
    const answer = await whole.send('GET', '/tasks')
    expect([answer.headers.has('x-total-count'), nextPage(answer)]).toEqual([false, undefined])
  })

  test('twenty tasks are never cut', async () => {
    expect((await wide.list('?limit=20')).length).toBe(20)
  })

  test('changes end at about 1 MiB with `more`, and tell each task once', async () => {
    for (const [user, count] of [
      [long, LONG],
      [wide, WIDE],
    ] as const) {
      const told: string[] = []
      for (let since = 0, more = true; more; ) {
        const page = await user.changes(`?since=${since}`)
        expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(1.1 * MIB)
        expect(page.changes.length).toBeGreaterThan(0)
        expect(page.next).toBe(page.changes.at(-1)?.revision ?? 0)
        told.push(...page.changes.map(({ id }) => id))
        ;({ next: since, more } = page)
      }
      expect(told).toHaveLength(count)
      expect(new Set(told).size).toBe(count)
    }
  })

  test('the trash ends at about 1 MiB, and its pages have each task once', async () => {
    const user = await withTasks(150, () => '🛒'.repeat(10_000))
    const tasks = (await walk(service(), user, '/tasks')).flat()
    for (let n = 0; n < tasks.length; n += 100)
      await user.batch(tasks.slice(n, n + 100).map(({ id }) => ({ op: 'delete', id })))
    const first = await user.send('GET', '/trash')
    expect(first.headers.get('x-total-count')).toBe('150')
    const pages = await walk(service(), user, '/trash')
    for (const page of pages) expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(1.1 * MIB)
    expect(new Set(pages.flat().map(({ id }) => id)).size).toBe(150)
    expect(pages.flat()).toHaveLength(150)
  })
})
