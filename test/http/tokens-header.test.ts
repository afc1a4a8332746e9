import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { connect } from 'node:net'
import { boot, databases, type Target } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { claims, forge } from '../kit/forge.ts'
import { expectRefused, postCall } from '../kit/mcp.ts'

setDefaultTimeout(120_000)

type Refusal = 'token-missing' | 'token-invalid'

/** Forms of the header and their answers; `%` stands for a good token for alice. */
const forms: Record<string, [200 | Refusal, string | undefined]> = {
  'no header': ['token-missing', undefined],
  'an empty header': ['token-missing', ''],
  'white space alone': ['token-missing', '  '],
  'the token without a scheme': ['token-missing', '%'],
  'the Basic scheme': ['token-missing', `Basic ${btoa('alice:secret')}`],
  'the token under Basic': ['token-missing', 'Basic %'],
  'the token under Token': ['token-missing', 'Token %'],
  'the token under JWT': ['token-missing', 'JWT %'],
  'the token under DPoP': ['token-missing', 'DPoP %'],
  'a scheme that only begins like Bearer': ['token-missing', 'BearerX %'],
  'a colon after the scheme': ['token-missing', 'Bearer: %'],
  'an equals sign after the scheme': ['token-missing', 'Bearer=%'],
  'no space after the scheme': ['token-missing', 'Bearer%'],
  'the scheme alone': ['token-invalid', 'Bearer'],
  'the scheme and spaces': ['token-invalid', 'Bearer   '],
  'a tab after the scheme': ['token-missing', 'Bearer\t%'],
  'the scheme twice': ['token-invalid', 'Bearer Bearer %'],
  'the token in quotes': ['token-invalid', 'Bearer "%"'],
  'the token in angle brackets': ['token-invalid', 'Bearer <%>'],
  'a space within the token': ['token-invalid', 'Bearer a %'],
  'a word after the token': ['token-invalid', 'Bearer % x'],
  'a comma after the token': ['token-invalid', 'Bearer %,'],
  'two tokens in one header': ['token-invalid', 'Bearer %, Bearer %'],
  'a parameter instead of a token': ['token-invalid', 'Bearer token=%'],
  'the word undefined': ['token-invalid', 'Bearer undefined'],
  'the word null': ['token-invalid', 'Bearer null'],
  'an opaque token': ['token-invalid', 'Bearer 0f8fad5bd9cb469fa16570867728950e'],
  'a token behind a percent sign': ['token-invalid', 'Bearer %25%'],
  'the scheme as it is': [200, 'Bearer %'],
  'the scheme in lower case': [200, 'bearer %'],
  'the scheme in upper case': [200, 'BEARER %'],
  'the scheme in mixed case': [200, 'bEaReR %'],
  'more than one space after the scheme': [200, 'Bearer   %'],
  'white space around it all': [200, '  Bearer %  '],
}

describe.each([...databases])('the Authorization header, over %s', (kind) => {
  let target: Target
  beforeAll(async () => {
    target = await boot(kind)
  })
  afterAll(() => target.stop())

  const get = (headers: Record<string, string>, path = '/api/alice/tasks') =>
    target.request(undefined, 'GET', path, undefined, headers)

  test.each(Object.entries(forms))('%s', async (_, [wanted, form]) => {
    const headers = form === undefined ? {} : { authorization: form.replaceAll(/%(?!25)/g, forge()) }
    const response = await get(headers)
    if (wanted === 200) {
      expect(response.status).toBe(200)
      expect((await postCall(target, headers, 'list_tasks')).status).toBe(200)
    } else {
      await expectProblem(response, 401, wanted)
      await expectRefused(target, headers, 401, wanted)
    }
  })

  test('a token anywhere else is ignored', async () => {
    const token = forge()
    for (const [headers, query] of [
      [{ cookie: `token=${token}; better-auth.session_token=${token}; Authorization=${token}` }, ''],
      [{ 'x-authorization': `Bearer ${token}` }, ''],
      [{ 'x-access-token': token }, ''],
      [{ 'proxy-authorization': `Bearer ${token}` }, ''],
      [{}, `?token=${token}`],
      [{}, `?access_token=${token}&authorization=Bearer%20${token}`],
    ] as [Record<string, string>, string][])
      await expectProblem(await get(headers, `/api/alice/tasks${query}`), 401, 'token-missing')
  })

  test('a token in the body is as good as none', async () => {
    const response = await target.request(undefined, 'POST', '/api/alice/tasks', { access_token: forge(), title: 'a' })
    await expectProblem(response, 401, 'token-missing')
  })

  test('two Authorization headers are refused, in either order', async () => {
    const alice = `authorization: Bearer ${forge()}`
    const bob = `authorization: Bearer ${forge({ claims: claims({ sub: 'bob' }) })}`
    for (const lines of [
      [alice, bob],
      [bob, alice],
      [alice, alice],
    ])
      expect(await rawStatus(target, lines)).toBe(401)
    expect(await rawStatus(target, [alice])).toBe(200)
  })

  test('a header too long for any server is refused, and the next request is served', async () => {
    const response = await get({ authorization: `Bearer ${'x'.repeat(100_000)}` }).catch(() => undefined)
    expect([401, 431, undefined]).toContain(response?.status)
    expect((await get({ authorization: `Bearer ${forge()}` })).status).toBe(200)
  })

  test('a stranger learns nothing about the body, whatever it is', async () => {
    for (const body of ['{', '{"title":1}', '', 'x'.repeat(50_000)]) {
      const headers = { 'content-type': 'text/plain' }
      await expectProblem(
        await target.request(undefined, 'POST', '/api/alice/tasks', body, headers),
        401,
        'token-missing',
      )
    }
  })
})

/** Sends header lines as they are, which fetch would join or drop. */
function rawStatus(target: Target, lines: string[]): Promise<number> {
  const { hostname, port } = new URL(target.url)
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const socket = connect(Number(port), hostname, () =>
    socket.write(
      `GET /api/alice/tasks HTTP/1.1\r\nhost: ${hostname}\r\n${lines.join('\r\n')}\r\nconnection: close\r\n\r\n`,
    ),
  )
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.on('error', reject)
  socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1])))
  return promise
}
