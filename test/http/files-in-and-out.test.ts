import { describe, expect, test } from 'bun:test'
import { parse } from 'csv-parse/sync'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { jsonOf, newUser, type Task, type User } from '../kit/user.ts'

const CSV = { 'content-type': 'text/csv' }

/** Texts that begin a line of their own in the middle, where a reader that missed the quotes would see a formula. */
const texts = ['a\n=1+1', 'a\r=1+1', 'a\r\n=1+1', '\n', 'a\n', '\n=1+1', 'a\n\n"b",c\n']

/** Before the first year that PostgreSQL knows; the last is so in UTC alone. */
const tooEarly = [
  '0000-01-01T00:00:00Z',
  '0000-12-31T23:59:59.999Z',
  '0000-06-15T12:00:00+01:00',
  '0001-01-01T00:30:00+01:00',
  '0001-01-01T00:00:00+00:01',
]

describe.each(databases)('files over %s', (kind) => {
  const service = useService(kind)

  test('a text with a line feed is one quoted field of a CSV record, and comes back unchanged', async () => {
    const user = newUser(service())
    for (const [position, text] of texts.entries())
      await user.create({ title: `${position} ${text}|`, description: text, position })
    const before = await user.list('?sort=position')
    const file = await (await user.send('GET', '/export?format=csv')).text()
    const [header = [], ...records] = parse(file, { record_delimiter: '\r\n' }) as string[][]
    expect(records).toHaveLength(texts.length)
    // Somebody else's reader, whose records end at any line end outside of quotes.
    const lenient = parse(file, { record_delimiter: ['\r\n', '\n', '\r'] }) as string[][]
    expect(lenient).toEqual([header, ...records])
    const descriptions = records.map((record) => record[header.indexOf('description')])
    expect(descriptions.toSorted()).toEqual(texts.toSorted())
    for (const field of ['"a\n=1+1"', '"a\r=1+1"']) expect(file).toContain(`,${field},`)

    expect((await user.send('DELETE', `?confirm=${user.id}`)).status).toBe(204)
    expect(await jsonOf<unknown>(await user.send('POST', '/import', file, CSV))).toMatchObject({
      imported: texts.length,
    })
    const known = ({ revision: _, ...rest }: Task) => rest
    expect((await user.list('?sort=position')).map(known)).toEqual(before.map(known))
  })

  for (const name of ['created_at', 'updated_at', 'completed_at', 'deleted_at'])
    test(`${name} before the year 1 in UTC is 422 at its place, dry run or not`, async () => {
      const user = newUser(service())
      for (const time of tooEarly)
        for (const query of ['', '?dry_run=true']) {
          const json = `[{"title":"good"},\n{"title":"x","completed":true,"${name}":"${time}"}]`
          const inJson = await user.send('POST', `/import${query}`, json, { 'content-type': 'application/json' })
          const problem = await expectProblem(inJson, 422, 'validation-failed', { pointers: [`/1/${name}`] })
          expect(problem.errors?.[0]?.detail).toMatch(/^line 2, column \d+: must be a time/)
          const csv = `title,completed,${name}\r\ngood,false,\r\nx,true,${time}\r\n`
          const inCsv = await user.send('POST', `/import${query}`, csv, CSV)
          const faults = await expectProblem(inCsv, 422, 'validation-failed', { pointers: [`/1/${name}`] })
          expect(faults.errors?.[0]?.detail).toStartWith(`line 3, column ${name}: must be a time`)
        }
      expect(await user.changes()).toEqual({ changes: [], lists: [], next: 0, more: false })
    })

  test('the first instant of the year 1 comes in', async () => {
    const user = newUser(service())
    const file = [{ title: 'x', created_at: '0001-01-01T01:00:00+01:00' }]
    expect(await jsonOf<unknown>(await user.send('POST', '/import', file))).toMatchObject({ imported: 1 })
    expect((await user.list())[0]?.created_at).toBe('0001-01-01T00:00:00.000Z')
  })

  test('an import and an erasure at once leave all of it or nothing, and neither fails', async () => {
    const file = (n: number) => Array.from({ length: 50 }, (_, i) => ({ title: `${n}/${i}` }))
    const user = newUser(service())
    const erase = (it: User) => it.send('DELETE', `?confirm=${it.id}`)
    let newest = 0
    for (let round = 0; round < 40; round++) {
      if (round % 2 === 0) await user.create({ title: 'was there' })
      const [imported, ...erased] = await Promise.all([
        user.send('POST', '/import', file(round), round % 3 === 0 ? { 'idempotency-key': `${round}` } : {}),
        erase(user),
        erase(user),
        user.post({ title: 'beside them' }),
      ])
      expect([imported.status, ...erased.map(({ status }) => status)]).toEqual([200, 204, 204, 201])
      const tasks = await user.list('?limit=1000')
      const kept = tasks.filter(({ title }) => title.startsWith(`${round}/`))
      expect([0, 50]).toContain(kept.length)
      expect(tasks.length - kept.length).toBeLessThanOrEqual(1)
      await erase(user)
      const { revision } = await user.create({ title: 'afterwards' })
      expect(revision).toBeGreaterThan(Math.max(newest, ...tasks.map((task) => task.revision)))
      newest = revision
      await erase(user)
    }
  })
})
