import { beforeAll, describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { newUser, type User } from '../kit/user.ts'

const given = [
  { title: 'alpha milk', priority: 'low', tags: ['home'], due_date: '2026-11-20' },
  { title: 'Beta MILK', priority: 'high', tags: ['home', 'shop'], due_date: '2026-11-20T09:00:00Z', completed: true },
  { title: 'gamma 100%', description: 'Straße, ÄPFEL' },
  { title: 'delta a_b', priority: 'high', tags: ['shop'], due_date: '2026-11-21', description: 'back\\slash' },
  { title: 'epsilon ΩÉ', tags: ['home', 'a,b', 'q"\\'], due_date: '2026-11-19T23:59:59.999Z', completed: true },
]

/** A query, and the first letters of what it lists, by title. */
const filters: [query: string, letters: string][] = [
  ['', 'abdeg'],
  ['status=all', 'abdeg'],
  ['status=pending', 'adg'],
  ['status=completed', 'be'],
  ['completed=true', 'be'],
  ['completed=false', 'adg'],
  ['status=completed&completed=true', 'be'],
  ['status=all&completed=false', 'adg'],
  ['priority=high', 'bd'],
  ['priority=high&priority=low', 'abd'],
  ['priority=low&priority=medium&priority=high', 'abdeg'],
  ['tag=home', 'abe'],
  ['tag=home&tag=shop', 'b'],
  ['tag=%20home%20', 'abe'],
  ['tag=a%2Cb', 'e'],
  ['tag=a&tag=b', ''],
  ['tag=q%22%5C', 'e'],
  ['tag=HOME', ''],
  ['status=pending&priority=high&tag=shop&q=DELTA&due_after=2026-11-20', 'd'],
  ['sort=-title&status=pending&_=1&_Status=completed', 'gda'],
]

const searches: [q: string, letters: string][] = [
  ['milk', 'ab'],
  ['MiLk', 'ab'],
  ['100%', 'g'],
  ['%', 'g'],
  ['_', 'd'],
  ['\\', 'd'],
  ['a%b', ''],
  ['a_b', 'd'],
  ['äpfel', 'g'],
  ['ÄPFEL', 'g'],
  ['straße', 'g'],
  ['ωé', 'e'],
  ['ΩÉ', 'e'],
  ['back\\SLASH', 'd'],
  ["'; drop table tasks; --", ''],
  [' ', 'abdeg'],
]

/** Filters by due date. A day counts as its first moment. */
const dues: [query: string, letters: string][] = [
  ['due_after=2026-11-20', 'd'],
  ['due_after=2026-11-19', 'abd'],
  ['due_before=2026-11-20', 'e'],
  ['due_before=2026-11-21', 'abe'],
  ['due_after=2026-11-20T00:00:00Z', 'bd'],
  ['due_after=2026-11-20T09:00:00Z', 'd'],
  ['due_after=2026-11-20T08:59:59.999Z', 'bd'],
  ['due_after=2026-11-20T09:59:59.999%2B01:00', 'bd'],
  ['due_before=2026-11-20T09:00:00Z', 'ae'],
  ['due_before=2026-11-20T09:00:00.001Z', 'abe'],
  ['due_before=2026-11-20T10:00:00.001%2B01:00', 'abe'],
  ['due_after=2026-11-19&due_before=2026-11-21', 'ab'],
  ['due_after=2026-11-21&due_before=2026-11-19', ''],
]

const faults: [query: string, pointer: string][] = [
  ['status=open', '/status'],
  ['status=', '/status'],
  ['status=Completed', '/status'],
  ['completed=yes', '/completed'],
  ['completed=1', '/completed'],
  ['completed=TRUE', '/completed'],
  ['status=pending&completed=true', '/completed'],
  ['priority=urgent', '/priority/0'],
  ['priority=low&priority=', '/priority/1'],
  ['priority=low,high', '/priority/0'],
  ['tag=', '/tag/0'],
  ['tag=home&tag=%20', '/tag/1'],
  [`tag=${'x'.repeat(51)}`, '/tag/0'],
  ['tag=%00', '/tag/0'],
  [Array.from({ length: 21 }, (_, i) => `tag=t${i}`).join('&'), '/tag'],
  ['due_after=tomorrow', '/due_after'],
  ['due_after=2026-02-30', '/due_after'],
  ['due_before=2026-11-20T09:00:00', '/due_before'],
  ['due_before=', '/due_before'],
  ['q=', '/q'],
  [`q=${'x'.repeat(201)}`, '/q'],
  ['q=a%00b', '/q'],
  ['sort=due', '/sort'],
  ['sort=--title', '/sort'],
  ['sort=title,priority', '/sort'],
  ['sort=user_id', '/sort'],
  ['sort=', '/sort'],
  ['limit=0', '/limit'],
  ['limit=1001', '/limit'],
  ['limit=-1', '/limit'],
  ['limit=1.5', '/limit'],
  ['limit=1e2', '/limit'],
  ['limit=ten', '/limit'],
  ['limit=', '/limit'],
  ['limit=99999999999999999999', '/limit'],
  ['count=1', '/count'],
  ['count=', '/count'],
  [`cursor=${'x'.repeat(2049)}`, '/cursor'],
  ...['status=all', 'completed=true', 'due_after=2026-11-20', 'due_before=2026-11-20', 'q=a', 'sort=title', 'limit=1']
    .concat('cursor=x', 'count=true')
    .map((pair): [string, string] => [`${pair}&${pair}`, `/${pair.split('=')[0]}`]),
]

describe.each(databases)('filters over %s', (kind) => {
  const service = useService(kind)
  let user: User
  beforeAll(async () => {
    user = newUser(service())
    await user.batch(given.map((task) => ({ op: 'create', task })))
    const stranger = newUser(service())
    await stranger.create({ title: 'alpha milk', tags: ['home'], priority: 'high', due_date: '2026-11-20' })
  })

  const letters = async (query: string) =>
    (await user.titles(`?${query.includes('sort=') ? query : `${query}&sort=title`}`))
      .map((title) => title[0]?.toLowerCase())
      .join('')

  for (const [query, expected] of filters)
    test(`?${query} lists ${expected || 'nothing'}`, async () => expect(await letters(query)).toBe(expected))
  for (const [q, expected] of searches)
    test(`a search for ${q} finds ${expected || 'nothing'}`, async () =>
      expect(await letters(`q=${encodeURIComponent(q)}`)).toBe(expected))
  for (const [query, expected] of dues)
    test(`?${query} lists ${expected || 'nothing'}`, async () => expect(await letters(query)).toBe(expected))
  for (const [query, pointer] of faults)
    test(`?${query.slice(0, 60)} is refused at ${pointer}`, async () =>
      await expectProblem(await user.send('GET', `/tasks?${query}`), 422, 'validation-failed', { pointers: [pointer] }))

  test('the count is of all that the filters let through, on every page', async () => {
    for (const [query, total] of [
      ['', '5'],
      ['&status=completed', '2'],
      ['&q=milk', '2'],
      ['&q=nothing', '0'],
    ]) {
      const response = await user.send('GET', `/tasks?limit=1&count=true${query}`)
      expect(response.headers.get('x-total-count')).toBe(total ?? null)
    }
    for (const query of ['', '?count=false'])
      expect((await user.send('GET', `/tasks${query}`)).headers.has('x-total-count')).toBe(false)
  })

  test('the trash takes limit, cursor and count, and nothing that only tasks have', async () => {
    await expectProblem(await user.send('GET', '/trash?status=all'), 422, 'validation-failed', {
      pointers: ['/status'],
    })
    for (const [query, pointer] of faults)
      if (/^(limit|count|cursor)=/.test(query))
        await expectProblem(await user.send('GET', `/trash?${query}`), 422, 'validation-failed', {
          pointers: [pointer],
        })
  })
})
