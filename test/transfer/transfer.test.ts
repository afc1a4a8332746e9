import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { boot, databases, type Target } from '../kit/boot.ts'

/** Each test is a user of its own, on one service. */
let users = 0
const newUser = () => `user-${++users}`
const awkward = [
  { title: '=1+1', description: "'=2", tags: ['a,b', '"', "'=x", 'é'] },
  { title: "'tis", description: '' },
  { title: '-x', description: null, priority: 'high', due_date: '2026-02-28', position: -3.5 },
  { title: 'line', description: 'one\r\ntwo\n"three"\ttabs', completed: true },
  { title: '😀 "quoted", and more', due_date: '2026-02-28T10:00:00+02:00' },
  { title: 'null', description: 'null', tags: ['null'] },
]

/** What must survive the way out and back; revisions are the counter's own. */
type Kept = Record<string, unknown>
async function snapshot(target: Target, user: string): Promise<Kept[]> {
  const all: Kept[] = []
  for (const place of ['tasks?sort=created_at', 'trash'])
    for (const { revision: _, ...kept } of (await (
      await target.request(user, 'GET', `/api/${user}/${place}`)
    ).json()) as Kept[])
      all.push(kept)
  return all
}

async function fill(target: Target, user: string): Promise<void> {
  for (const task of awkward) expect((await target.request(user, 'POST', `/api/${user}/tasks`, task)).status).toBe(201)
  const { id } = (await (
    await target.request(user, 'POST', `/api/${user}/tasks`, { title: 'in the trash' })
  ).json()) as {
    id: string
  }
  await target.request(user, 'DELETE', `/api/${user}/tasks/${id}`)
}

/** So many tasks of a JSON file. */
const many = (count: number) => Array(count).fill('{"title":"a"}').join()

const types = { json: 'application/json', csv: 'text/csv' }

