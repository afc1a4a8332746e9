import { beforeAll, describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { newUser, nextPage, type User } from '../kit/user.ts'

describe.each(databases)('cursors over %s', (kind) => {
  const service = useService(kind)
  let user: User
  let cursor: string
  beforeAll(async () => {
    user = newUser(service())
    await user.batch(['a', 'b', 'c'].map((title) => ({ op: 'create', task: { title, tags: ['x'] } })))
    cursor = await cursorOf(user, '/tasks?limit=1')
  })

  async function cursorOf(of: User, path: string): Promise<string> {
    const next = new URL(nextPage(await of.send('GET', path)) ?? '', 'http://localhost')
    return next.searchParams.get('cursor') ?? ''
  }

  const changed = (at: number) => {
    const bytes = Buffer.from(cursor, 'base64url')
    bytes[at] = (bytes[at] ?? 0) ^ 1
    return bytes.toString('base64url')
  }
  const payload = (value: unknown) =>
    Buffer.concat([Buffer.alloc(16), Buffer.from(JSON.stringify(value))]).toString('base64url')
  const forged: [name: string, make: () => string][] = [
    ['empty', () => ''],
    ['not base64', () => '!!!'],
    ['too short for a signature', () => 'AAAA'],
    ['cut by one byte', () => Buffer.from(cursor, 'base64url').subarray(0, -1).toString('base64url')],
    ['cut to its signature', () => cursor.slice(0, 21)],
    [
      'with a byte more',
      () => Buffer.concat([Buffer.from(cursor, 'base64url'), Buffer.from(' ')]).toString('base64url'),
    ],
    ['with another signature', () => changed(0)],
    ['with another position', () => changed(-1 + Buffer.from(cursor, 'base64url').length)],
    ['unsigned', () => payload(['2026-01-01T00:00:00.000Z', '01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80'])],
    ['unsigned and no position', () => payload({ evil: true })],
    ['SQL', () => payload(["'; drop table tasks; --", '1'])],
  ]
  for (const [name, make] of forged)
    test(`a cursor that is ${name} is refused`, async () => {
      const path = `/tasks?limit=1&cursor=${encodeURIComponent(make())}`
      await expectProblem(await user.send('GET', path), 422, 'validation-failed', { pointers: ['/cursor'] })
    })

  const elsewhere: [name: string, path: string][] = [
    ['another order', '/tasks?limit=1&sort=title'],
    ['the same order reversed', '/tasks?limit=1&sort=created_at'],
    ['a filter', '/tasks?limit=1&status=pending'],
    ['a tag', '/tasks?limit=1&tag=x'],
    ['a search', '/tasks?limit=1&q=b'],
    ['the trash', '/trash?limit=1'],
  ]
  for (const [name, path] of elsewhere)
    test(`a cursor is refused with ${name}`, async () => {
      await expectProblem(await user.send('GET', `${path}&cursor=${cursor}`), 422, 'validation-failed', {
        pointers: ['/cursor'],
      })
    })

  test("another user's cursor is refused, whatever they have", async () => {
    const other = newUser(service())
    await other.batch(['a', 'b'].map((title) => ({ op: 'create', task: { title } })))
    await expectProblem(await other.send('GET', `/tasks?limit=1&cursor=${cursor}`), 422, 'validation-failed', {
      pointers: ['/cursor'],
    })
  })

  test('the size of a page and its count may change on the way', async () => {
    const response = await user.send('GET', `/tasks?limit=2&count=true&cursor=${cursor}`)
    expect(((await response.json()) as { title: string }[]).length).toBe(2)
    expect(response.headers.get('x-total-count')).toBe('3')
  })

  test('a cursor holds after its task is deleted', async () => {
    const other = newUser(service())
    const tasks = []
    for (const title of ['a', 'b', 'c']) tasks.push(await other.create({ title }))
    const path = `/tasks?limit=1&sort=title&cursor=${await cursorOf(other, '/tasks?limit=1&sort=title')}`
    const [a] = tasks
    await other.remove(a?.id ?? '')
    expect(((await (await other.send('GET', path)).json()) as { title: string }[])[0]?.title).toBe('b')
  })

  test('the trash is walked by its cursors, last deleted first', async () => {
    const other = newUser(service())
    const tasks = await other.batch(['a', 'b', 'c', 'd'].map((title) => ({ op: 'create', task: { title } })))
    for (const { task } of tasks) await other.remove(task.id)
    const titles = []
    for (let next: string | undefined = `${other.base}/trash?limit=1`; next; ) {
      const response: Response = await service().request(other.id, 'GET', next)
      titles.push(...((await response.json()) as { title: string }[]).map(({ title }) => title))
      next = nextPage(response)
    }
    expect(titles.toSorted()).toEqual(['a', 'b', 'c', 'd'])
    expect((await other.trash()).map(({ title }) => title)).toEqual(titles)
  })
})
