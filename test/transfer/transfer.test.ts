import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { jsonOf, NO_TASK, newUser, type User } from '../kit/user.ts'

const awkward = [
  { title: '=1+1', description: "'=2", tags: ['a,b', '"', "'=x", 'é'] },
  { title: "'tis", description: '' },
  { title: '-x', description: null, priority: 'high', due_date: '2026-02-28', position: -3.5 },
  { title: 'line', description: 'one\r\ntwo\n"three"\ttabs', completed: true },
  { title: '😀 "quoted", and more', due_date: '2026-02-28T10:00:00+02:00' },
  { title: 'null', description: 'null', tags: ['null'] },
]

/** All tasks without their revisions, which an import counts anew. */
async function snapshot(user: User) {
  const tasks = [...(await user.list('?sort=created_at')), ...(await user.trash())]
  return tasks.map(({ revision: _, ...kept }) => kept)
}

async function fill(user: User): Promise<void> {
  for (const task of awkward) await user.create(task)
  await user.remove((await user.create({ title: 'in the trash' })).id)
}

/** So many tasks of a JSON file. */
const many = (count: number) => Array(count).fill('{"title":"a"}').join()

const types = { json: 'application/json', csv: 'text/csv' }
const JSON_TYPE = { 'content-type': types.json }