for (const kind of databases)
  describe(`over the ${kind} database`, () => {
    let target: Target
    beforeAll(async () => {
      target = await boot(kind)
    })
    afterAll(() => target.stop())

    for (const format of ['json', 'csv'] as const)
      test(`export as ${format}, erase, import: the same tasks`, async () => {
        const user = newUser()
        await fill(target, user)
        const before = await snapshot(target, user)
        const exported = await target.request(user, 'GET', `/api/${user}/export?format=${format}`)
        expect(exported.headers.get('content-disposition')).toMatch(/^attachment; filename="doable-tasks-.*"$/)
        expect(exported.headers.get('content-type')).toStartWith(types[format])
        const file = await exported.text()
        const send = (path: string, headers = {}) =>
          target.request(user, 'POST', path, file, { 'content-type': types[format], ...headers })

        expect(await (await send(`/api/${user}/import`)).json()).toEqual({ imported: 0, skipped: 7, dry_run: false })
        expect((await target.request(user, 'DELETE', `/api/${user}?confirm=${user}`)).status).toBe(204)
        expect(await snapshot(target, user)).toEqual([])
        expect(await (await send(`/api/${user}/import?dry_run=true`)).json()).toEqual({
          imported: 7,
          skipped: 0,
          dry_run: true,
        })
        expect(await snapshot(target, user)).toEqual([])
        const imported = await send(`/api/${user}/import`, { 'idempotency-key': 'import-1' })
        expect(await imported.json()).toEqual({ imported: 7, skipped: 0, dry_run: false })
        expect(await snapshot(target, user)).toEqual(before)
        expect(
          (await send(`/api/${user}/import`, { 'idempotency-key': 'import-1' })).headers.get('idempotency-replayed'),
        ).toBe('true')

        const changes = (await (await target.request(user, 'GET', `/api/${user}/changes`)).json()) as {
          changes: { revision: number }[]
        }
        expect(changes.changes.map(({ revision }) => revision)).toEqual([1, 2, 3, 4, 5, 6, 7])
        const next = (await (
          await target.request(user, 'POST', `/api/${user}/tasks`, { title: 'next' })
        ).json()) as Kept
        expect(next['position']).toBeGreaterThan(6)
      })

    test('a formula in a cell is made harmless', async () => {
      const user = newUser()
      await fill(target, user)
      const csv = await (await target.request(user, 'GET', `/api/${user}/export?format=csv`)).text()
      expect(csv).toContain(",'=1+1,")
      expect(csv).toContain(",'-x,")
    })

    test('a tombstone makes way for its task', async () => {
      const user = newUser()
      await target.request(user, 'POST', `/api/${user}/tasks`, { title: 'kept' })
      const file = await (await target.request(user, 'GET', `/api/${user}/export`)).text()
      const [{ id }] = JSON.parse(file) as [{ id: string }]
      await target.request(user, 'DELETE', `/api/${user}/tasks/${id}`)
      await target.request(user, 'DELETE', `/api/${user}/trash/${id}`)
      const answer = await target.request(user, 'POST', `/api/${user}/import`, file, { 'content-type': types.json })
      expect(await answer.json()).toEqual({ imported: 1, skipped: 0, dry_run: false })
      expect((await target.request(user, 'GET', `/api/${user}/tasks/${id}`)).status).toBe(200)
    })

    const bad: [string, keyof typeof types, string, string, RegExp][] = [
      [
        'JSON that breaks off',
        'json',
        '[\n {"title": "a"},\n {"title"',
        '',
        /^line 3, column \d+: is not well-formed JSON$/,
      ],
      ['JSON that is no array', 'json', '{"title":"a"}', '', /^line 1, column 1: must be an array/],
      [
        'a title that is empty',
        'json',
        '[{"title":"a"},\n  {"title": ""}]',
        '/1/title',
        /^line 2, column 13: must be text/,
      ],
      ['a field that is unknown', 'json', '[{"title":"a","x":1}]', '/0/x', /^line 1, column 19: is not a field/],
      ['a task without a title', 'json', '[\n{"priority":"low"}]', '/0/title', /^line 2, column 1: is required/],
      [
        'an id that comes twice',
        'json',
        JSON.stringify(Array(2).fill({ id: '01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80', title: 'a' })),
        '/1/id',
        /twice/,
      ],
      [
        'a value within the last of many',
        'json',
        `[${many(999)},\n {"title":"b","tags":[7]}]`,
        '/999/tags',
        /^line 2, column 22:/,
      ],
      ['more tasks than a file may hold', 'json', `[${many(250_001)}]`, '', /^has more than 250000 tasks$/],
      ['more lines than a file may hold', 'csv', `title${'\na'.repeat(250_001)}`, '', /^has more than 250000 tasks$/],
      ['a column that is unknown', 'csv', 'title,colour\na,red\n', '', /^line 1, column 2: is not one of/],
      ['a table without titles', 'csv', 'priority\nlow\n', '', /^line 1: must name the column title$/],
      ['a line with too many fields', 'csv', 'title,priority\na,low\nb,low,x\n', '', /^line 3: has another number/],
      ['a quote that is never closed', 'csv', 'title\n"a\n', '', /a quote is never closed$/],
      [
        'a priority that is none',
        'csv',
        'title,priority\na,low\nb,urgent\n',
        '/1/priority',
        /^line 3, column priority: must be/,
      ],
      [
        'a number that is none',
        'csv',
        'title,position\na,1\nb,two\n',
        '/1/position',
        /^line 3, column position: must be/,
      ],
      ['tags that are no array', 'csv', 'title,tags\na,home\n', '/0/tags', /^line 2, column tags: must be/],
    ]
    test.each(bad)('%s: 422 that says where, and nothing is applied', async (_, format, file, pointer, detail) => {
      const user = newUser()
      const answer = await target.request(user, 'POST', `/api/${user}/import`, file, { 'content-type': types[format] })
      expect(answer.status).toBe(422)
      const { errors } = (await answer.json()) as { errors: [{ pointer: string; detail: string }] }
      expect(errors[0].pointer).toBe(pointer)
      expect(errors[0].detail).toMatch(detail)
      expect(await snapshot(target, user)).toEqual([])
    })

    test('an import of another media type is 415', async () => {
      const user = newUser()
      expect(
        (await target.request(user, 'POST', `/api/${user}/import`, 'x', { 'content-type': 'text/plain' })).status,
      ).toBe(415)
    })
  })
