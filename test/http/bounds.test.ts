import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { claims, forge, hs256 } from '../kit/forge.ts'
import { bearer } from '../kit/send.ts'
import { useService } from '../kit/service.ts'
import { newUser } from '../kit/user.ts'

/** JSON of so many levels (arrays within arrays) and a string in the innermost. */
const nested = (levels: number) => `${'['.repeat(levels)}"Secret wish"${']'.repeat(levels)}`

/** A valid token of exactly so many characters: some lengths are none of base64url's, for which the header grows. */
function tokenOf(length: number): string {
  for (const header of ['', 'x', 'xx'])
    for (let pad = Math.floor(((length - 300) * 3) / 4); ; pad++) {
      const token = forge({ header: hs256({ pad: header }), claims: claims({ pad: 'x'.repeat(pad) }) })
      if (token.length === length) return token
      if (token.length > length) break
    }
  throw new Error(`no token has ${length} characters`)
}

describe.each(databases)('bounds over %s', (kind) => {
  const service = useService(kind)

  test('a body of 32 levels is judged by its fields, one of 33 is refused for its depth', async () => {
    const ann = newUser(service())
    const task = await ann.create()
    const json = { 'content-type': 'application/json' }
    const bodies: [pointer: string, around: number, send: (value: string) => Promise<Response>][] = [
      ['/title', 1, (value) => ann.post(`{"title":${value}}`, json)],
      ['/title', 1, (value) => ann.put(task.id, `{"title":${value}}`, json)],
      ['/title', 1, (value) => ann.patch(task.id, `{"title":${value}}`, json)],
      ['/completed', 1, (value) => ann.complete(task.id, `{"completed":${value}}`, json)],
      [
        '/operations/0/task/title',
        4,
        (value) => ann.send('POST', '/batch', `{"operations":[{"op":"create","task":{"title":${value}}}]}`, json),
      ],
    ]
    for (const [pointer, around, send] of bodies) {
      const unseen = ['Secret', '[[']
      await expectProblem(await send(nested(32 - around)), 422, 'validation-failed', { pointers: [pointer], unseen })
      const faults = { pointers: [''], unseen }
      const { errors } = await expectProblem(await send(nested(33 - around)), 422, 'validation-failed', faults)
      expect(errors?.[0]?.detail).toContain('32 levels')
    }
    expect(await ann.list()).toEqual([task])
  })

  test('an address has 8192 characters at most, its scheme and host counted', async () => {
    const ann = newUser(service())
    const start = `${service().url}${ann.tasks}?_=`
    const ask = (length: number) => ann.send('GET', `/tasks?_=${'x'.repeat(length - start.length)}`)
    expect((await ask(8192)).status).toBe(200)
    await expectProblem(await ask(8193), 414, 'uri-too-long')
  })

  test('a token has 8192 characters at most', async () => {
    const ask = (token: string) => service().request(undefined, 'GET', '/api/alice/tasks', undefined, bearer(token))
    expect((await ask(tokenOf(8192))).status).toBe(200)
    await expectProblem(await ask(tokenOf(8193)), 401, 'token-invalid')
  })

  test('of many faults the first 20 are named, in a body and in a file', async () => {
    const ann = newUser(service())
    const unknown = Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`field_${i}`, 1]))
    const body = await expectProblem(await ann.post({ title: 'x', ...unknown }), 422, 'validation-failed')
    expect(body.errors).toHaveLength(20)
    const file = await ann.send(
      'POST',
      '/import',
      Array.from({ length: 25 }, () => ({ title: '' })),
    )
    const { errors } = await expectProblem(file, 422, 'validation-failed')
    expect(errors?.map(({ pointer }) => pointer)).toEqual(Array.from({ length: 20 }, (_, i) => `/${i}/title`))
    expect(await ann.list()).toEqual([])
  })
})
