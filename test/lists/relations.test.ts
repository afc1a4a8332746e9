import { beforeAll, describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { listsOf } from '../kit/lists.ts'
import { useService } from '../kit/service.ts'
import { NO_TASK, newUser, type User, walk } from '../kit/user.ts'

describe.each(databases)('filters by list and parent over %s', (kind) => {
  const service = useService(kind)
  let ann: User
  /** `L` and `M`: lists; `P`: a parent in `L`, `p` and `q` its parts; `m` in `M`, `i` in the inbox. */
  const ids: Record<string, string> = {}

  beforeAll(async () => {
    ann = newUser(service())
    for (const name of 'LM') ids[name] = (await listsOf(ann).create({ name })).id
    const make = async (title: string, fields: object) => {
      ids[title] = (await ann.create({ title, ...fields })).id
    }
    await make('P', { list_id: ids['L'], priority: 'high' })
    await make('p', { list_id: ids['L'], parent_id: ids['P'], completed: true, description: 'milk' })
    await make('q', { parent_id: ids['P'] })
    await make('m', { list_id: ids['M'] })
    await make('i', {})
    await make('gone', { list_id: ids['L'] })
    await ann.remove(ids['gone'] ?? '')
  })

  /** With the ids of what the letters name. */
  const filled = (query: string) => query.replace(/\{(\w)\}/g, (_, name) => ids[name] ?? '')

  const queries: [query: string, titles: string][] = [
    ['list_id={L}', 'pP'],
    ['list_id={M}', 'm'],
    ['list_id=none', 'iq'],
    [`list_id=${NO_TASK}`, ''],
    ['parent_id={P}', 'pq'],
    ['parent_id=none', 'imP'],
    ['parent_id={p}', ''],
    ['list_id={L}&parent_id={P}', 'p'],
    ['list_id={L}&parent_id=none', 'P'],
    ['list_id=none&parent_id=none', 'i'],
    ['list_id={L}&status=pending&priority=high', 'P'],
    ['list_id={L}&q=MILK', 'p'],
    ['parent_id=none&q=i', 'i'],
  ]
  test.each(queries)('%s', async (query, titles) => {
    const asked = `?sort=title&count=true&${filled(query)}`
    expect((await ann.titles(asked)).sort().join('')).toBe([...titles].sort().join(''))
    const counted = await ann.send('GET', `/tasks${asked}&limit=1`)
    expect(counted.headers.get('x-total-count')).toBe(String(titles.length))
    const pages = await walk(service(), ann, `/tasks${asked}&limit=1`)
    expect(pages.flat().map(({ title }) => title)).toEqual(await ann.titles(asked))
  })

  test('an id counts in either case', async () => {
    expect(await ann.titles(`?list_id=${ids['M']?.toUpperCase()}`)).toEqual(['m'])
  })

  test("another user's list lists nothing of theirs", async () => {
    const bob = newUser(service())
    await bob.create()
    expect(await bob.titles(`?list_id=${ids['L']}`)).toEqual([])
  })

  test.each(['list_id=', 'list_id=None', 'parent_id=1', 'list_id=none%20', 'parent_id=null'])(
    '%s is 422',
    async (query) => {
      const [name] = query.split('=')
      await expectProblem(await ann.send('GET', `/tasks?${query}`), 422, 'validation-failed', {
        pointers: [`/${name}`],
      })
    },
  )

  test('a filter given twice is 422, and a cursor belongs to its filter', async () => {
    const twice = await ann.send('GET', `/tasks?list_id=none&list_id=${ids['L']}`)
    await expectProblem(twice, 422, 'validation-failed', { pointers: ['/list_id'] })
    const first = await ann.send('GET', `/tasks?list_id=${ids['L']}&limit=1`)
    const link = /<[^>]*cursor=([^&>]+)/.exec(first.headers.get('link') ?? '')?.[1]
    const other = await ann.send('GET', `/tasks?list_id=${ids['M']}&limit=1&cursor=${link}`)
    await expectProblem(other, 422, 'validation-failed', { pointers: ['/cursor'] })
  })
})
