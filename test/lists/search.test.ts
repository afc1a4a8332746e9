import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../../src/config.ts'
import { findCollation } from '../../src/db/collation.ts'
import type { Database } from '../../src/db/database.ts'
import { openDatabase } from '../../src/db/open.ts'
import { createTurns } from '../../src/db/turns.ts'
import { createWork, type Work } from '../../src/db/work.ts'
import { createCursors } from '../../src/http/cursor.ts'
import { prepareDatabase } from '../../src/service/prepare.ts'
import { createListTasks, type ListTasks, type TaskPage } from '../../src/tasks/list.ts'
import { pageHeaders, sortOf } from '../../src/tasks/page.ts'
import { filtersOf, type TaskQuery } from '../../src/tasks/query.ts'
import { createTask, removeTask } from '../../src/tasks/store.ts'
import { databases } from '../kit/boot.ts'
import { newDatabase } from '../kit/postgres-server.ts'
import { SECRET } from '../kit/tokens.ts'

setDefaultTimeout(120_000)

/** More than one statement of a search reads, and more than a user who is searched by a single one. */
const TASKS = 1300
const NEEDLE = 'Nadel'
const USER = 'ann'

describe.each(databases)('searches over %s', (kind) => {
  let dir: string
  let database: Database
  let work: Work
  /** Their time is over at once: every answer is what one piece has. */
  let hurried: ListTasks
  let patient: ListTasks

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'doable-search-'))
    const config = readConfig({
      DATA_DIR: dir,
      BETTER_AUTH_SECRET: SECRET,
      ...(kind === 'postgres' && { DATABASE_URL: await newDatabase() }),
    })
    database = await openDatabase(config)
    await prepareDatabase(config, database)
    const { db, oneConnection } = database
    work = createWork(db, { quota: Number.POSITIVE_INFINITY, changed() {}, turns: createTurns({ oneConnection }) })
    const [cursors, collation] = [createCursors(SECRET), await findCollation(db)]
    hurried = createListTasks(cursors, collation, { searchMs: 0 })
    patient = createListTasks(cursors, collation, { searchMs: 60_000 })
    for (let n = 0; n < TASKS; n += 100)
      // In one transaction each: a hundred of them have the same times, and stand by their ids.
      await work.transact(USER, async (tx, owner) => {
        for (let i = n; i < n + 100; i++) await createTask(tx, owner, taskOf(i))
      })
  })
  afterAll(async () => {
    await database?.close()
    await rm(dir, { recursive: true, force: true })
  })

  const taskOf = (n: number) => ({
    title: `${n % 5 === 0 ? 'b' : 'a'} ${n % 50 === 0 ? NEEDLE.toUpperCase() : 'hay'}`,
    description: `${'straw '.repeat(120)}${n % 37 === 0 ? NEEDLE : ''}`,
    priority: (['low', 'medium', 'high'] as const)[n % 3],
    due_date: n % 4 === 0 ? null : `2026-11-${String((n % 28) + 1).padStart(2, '0')}`,
    tags: n % 2 === 0 ? ['even'] : [],
  })
  const matches = Array.from({ length: TASKS }, (_, n) => n).filter((n) => n % 50 === 0 || n % 37 === 0)

  const page = (list: ListTasks, { sort, cursor, limit, count, ...query }: TaskQuery, user = USER) =>
    list(work, user, {
      from: 'hand',
      ...sortOf(sort),
      filters: filtersOf(query),
      ...(cursor !== undefined && { cursor }),
      ...(limit !== undefined && { limit }),
      ...(count !== undefined && { count }),
    })

  async function pagesOf(list: ListTasks, query: TaskQuery, between = async () => {}): Promise<TaskPage[]> {
    const pages: TaskPage[] = []
    for (let cursor: string | undefined; pages.length === 0 || cursor !== undefined; ) {
      const found = await page(list, { ...query, ...(cursor !== undefined && { cursor }) })
      pages.push(found)
      cursor = found.cursor
      await between()
    }
    return pages
  }
  const idsOf = (pages: TaskPage[]) => pages.flatMap(({ tasks }) => tasks.map(({ id }) => id))

  const orders = ['created_at', '-created_at', 'title', '-priority', 'due_date', '-due_date', '-position'] as const
  test.each(orders)('cut short, pages by %s lead to every match once, in order', async (sort) => {
    const whole = await page(patient, { q: NEEDLE, sort, limit: 1000 })
    expect([whole.cursor, whole.isPartial, whole.tasks.length]).toEqual([undefined, false, matches.length])
    // Without a search the same tasks stand in the same order.
    const all = (await pagesOf(patient, { sort, limit: 1000 })).flatMap(({ tasks }) => tasks)
    const isMatch = (text: string | null) => text?.toLowerCase().includes(NEEDLE.toLowerCase())
    const expected = all.filter(({ title, description }) => isMatch(title) || isMatch(description))
    expect(whole.tasks).toEqual(expected)
    for (const limit of [1, 7, 1000]) {
      const pages = await pagesOf(hurried, { q: NEEDLE, sort, limit })
      expect(idsOf(pages)).toEqual(whole.tasks.map(({ id }) => id))
      expect(pages.every(({ tasks }) => tasks.length <= limit)).toBe(true)
      if (limit === 1000) expect(pages.some(({ isPartial }) => isPartial)).toBe(true)
      expect(pages.at(-1)?.isPartial).toBe(false)
      // What is partial has a way on.
      for (const { isPartial, cursor } of pages) if (isPartial) expect(cursor).toBeString()
    }
  })

  test('a search for what is nowhere leads through empty pages to the end', async () => {
    const pages = await pagesOf(hurried, { q: 'nowhere' })
    expect(pages.length).toBeGreaterThan(2)
    expect(idsOf(pages)).toEqual([])
    expect((await page(patient, { q: 'nowhere' })).cursor).toBeUndefined()
  })

  test('other filters hold in a search that is cut short', async () => {
    const pages = await pagesOf(hurried, { q: NEEDLE, tag: ['even'], priority: ['low', 'high'] })
    const expected = matches.filter((n) => n % 2 === 0 && n % 3 !== 1)
    expect(idsOf(pages)).toHaveLength(expected.length)
    expect(
      pages.flatMap(({ tasks }) => tasks).every(({ tags, priority }) => tags[0] === 'even' && priority !== 'medium'),
    ).toBe(true)
  })

  test.each(orders)('what stands still is found once by %s while tasks come and go', async (sort) => {
    const still = (await page(patient, { q: NEEDLE, sort, limit: 1000 })).tasks.map(({ id }) => id)
    const coming: string[] = []
    const gone: string[] = []
    const pages = await pagesOf(hurried, { q: NEEDLE, sort, limit: 5 }, async () => {
      const made = await work.write(USER, createTask, { title: `${NEEDLE} that comes`, description: 'x'.repeat(300) })
      coming.push(made.id)
      if (coming.length % 2 === 0) {
        const id = coming[coming.length - 2] ?? ''
        gone.push(id)
        await work.write(USER, removeTask, id, undefined)
      }
      // By the newest first or last, the end would go away as fast as the pages come.
      if (coming.length > 40) throw new Error('the pages do not come to an end')
    })
    for (const id of coming) if (!gone.includes(id)) await work.write(USER, removeTask, id, undefined)
    const found = idsOf(pages)
    expect(found.filter((id) => still.includes(id))).toEqual(still)
    expect(new Set(found).size).toBe(found.length)
  })

  test('a count of matches is right, and left out where the time is over before it is known', async () => {
    expect((await page(patient, { q: NEEDLE, count: true, limit: 3 })).total).toBe(matches.length)
    expect((await page(patient, { q: NEEDLE, count: true })).total).toBe(matches.length)
    expect((await page(hurried, { q: NEEDLE, count: true, limit: 3 })).total).toBeUndefined()
    const { cursor } = await page(patient, { q: NEEDLE, limit: 3 })
    expect((await page(patient, { q: NEEDLE, count: true, limit: 3, ...(cursor && { cursor }) })).total).toBe(
      matches.length,
    )
  })

  test('a user with little is answered whole, however short the time is', async () => {
    for (const n of [1, 2, 3]) await work.write('bob', createTask, { title: `${NEEDLE} ${n}` })
    const found = await page(hurried, { q: NEEDLE, limit: 2, sort: 'title', count: true }, 'bob')
    expect(found).toMatchObject({ isPartial: false, total: 3, cursor: expect.any(String) })
    expect((await page(hurried, { q: NEEDLE }, 'bob')).tasks).toHaveLength(3)
    expect(await page(hurried, { q: NEEDLE }, 'nobody')).toMatchObject({ tasks: [], revision: 0, cursor: undefined })
  })

  test('the answer says that it is partial, and where to go on', async () => {
    const request = new Request('http://localhost/api/ann/tasks?q=Nadel')
    const partial = pageHeaders(request, await page(hurried, { q: 'nowhere' }))
    expect(partial).toMatchObject({ 'x-partial': 'true', link: expect.stringContaining('q=Nadel&cursor=') })
    expect(pageHeaders(request, await page(patient, { q: 'nowhere' }))).not.toHaveProperty('x-partial')
  })
})
