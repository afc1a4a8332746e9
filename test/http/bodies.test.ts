import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import type { Headers } from '../kit/send.ts'
import { useService } from '../kit/service.ts'
import { NO_TASK, newUser, taskOf } from '../kit/user.ts'

const MIB = 1024 * 1024
const JSON_TYPE = { 'content-type': 'application/json' }
const MERGE_PATCH = { 'content-type': 'application/merge-patch+json' }

const malformed: [name: string, body: string | Uint8Array][] = [
  ['nothing', ''],
  ['white space', ' \n'],
  ['a torn object', '{"title":"Secret wish"'],
  ['two values', '{"title":"Secret wish"}{"title":"x"}'],
  ['a trailing comma', '{"title":"Secret wish",}'],
  ['single quotes', "{'title':'Secret wish'}"],
  ['a comment', '{"title":"Secret wish"/* x */}'],
  ['NaN', '{"title":"Secret wish","position":NaN}'],
  ['a raw line break in a string', '{"title":"Secret\nwish"}'],
  ['a bad escape', '{"title":"Secret wish \\u12"}'],
  ['form data', 'title=Secret+wish'],
  ['bytes that are not UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])],
  ['a cut UTF-8 sequence', new Uint8Array([0x22, 0xf0, 0x9f, 0x98])],
]

const unsupported: (string | undefined)[] = [
  undefined,
  '',
  'text/plain',
  'text/json',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/jsonp',
  'application/json-patch+json',
  'application/json; charset=utf-16',
  'application/json, text/plain',
]

const supported = ['application/json', 'Application/JSON', 'application/json;charset=UTF-8', 'application/json ; v=1']

const notObjects = ['null', 'true', '5', '"title"', '[]', '[{"title":"x"}]']

/** A body of exactly so many bytes, with an unknown field: a fault that is found only after reading it. */
const bodyOf = (bytes: number) => `{"title":"x","pad":"${'p'.repeat(bytes - 22)}"}`

const inChunks = (text: string) =>
  new Blob([text]).stream().pipeThrough(new TransformStream<Uint8Array, Uint8Array>()) as ReadableStream

describe.each(databases)('bodies over %s', (kind) => {
  const service = useService(kind)

  /** Every way to send a body, each refused in the same way; the user's tasks stay as they are. */
  async function refusedEverywhere(body: () => unknown, headers: Headers, status: number, code: string, unseen = '') {
    const ann = newUser(service())
    const task = await ann.create()
    const options = unseen ? { unseen: [unseen] } : {}
    await expectProblem(await ann.post(body(), headers), status, code, options)
    await expectProblem(await ann.put(task.id, body(), headers), status, code, options)
    await expectProblem(await ann.patch(task.id, body(), headers), status, code, options)
    expect(await ann.list()).toEqual([task])
    expect(await ann.revision()).toBe(task.revision)
  }

  for (const [name, body] of malformed)
    test(`${name} is 400`, () => refusedEverywhere(() => body, JSON_TYPE, 400, 'malformed-json', 'Secret'))

  for (const type of unsupported)
    test(`content type ${type} is 415`, () =>
      refusedEverywhere(
        () => new TextEncoder().encode('{"title":"x"}'),
        type === undefined ? {} : { 'content-type': type },
        415,
        'unsupported-media-type',
      ))

  for (const type of supported)
    test(`content type ${type} is JSON`, async () => {
      const ann = newUser(service())
      const { id } = await taskOf(await ann.post('{"title":"x"}', { 'content-type': type }), 201)
      await taskOf(await ann.put(id, '{"title":"y"}', { 'content-type': type }))
      await taskOf(await ann.complete(id, '{"completed":true}', { 'content-type': type }))
    })

  test('a merge patch is taken by PATCH under its own media type, and by nothing else', async () => {
    const ann = newUser(service())
    const { id } = await ann.create({ description: 'x' })
    expect((await taskOf(await ann.patch(id, '{"description":null}', MERGE_PATCH))).description).toBeNull()
    await expectProblem(await ann.put(id, '{"title":"x"}', MERGE_PATCH), 415, 'unsupported-media-type')
    await expectProblem(await ann.post('{"title":"x"}', MERGE_PATCH), 415, 'unsupported-media-type')
    await expectProblem(await ann.complete(id, '{"completed":true}', MERGE_PATCH), 415, 'unsupported-media-type')
    const refusal = await ann.patch(id, '{"title":"x"}', { 'content-type': 'text/plain' })
    expect(refusal.headers.get('accept-patch')).toBe('application/json, application/merge-patch+json')
  })

  test('more than 1 MiB is 413, whether its length is announced or not', async () => {
    await refusedEverywhere(() => bodyOf(MIB + 1), JSON_TYPE, 413, 'body-too-large', 'pppp')
    await refusedEverywhere(() => inChunks(bodyOf(MIB + 1)), JSON_TYPE, 413, 'body-too-large', 'pppp')
    await refusedEverywhere(() => inChunks(bodyOf(3 * MIB)), JSON_TYPE, 413, 'body-too-large', 'pppp')
  })

  test('1 MiB is read to its end', async () => {
    for (const body of [() => bodyOf(MIB), () => inChunks(bodyOf(MIB))])
      await refusedEverywhere(body, JSON_TYPE, 422, 'validation-failed', 'pppp')
    const ann = newUser(service())
    await taskOf(await ann.post(`{"title":"x"}${' '.repeat(MIB - 13)}`, JSON_TYPE), 201)
  })

  for (const body of notObjects)
    test(`${body} is 422 at its root`, async () => {
      const ann = newUser(service())
      const { id } = await ann.create()
      const faults = { pointers: [''] }
      await expectProblem(await ann.put(id, body, JSON_TYPE), 422, 'validation-failed', faults)
      await expectProblem(await ann.patch(id, body, JSON_TYPE), 422, 'validation-failed', faults)
      await expectProblem(await ann.post(body, JSON_TYPE), 422, 'validation-failed')
    })

  test('very deep nesting is refused and does not exhaust the stack', async () => {
    const deep = `{"title":${'['.repeat(200_000)}${']'.repeat(200_000)}}`
    await refusedEverywhere(() => deep, JSON_TYPE, 422, 'validation-failed', '[[[')
  })

  test('a body is not read where none is expected', async () => {
    const ann = newUser(service())
    const { id } = await ann.create()
    expect((await ann.send('DELETE', `/tasks/${id}`, '{', JSON_TYPE)).status).toBe(204)
    await expectProblem(await ann.send('DELETE', `/tasks/${NO_TASK}`, '{', JSON_TYPE), 404, 'task-not-found')
  })
})