describe.each(databases)('over the %s database', (kind) => {
  const service = useService(kind)

  for (const format of ['json', 'csv'] as const)
    test(`export as ${format}, erase, import: the same tasks`, async () => {
      const user = newUser(service())
      await fill(user)
      const before = await snapshot(user)
      const exported = await user.send('GET', `/export?format=${format}`)
      expect(exported.headers.get('content-disposition')).toMatch(/^attachment; filename="doable-tasks-.*"$/)
      expect(exported.headers.get('content-type')).toStartWith(types[format])
      const file = await exported.text()
      const send = (query = '', headers = {}) =>
        user.send('POST', `/import${query}`, file, { 'content-type': types[format], ...headers })

      expect(await jsonOf<unknown>(await send())).toEqual({ imported: 0, skipped: 7, dry_run: false })
      expect((await user.send('DELETE', `?confirm=${user.id}`)).status).toBe(204)
      expect(await snapshot(user)).toEqual([])
      expect(await jsonOf<unknown>(await send('?dry_run=true'))).toEqual({ imported: 7, skipped: 0, dry_run: true })
      expect(await snapshot(user)).toEqual([])
      const key = { 'idempotency-key': 'import-1' }
      expect(await jsonOf<unknown>(await send('', key))).toEqual({ imported: 7, skipped: 0, dry_run: false })
      expect(await snapshot(user)).toEqual(before)
      expect((await send('', key)).headers.get('idempotency-replayed')).toBe('true')

      const { changes } = await user.changes()
      const [first] = changes
      expect(changes.map(({ revision }) => revision - (first?.revision ?? 0))).toEqual([0, 1, 2, 3, 4, 5, 6])
      expect((await user.create()).position).toBeGreaterThan(6)
    })

  test('imported tasks without a position stand after everything, whatever the others of the file have', async () => {
    const user = newUser(service())
    await user.create({ position: 50 })
    const file = [{ title: 'a' }, { title: 'b', position: 7 }, { title: 'c' }]
    expect((await user.send('POST', '/import', file)).status).toBe(200)
    await user.send('POST', '/import', [{ title: 'd', position: 90 }])
    const last = await user.create({ title: 'e' })
    const places = new Map((await user.list()).map(({ title, position }) => [title, position]))
    expect([places.get('a'), places.get('b'), places.get('c'), last.position]).toEqual([51, 7, 52, 91])
  })

  test('a formula in a cell is made harmless', async () => {
    const user = newUser(service())
    await fill(user)
    const csv = await (await user.send('GET', '/export?format=csv')).text()
    expect(csv).toContain(",'=1+1,")
    expect(csv).toContain(",'-x,")
  })

  test('a tombstone makes way for its task', async () => {
    const user = newUser(service())
    const { id } = await user.create({ title: 'kept' })
    const file = await (await user.send('GET', '/export')).text()
    await user.remove(id)
    expect((await user.send('DELETE', `/trash/${id}`)).status).toBe(204)
    const answer = await user.send('POST', '/import', file, JSON_TYPE)
    expect(await jsonOf<unknown>(answer)).toEqual({ imported: 1, skipped: 0, dry_run: false })
    expect((await user.read(id)).title).toBe('kept')
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
    ['an id that comes twice', 'json', JSON.stringify(Array(2).fill({ id: NO_TASK, title: 'a' })), '/1/id', /twice/],
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
    const user = newUser(service())
    const answer = await user.send('POST', '/import', file, { 'content-type': types[format] })
    const { errors } = await expectProblem(answer, 422, 'validation-failed', { pointers: [pointer] })
    expect(errors?.[0]?.detail).toMatch(detail)
    expect(await snapshot(user)).toEqual([])
  })

  const first: [string, keyof typeof types, string, string][] = [
    [
      'a value',
      'json',
      '[{"title":"a"},\n {"title":""},\n {"title":""}]',
      'line 2, column 11: title must be text of 1 to 200 characters, not counting outer white space',
    ],
    ['a missing field', 'json', '[{}]', 'line 1, column 2: title is required'],
    ['a task', 'json', '[[]]', 'line 1, column 2: the task must be an object'],
    [
      'an unknown field, without its name',
      'json',
      '[{"title":"a","dueDate":null}]',
      'line 1, column 25: this is not a field that can be sent here: did you mean due_date?',
    ],
    ['the whole file', 'json', '[{"title":"a"}', 'line 1, column 15: the file is not well-formed JSON'],
    ['a cell', 'csv', 'title,priority\na,urgent\n', 'line 2, column priority: priority must be low, medium or high'],
    ['a line', 'csv', 'title\na,b\n', 'line 2: it has another number of fields than the first line'],
    ['a quote', 'csv', 'title\n"a"b\n', 'line 2: text follows a closing quote'],
  ]
  test.each(first)('detail says the first fault, which is that of %s', async (_, format, file, sentence) => {
    const answer = await newUser(service()).send('POST', '/import', file, { 'content-type': types[format] })
    const { detail } = await expectProblem(answer, 422, 'validation-failed')
    expect(detail).toBe(`Nothing was imported: ${sentence}.`)
  })

  test('faults before the place where a file breaks off are named with it, 20 at most', async () => {
    const send = (file: string) => newUser(service()).send('POST', '/import', file, JSON_TYPE)
    await expectProblem(await send('[{"title":""},{"title"'), 422, 'validation-failed', { pointers: ['/0/title', ''] })
    const { errors } = await expectProblem(await send(`[${'{},'.repeat(30)}`), 422, 'validation-failed')
    expect(errors).toHaveLength(20)
  })

  test('taken tasks, tombstones and new tasks in one file: the new revisions have no holes', async () => {
    const user = newUser(service())
    const kept = await user.create({ title: 'kept', position: 5 })
    const gone = await user.create({ title: 'gone' })
    await user.remove(gone.id)
    expect((await user.send('DELETE', `/trash/${gone.id}`)).status).toBe(204)
    const before = await user.revision()
    const file = [{ title: 'a' }, { id: kept.id, title: 'other' }, { id: gone.id, title: 'back' }, { title: 'b' }]
    const answer = await user.send('POST', '/import', file)
    expect(await jsonOf<unknown>(answer)).toEqual({ imported: 3, skipped: 1, dry_run: false })
    const { changes } = await user.changes()
    // `revision` has made a task of its own.
    const found = changes.filter(({ revision }) => revision > before + 1)
    expect(found.map(({ title, revision }) => [title, revision - before])).toEqual([
      ['a', 2],
      ['back', 3],
      ['b', 4],
    ])
    expect(found.every((task, index) => task.position > (found[index - 1]?.position ?? 0))).toBe(true)
    expect((await user.read(kept.id)).title).toBe('kept')
    expect((await user.create()).revision).toBe(before + 5)
  })

  test('an Idempotency-Key knows a file by its bytes, however they come', async () => {
    const user = newUser(service())
    const key = { ...JSON_TYPE, 'idempotency-key': 'file' }
    const file = '[{"title":"Fünf"}]'
    const byteByByte = new ReadableStream<Uint8Array>({
      async start(controller) {
        for (const byte of new TextEncoder().encode(file)) {
          controller.enqueue(Uint8Array.of(byte))
          await Bun.sleep(1)
        }
        controller.close()
      },
    })
    expect((await user.send('POST', '/import', file, key)).status).toBe(200)
    const again = await user.send('POST', '/import', byteByByte, key)
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    await expectProblem(await user.send('POST', '/import', `${file} `, key), 422, 'idempotency-key-reused')
  })

  test('a file may have 64 MiB, and not a byte more', async () => {
    const user = newUser(service())
    const send = (bytes: number) => user.send('POST', '/import', `[${' '.repeat(bytes - 2)}]`, JSON_TYPE)
    expect((await send(64 * 2 ** 20)).status).toBe(200)
    await expectProblem(await send(64 * 2 ** 20 + 1), 413, 'body-too-large')
  })

  test('an import of another media type is 415', async () => {
    const answer = await newUser(service()).send('POST', '/import', 'x', { 'content-type': 'text/plain' })
    await expectProblem(answer, 415, 'unsupported-media-type')
  })
})
