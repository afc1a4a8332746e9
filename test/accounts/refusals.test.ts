import { beforeAll, describe, expect, test } from 'bun:test'
import { decodeProtectedHeader } from 'jose'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { createKey } from '../kit/issuer.ts'
import { newPerson, PASSWORD } from '../kit/person.ts'
import { bearer, send } from '../kit/send.ts'
import { useService } from '../kit/service.ts'

/** What must never be in a refusal: a stack, a file, a statement, a library's inner words. */
const INSIDE = /\bat \S+ \(|node_modules|\/src\/|\b(select|insert into|delete from) |drizzle|postgres|stack/i

/** As much of the OpenAPI document as is read here. */
interface Document {
  paths: Record<
    string,
    Record<
      string,
      {
        security: object[]
        responses: Record<string, { content: { 'application/json': { schema: { anyOf: object[] } } } }>
      }
    >
  >
  components: { schemas: { SignUp: { properties: Record<'name' | 'password', Bounds> } } }
}
interface Bounds {
  minLength: number
  maxLength: number
}

/** Better Auth's refusal as a problem document that keeps its code and message. */
async function expectRefusal(response: Response, status: number, code: string): Promise<void> {
  const text = await response.text()
  expect(`${response.status} ${text}`).toStartWith(`${status} {`)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(response.headers.get('cache-control')).toBe('no-store')
  const problem = JSON.parse(text)
  expect(problem).toMatchObject({ status, code, detail: problem.message, title: expect.any(String) })
  expect(problem.request_id).toBe(response.headers.get('x-request-id'))
  expect(text).not.toMatch(INSIDE)
  expect(text).not.toContain(PASSWORD)
  if (status === 401) expect(response.headers.get('www-authenticate')).toBe('Bearer')
}

describe.each(databases)('accounts over %s refuse', (kind) => {
  const service = useService(kind)
  const post = (path: string, body?: unknown, headers?: Record<string, string>) =>
    send(service().url, 'POST', `/api/auth${path}`, body, headers)

  // One account for all tests: an address may sign up ten times in a minute.
  let ada: ReturnType<typeof newPerson>
  let id = ''
  beforeAll(async () => {
    ada = newPerson(service().url)
    id = (await ada.signUp()).data?.user.id ?? ''
  })

  test('a wrong password and an unknown address in the same words', async () => {
    const answers: object[] = []
    for (const email of [ada.email, 'nobody@example.com']) {
      const answer = await post('/sign-in/email', { email, password: 'incorrect horse' })
      answers.push({ ...((await answer.clone().json()) as object), request_id: '' })
      await expectRefusal(answer, 401, 'INVALID_EMAIL_OR_PASSWORD')
    }
    expect(answers[0]).toEqual(answers[1])
  })

  test('a taken address, in whatever case', async () => {
    for (const email of [ada.email, ada.email.toUpperCase()])
      await expectRefusal(
        await post('/sign-up/email', { name: 'Eve', email, password: PASSWORD }),
        422,
        'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL',
      )
  })

  const bad: [name: string, body: unknown, status: number, code: string][] = [
    ['a short password', { name: 'Ada', email: 'a@example.com', password: '1234567' }, 400, 'PASSWORD_TOO_SHORT'],
    [
      'an endless password',
      { name: 'Ada', email: 'a@example.com', password: 'p'.repeat(129) },
      400,
      'PASSWORD_TOO_LONG',
    ],
    ['no address', { name: 'Ada', password: PASSWORD }, 400, 'VALIDATION_ERROR'],
    ['what is not an address', { name: 'Ada', email: 'ada', password: PASSWORD }, 400, 'VALIDATION_ERROR'],
    ['a list', [], 400, 'VALIDATION_ERROR'],
  ]
  test('to sign up with less than it takes', async () => {
    for (const [, body, status, code] of bad) await expectRefusal(await post('/sign-up/email', body), status, code)
  })

  test('bodies that are no JSON, too large, or cannot be stored, in our own words', async () => {
    const path = '/sign-in/email'
    const json = { 'content-type': 'application/json' }
    await expectProblem(await post(path, '{', json), 400, 'malformed-json')
    await expectProblem(await post(path, `"${'x'.repeat(1024 * 1024)}"`, json), 413, 'body-too-large')
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    await expectProblem(await post(path, 'email=a', form), 415, 'unsupported-media-type')
    for (const name of ['a\0b', 'a\ud800', 'x'.repeat(2049), null])
      await expectProblem(await post('/update-user', { name }, bearer(ada.session())), 422, 'validation-failed', {
        pointers: ['/name'],
      })
    // Without a session, which is asked for next.
    expect((await post('/update-user', { name: 'x'.repeat(2048) })).status).toBe(401)
  })

  test("whatever is refused below /api/auth, with a `message`, which Better Auth's clients show", async () => {
    const answers = [
      await post('/sign-in/email', '{', { 'content-type': 'application/json' }),
      await post('/sign-in/email', '{}', { 'content-type': 'text/plain' }),
      await post('/sign-in/email', { email: 'a\0b', password: PASSWORD }),
      await send(service().url, 'GET', '/api/auth/nothing'),
      await send(service().url, 'DELETE', '/api/auth/token'),
      await send(service().url, 'GET', '/api/auth/tasks'),
      await post('/sign-up/email', {}),
    ]
    expect(answers.map(({ status }) => status)).toEqual([400, 415, 422, 404, 405, 401, 400])
    for (const answer of answers) {
      const { message, detail } = (await answer.json()) as { message?: string; detail: string }
      expect(message).toBe(detail)
    }
    const { error } = await newPerson(service().url, 'a\0b').signIn()
    expect(error?.message).toBe('Every text must have at most 2048 characters, and no NUL.')
  })

  test('what the document says that they take and answer without a session', async () => {
    expect(await (await send(service().url, 'GET', '/api/auth/get-session')).json()).toBeNull()
    expect(await (await post('/sign-out')).json()).toEqual({ success: true })
    const document = (await (await send(service().url, 'GET', '/swagger/json')).json()) as Document
    for (const path of ['/api/auth/get-session', '/api/auth/sign-out'])
      expect(Object.values(document.paths[path] ?? {})[0]?.security).toContainEqual({})
    const session = document.paths['/api/auth/get-session']?.get?.responses['200']?.content['application/json'].schema
    expect(session?.anyOf).toContainEqual({ type: 'null' })
  })

  test('texts longer than the document says, and no unknown member', async () => {
    const document = (await (await send(service().url, 'GET', '/swagger/json')).json()) as Document
    const { SignUp: body } = document.components.schemas
    expect(body).not.toHaveProperty('additionalProperties')
    const longest = body.properties.name.maxLength
    const rename = (name: string) => post('/update-user', { name, unknown: 1 }, bearer(ada.session()))
    expect((await rename('\u{1f600}'.repeat(longest))).status).toBe(200)
    await expectProblem(await rename('\u{1f600}'.repeat(longest + 1)), 422, 'validation-failed', {
      pointers: ['/name'],
    })
    // `to sign up with less than it takes` tries these bounds.
    expect(body.properties.password).toMatchObject({ minLength: 8, maxLength: 128 })
  })

  test('an unknown provider', async () => {
    await expectRefusal(await post('/sign-in/social', { provider: 'nobody' }), 404, 'PROVIDER_NOT_FOUND')
  })

  test('a session that is over, however it ended', async () => {
    const over = newPerson(service().url, ada.email)
    await over.signIn()
    await over.client.signOut()
    for (const path of ['/token', '/list-sessions'])
      await expectRefusal(
        await send(service().url, 'GET', `/api/auth${path}`, undefined, bearer(over.session())),
        401,
        'UNAUTHORIZED',
      )
  })

  test("a session's token where a JWT belongs, and say how to get one", async () => {
    // Bare, as in the answer's body, and signed, as in Set-Auth-Token.
    for (const token of [ada.session().split('.')[0] ?? '', ada.session()]) {
      const answer = await send(service().url, 'GET', `/api/${id}/tasks`, undefined, bearer(token))
      expect((await expectProblem(answer, 401, 'token-invalid')).detail).toContain('GET /api/auth/token')
    }
  })

  test('a token by a foreign key, whatever its header and claims say', async () => {
    const { kid } = decodeProtectedHeader(await ada.token())
    const stranger = await createKey('EdDSA', kid)
    const claims = { sub: id, iss: 'doable', aud: 'doable' }
    const [other, es256] = [await createKey('EdDSA', 'unheard-of'), await createKey('ES256', kid)]
    const tokens = [
      await stranger.sign(claims),
      await other.sign(claims),
      await es256.sign(claims),
      await other.sign(claims, { kid: undefined }),
      await other.sign(claims, { kid: "' or 1=1 --" }),
    ]
    for (const token of tokens)
      await expectProblem(
        await send(service().url, 'GET', `/api/${id}/tasks`, undefined, bearer(token)),
        401,
        'token-invalid',
      )
  })

  test('a wrong method by 405, an unknown address by 404', async () => {
    for (const [method, path] of [
      ['GET', '/sign-in/email'],
      ['POST', '/token'],
      ['PUT', '/jwks'],
    ] as const)
      await expectProblem(await send(service().url, method, `/api/auth${path}`), 405, 'method-not-allowed')
    for (const path of ['/nothing', '/error', '/callback/nobody', '/sign-in/email/more'])
      await expectProblem(await send(service().url, 'GET', `/api/auth${path}`), 404, 'not-found')
  })

  test("a page that is not listed the use of the browser's cookie", async () => {
    const { headers } = await post('/sign-in/email', { email: ada.email, password: PASSWORD })
    const cookie = headers.getSetCookie()[0]?.split(';')[0] ?? ''
    const from = (origin: string) => post('/sign-out', {}, { cookie, origin })
    await expectRefusal(await from('https://evil.example'), 403, 'INVALID_ORIGIN')
    await expectRefusal(await from('null'), 403, 'MISSING_OR_NULL_ORIGIN')
    expect((await from('http://localhost:3000')).status).toBe(200)
  })
})

describe.each(databases)('accounts over %s', (kind) => {
  const service = useService(kind)

  test('let an address try ten times in a minute, and say when to come back', async () => {
    const attempt = () =>
      send(
        service().url,
        'POST',
        '/api/auth/sign-in/email',
        { email: 'a@example.com', password: PASSWORD },
        {
          // A client's own word about its address does not count.
          'x-forwarded-for': `10.0.0.${Math.floor(Math.random() * 250)}`,
          'x-client-address': `10.0.1.${Math.floor(Math.random() * 250)}`,
        },
      )
    for (let i = 0; i < 10; i++) expect((await attempt()).status).toBe(401)
    const refused = await attempt()
    expect(Number(refused.headers.get('retry-after'))).toBeWithin(1, 61)
    await expectProblem(refused, 429, 'rate-limited')
  })
})
