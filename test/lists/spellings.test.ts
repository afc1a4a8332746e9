import { beforeAll, describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { newUser, type Task, type User } from '../kit/user.ts'

/** As some front ends ask, and as the contract does. */
const same: [theirs: string, ours: string][] = [
  ['search=milk', 'q=milk'],
  ['search_query=milk', 'q=milk'],
  ['sort_by=title&sort_order=desc', 'sort=-title'],
  ['sort_by=title&sort_order=asc', 'sort=title'],
  ['sort_by=title', 'sort=title'],
  ['sort_order=asc', 'sort=created_at'],
  ['status_filter=completed', 'status=completed'],
  ['status_filter=all', 'status=all'],
  ['priority_filter=high', 'priority=high'],
  ['priority_filter=high,low', 'priority=high&priority=low'],
  ['priority_filter=all', ''],
  ['tags_filter=home,%20work', 'tag=home&tag=work'],
  ['due_date_from=2026-01-01&due_date_to=2026-02-01', 'due_after=2026-01-01&due_before=2026-02-01'],
  ['skip=0&offset=0&page=1', ''],
  ['search=&sort_by=&sort_order=&status_filter=&tags_filter=&due_date_from=&skip=', ''],
  ['search=milk&q=milk', 'q=milk'],
  ['tags_filter=home,work&tag=home&tag=work', 'tag=home&tag=work'],
]

const refused: [query: string, pointer: string, detail: string][] = [
  ['status_filter=pending&status=completed', '/status_filter', 'contradicts status'],
  ['search=a&search_query=b', '/search_query', 'contradicts search'],
  ['tags_filter=home,work&tag=home', '/tags_filter', 'contradicts tag'],
  ['status_filter=open', '/status_filter', 'must be one of all, pending, completed'],
  ['priority_filter=low,urgent', '/priority_filter/1', 'must be low, medium or high'],
  ['sort_by=colour', '/sort_by', 'must be one of created_at'],
  ['sort_by=title&sort_order=up', '/sort_order', 'must be asc or desc'],
  ['due_date_to=soon', '/due_date_to', 'must be a day like'],
  ['skip=10', '/skip', 'must be 0: the next page is at the address that Link gives'],
  ['offset=1', '/offset', 'must be 0: the next page'],
  ['page=2', '/page', 'must be 1: the next page'],
  ['page=0', '/page', 'must be 1: the next page'],
]

describe.each(databases)("the family's spellings over %s", (kind) => {
  const service = useService(kind)
  let ann: User

  beforeAll(async () => {
    ann = newUser(service())
    await ann.create({ title: 'Buy milk', priority: 'high', tags: ['home', 'work'], due_date: '2026-01-20' })
    await ann.create({ title: 'Call', priority: 'low', tags: ['home'], completed: true })
    await ann.create({ title: 'Answer', due_date: '2026-03-01' })
  })

  const list = async (query: string) => {
    const response = await ann.send('GET', `/tasks?${query}`)
    expect(response.status).toBe(200)
    return ((await response.json()) as Task[]).map(({ title }) => title)
  }

  for (const [theirs, ours] of same)
    test(`?${theirs} lists as ?${ours}`, async () => expect(await list(theirs)).toEqual(await list(ours)))

  test('they do narrow and order', async () => {
    expect(await list('search=milk')).toEqual(['Buy milk'])
    expect(await list('tags_filter=home,work')).toEqual(['Buy milk'])
    expect(await list('sort_by=title&sort_order=desc')).toEqual(['Call', 'Buy milk', 'Answer'])
    expect(await list('due_date_from=2026-01-01&due_date_to=2026-02-01')).toEqual(['Buy milk'])
  })

  for (const [query, pointer, detail] of refused)
    test(`?${query} is 422 at ${pointer}`, async () => {
      const response = await ann.send('GET', `/tasks?${query}`)
      const problem = await expectProblem(response, 422, 'validation-failed')
      expect(problem.errors?.[0]).toMatchObject({ pointer, detail: expect.stringContaining(detail) })
    })

  test('they are for lists alone', async () => {
    const response = await ann.send('DELETE', `/tasks?status_filter=completed`)
    await expectProblem(response, 422, 'validation-failed', { pointers: ['/status', '/status_filter'] })
  })
})
