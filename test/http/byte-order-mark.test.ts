import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Task } from '../../src/tasks/model.ts'
import { boot, databases, type Target } from '../kit/boot.ts'

/** U+FEFF at the start of a text is a character of it; decoders of files take it for a mark of byte order and drop it. */
const MARK = '\ufeff'

const places = [
  ['alone', MARK],
  ['at the start', `${MARK}milk`],
  ['twice at the start', `${MARK}${MARK}milk`],
  ['in the middle', `mi${MARK}lk`],
  ['at the end', `milk${MARK}`],
  ['before text that is not ASCII', `${MARK}Käse 🧀`],
] as const

describe.each(databases)('U+FEFF over %s', (kind) => {
  let target: Target
  beforeAll(async () => {
    target = await boot(kind)
  })
  afterAll(() => target.stop())

  const created = async (user: string, body: object) => {
    const response = await target.request(user, 'POST', `/api/${encodeURIComponent(user)}/tasks`, body)
    expect(response.status).toBe(201)
    return (await response.json()) as Task
  }
  const list = async (user: string, query = '') => {
    const response = await target.request(user, 'GET', `/api/${encodeURIComponent(user)}/tasks${query}`)
    expect(response.status).toBe(200)
    return (await response.json()) as Task[]
  }

  test.each(places)('%s is kept in a description and in tags', async (_, text) => {
    const user = `texts-${Bun.hash(text)}`
    const made = await created(user, { title: 'A task', description: text, tags: [text, `a${text}z`] })
    const expected = { description: text, tags: [text, `a${text}z`] }
    expect(made).toMatchObject(expected)
    expect(await list(user)).toMatchObject([expected])
  })

  test.each(places)('%s is kept in a title', async (_, text) => {
    const user = `titles-${Bun.hash(text)}`
    for (const title of [text, `a${text}z`]) await created(user, { title: ` ${title}\t` })
    expect((await list(user)).map(({ title }) => title)).toEqual([`a${text}z`, text])
  })

  test.each(places)('%s is searched for as it is written', async (_, text) => {
    const user = `search-${Bun.hash(text)}`
    const made = await created(user, { title: 'With', description: `before ${text} after` })
    await created(user, { title: 'Without', description: `before ${text.replaceAll(MARK, '')} after` })
    expect((await list(user, `?q=${encodeURIComponent(`before ${text} after`)}`)).map(({ id }) => id)).toEqual([
      made.id,
    ])
  })

  test.each(places)('%s is a part of a user id', async (_, text) => {
    const user = `${text}`
    const other = `${text.replaceAll(MARK, '')}x`
    await created(other, { title: 'Theirs' })
    expect((await created(user, { title: 'Mine' })).user_id).toBe(user)
    expect((await list(user)).map(({ title, user_id }) => [title, user_id])).toEqual([['Mine', user]])
    expect((await list(other)).map(({ title }) => title)).not.toContain('Mine')
  })
})
