import { beforeAll, describe, expect, test } from 'bun:test'
import type { Task } from '../../src/tasks/model.ts'
import { databases } from '../kit/boot.ts'
import { useService } from '../kit/service.ts'
import { newUser, nextPage, type User, walk } from '../kit/user.ts'

const priorities = ['low', 'medium', 'high'] as const

/** What each order compares, in a form that JavaScript orders alike. */
const orders: [sort: string, key: (task: Task, descending: boolean) => string | number][] = [
  ['created_at', (task) => task.created_at],
  ['updated_at', (task) => task.updated_at],
  ['due_date', (task, descending) => task.due_date ?? (descending ? '' : '~')],
  ['priority', (task) => priorities.indexOf(task.priority)],
  ['title', (task) => task.title.toLowerCase()],
  ['position', (task) => task.position],
]

function sorted(tasks: Task[], key: (task: Task, descending: boolean) => string | number, descending: boolean): Task[] {
  const compare = <T>(a: T, b: T) => (a < b ? -1 : a > b ? 1 : 0)
  const ascending = tasks.toSorted((a, b) => compare(key(a, descending), key(b, descending)) || compare(a.id, b.id))
  return descending ? ascending.reverse() : ascending
}

describe.each(databases)('orders over %s', (kind) => {
  const service = useService(kind)
  let user: User
  let all: Task[]
  beforeAll(async () => {
    user = newUser(service())
    const titles = ['b', 'B', 'a', 'Ä', 'ä', 'Zoë', 'zOË', '1', '  spaced', 'ω']
    const dues = [
      '2026-11-20',
      '2026-11-20T00:00:00.000Z',
      null,
      '2026-11-19T23:59:59Z',
      null,
      '0001-01-01',
      '9999-12-31',
    ]
    const positions = [1, 1, -0, 0, -1e300, 1e300, 0.1, 2 ** 53]
    // A transaction has one time, so all tasks of a batch have equal created_at and updated_at.
    for (const batch of [0, 1, 2])
      await user.batch(
        Array.from({ length: 10 }, (_, i) => ({
          op: 'create',
          task: {
            title: titles[(i * 3 + batch) % titles.length],
            due_date: dues[(i + batch) % dues.length],
            priority: priorities[i % 3],
            position: positions[(i + batch) % positions.length],
          },
        })),
      )
    for (const task of (await user.list('?limit=4')).slice(2)) await user.update(task.id, { description: 'changed' })
    all = await user.list()
  })

  for (const [sort, key] of orders)
    for (const descending of [false, true])
      test(`${descending ? '-' : ''}${sort}, ties by id, and in pages of any size the same`, async () => {
        const expected = sorted(all, key, descending)
        const query = `?sort=${descending ? '-' : ''}${sort}`
        expect(await user.list(query)).toEqual(expected)
        for (const limit of [1, 7, 10, 29, 30, 31]) {
          const pages = await walk(service(), user, `/tasks${query}&limit=${limit}`)
          expect(pages.map((page) => page.length)).toEqual(
            Array.from({ length: Math.ceil(30 / limit) }, (_, i) => Math.min(limit, 30 - i * limit)),
          )
          expect(pages.flat()).toEqual(expected)
        }
      })

  test('tasks without a due date come last, whichever way', async () => {
    for (const query of ['?sort=due_date', '?sort=-due_date']) {
      const dues = (await user.list(query)).map((task) => task.due_date)
      expect(dues.slice(dues.indexOf(null)).every((due) => due === null)).toBe(true)
    }
  })

  test('a filtered list is walked in every order too', async () => {
    const high = all.filter((task) => task.priority === 'high')
    for (const [sort, key] of orders)
      for (const descending of [false, true]) {
        const query = `/tasks?priority=high&limit=4&sort=${descending ? '-' : ''}${sort}`
        expect((await walk(service(), user, query)).flat()).toEqual(sorted(high, key, descending))
      }
  })

  test('without sort the newest comes first', async () => {
    expect(await user.list()).toEqual(await user.list('?sort=-created_at'))
  })

  test('the link keeps the rest of the query, and its own page has no second cursor', async () => {
    const first = await user.send(
      'GET',
      '/tasks?sort=title&limit=3&count=true&q=&q=b'.replace('&q=&q=b', '&priority=low'),
    )
    const url = new URL(nextPage(first) ?? '', 'http://localhost')
    expect(url.pathname).toBe(`${user.base}/tasks`)
    expect([...url.searchParams.keys()].sort()).toEqual(['count', 'cursor', 'limit', 'priority', 'sort'])
    const second = await service().request(user.id, 'GET', url.pathname + url.search)
    expect(second.headers.get('x-total-count')).toBe(first.headers.get('x-total-count'))
    expect(new URL(nextPage(second) ?? '', 'http://localhost').searchParams.getAll('cursor')).toHaveLength(1)
  })

  test('up to 1000 come back unasked, and the rest by the link', async () => {
    const rich = newUser(service())
    const operations = Array.from({ length: 100 }, (_, i) => ({ op: 'create', task: { title: `task ${i}` } }))
    for (let i = 0; i < 10; i++) await rich.batch(operations)
    expect((await rich.send('GET', '/tasks')).headers.has('link')).toBe(false)
    await rich.create({ title: 'one more' })
    for (const query of ['', '?limit=1000']) {
      const pages = await walk(service(), rich, `/tasks${query}`)
      expect(pages.map((page) => page.length)).toEqual([1000, 1])
      expect(new Set(pages.flat().map((task) => task.id)).size).toBe(1001)
    }
    expect(
      (await walk(service(), rich, '/tasks?limit=1000&sort=position')).flat().map((task) => task.position),
    ).toEqual(Array.from({ length: 1001 }, (_, i) => i + 1))
  })
})
