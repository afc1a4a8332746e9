import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { newUser, taskOf } from '../kit/user.ts'

const NUL = 'a\0b'
const LONE = ['\ud83d', '\ude00', 'a\ud800b', '\ude00\ud83d']
const EMOJI = '👩🏽‍🚀'

/** Values that are accepted, and how they come back. */
const taken: [field: string, sent: unknown, kept?: unknown][] = [
  ['title', 'x'],
  ['title', '  Buy milk\t\n', 'Buy milk'],
  ['title', '\u00a0\u2003wide\u3000', 'wide'],
  ['title', ' \ufeffmarked\ufeff ', '\ufeffmarked\ufeff'],
  ['title', 'inner  space\nstays'],
  ['title', 'x'.repeat(200)],
  ['title', ` ${'x'.repeat(200)} `, 'x'.repeat(200)],
  ['title', '😀'.repeat(200)],
  ['title', EMOJI],
  ['title', 'e\u0301 is not \u00e9'],
  ['title', '\u202eright to left\u200f'],
  ['title', `'; drop table tasks; -- "\\ $1 %s \${x} {{y}} <b>`],
  ['title', 'null'],
  ['description', null],
  ['description', ''],
  ['description', '  '],
  ['description', 'x'.repeat(10_000)],
  ['description', '😀'.repeat(10_000)],
  ['description', '\u0001\u001f\u007f\u0085\u2028\uffff'],
  ['completed', true],
  ['completed', false],
  ['priority', 'low'],
  ['priority', 'medium'],
  ['priority', 'high'],
  ['tags', []],
  ['tags', ['home', 'Home', 'HOME']],
  ['tags', [' home ', '\terrands\n'], ['home', 'errands']],
  ['tags', Array.from({ length: 20 }, (_, i) => `tag ${i}`)],
  ['tags', ['😀'.repeat(50), EMOJI]],
  ['tags', ['a,b', '{c}', '"d"', '\\e', "f'", 'NULL', 'null', '{}']],
  ['position', 0],
  ['position', -1.5],
  ['position', 0.1],
  ['position', 5e-324],
  ['position', 1.7976931348623157e308],
  ['position', -1.7976931348623157e308],
  ['position', 9007199254740992],
]

/** Values that are refused, and the pointer where that is not the field itself. */
const refused: [field: string, sent: unknown, pointer?: string][] = [
  ['title', ''],
  ['title', ' \t\n\u00a0\u2003 '],
  ['title', 'x'.repeat(201)],
  ['title', '😀'.repeat(201)],
  ['title', null],
  ['title', 5],
  ['title', true],
  ['title', ['x']],
  ['title', { text: 'x' }],
  ['title', NUL],
  ...LONE.map((text): [string, unknown] => ['title', text]),
  ['description', 'x'.repeat(10_001)],
  ['description', '😀'.repeat(10_001)],
  ['description', 5],
  ['description', {}],
  ['description', NUL],
  ...LONE.map((text): [string, unknown] => ['description', text]),
  ['completed', null],
  ['completed', 'true'],
  ['completed', 1],
  ['priority', null],
  ['priority', ''],
  ['priority', 'HIGH'],
  ['priority', 'urgent'],
  ['priority', 1],
  ['tags', 'home'],
  ['tags', { 0: 'home' }],
  ['tags', ['home', 'home']],
  ['tags', ['home', ' home']],
  ['tags', ['']],
  ['tags', ['  ']],
  ['tags', [null]],
  ['tags', [5]],
  ['tags', [['home']]],
  ['tags', ['x'.repeat(51)]],
  ['tags', ['😀'.repeat(51)]],
  ['tags', [NUL]],
  ['tags', ['\ud83d']],
  ['tags', Array.from({ length: 21 }, (_, i) => `tag ${i}`)],
  ['position', null],
  ['position', '1'],
  ['position', true],
  ['position', [1]],
]

const shown = (value: unknown) => JSON.stringify(value).slice(0, 40)

describe.each(databases)('fields over %s', (kind) => {
  const service = useService(kind)

  for (const [field, sent, kept = sent] of taken)
    test(`${field} ${shown(sent)} is taken by POST, PUT and PATCH, and kept`, async () => {
      const ann = newUser(service())
      const made = await ann.create({ [field]: sent })
      const id = (await ann.create()).id
      const answers = [made, await ann.read(made.id), await taskOf(await ann.put(id, { [field]: sent }))]
      answers.push(await taskOf(await ann.patch(id, { [field]: sent })), await ann.read(id))
      for (const task of answers) expect<unknown>(Reflect.get(task, field)).toEqual(kept)
    })

  for (const [field, sent] of refused)
    test(`${field} ${shown(sent)} is 422 at POST, PUT and PATCH, and changes nothing`, async () => {
      const ann = newUser(service())
      const before = await ann.create()
      const pointers = [`/${field}`]
      await expectProblem(await ann.post({ title: 'x', [field]: sent }), 422, 'validation-failed', { pointers })
      await expectProblem(await ann.put(before.id, { [field]: sent }), 422, 'validation-failed', { pointers })
      await expectProblem(await ann.patch(before.id, { [field]: sent }), 422, 'validation-failed', { pointers })
      expect(await ann.list()).toEqual([before])
      expect(await ann.revision()).toBe(before.revision)
    })

  test('tags of null are none in PUT, PATCH and a batch, and 422 in POST', async () => {
    const ann = newUser(service())
    const tags = ['home']
    const ids = [(await ann.create({ tags })).id, (await ann.create({ tags })).id, (await ann.create({ tags })).id]
    const [put = '', patched = '', batched = ''] = ids
    expect((await taskOf(await ann.put(put, { tags: null }))).tags).toEqual([])
    expect((await taskOf(await ann.patch(patched, { tags: null, title: 'Kept' }))).tags).toEqual([])
    const operations = [{ op: 'update', id: batched, task: { tags: null } }]
    const batch = await service().request(ann.id, 'POST', `/api/${ann.id}/batch`, { operations })
    expect(batch.status).toBe(200)
    for (const id of ids) expect((await ann.read(id)).tags).toEqual([])
    await expectProblem(await ann.post({ title: 'x', tags: null }), 422, 'validation-failed', { pointers: ['/tags'] })
  })

  test('numbers that JSON can write and a double cannot hold are 422', async () => {
    const ann = newUser(service())
    const json = { 'content-type': 'application/json' }
    for (const number of ['1e999', '-1e999', `1${'0'.repeat(400)}`]) {
      const response = await ann.post(`{"title":"x","position":${number}}`, json)
      await expectProblem(response, 422, 'validation-failed', { pointers: ['/position'], unseen: [number] })
    }
    expect(await ann.list()).toEqual([])
  })

  test('every fault is named at once', async () => {
    const body = { priority: 'urgent', position: 'first', tags: [''], colour: 'crimson', 'a/b~c': 1 }
    const pointers = ['/title', '/priority', '/position', '/tags', '/colour', '/a~1b~0c']
    await expectProblem(await newUser(service()).post(body), 422, 'validation-failed', {
      pointers,
      unseen: ['urgent', 'first', 'crimson'],
    })
  })
})
