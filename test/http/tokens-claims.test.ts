import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { boot, databases, type Target } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { claims, forge, now } from '../kit/forge.ts'
import { callTool, expectRefused } from '../kit/mcp.ts'
import { bearer } from '../kit/send.ts'
import { SECRET } from '../kit/tokens.ts'

setDefaultTimeout(120_000)

const hour = () => now() + 3600
const long = 'u'.repeat(255)
const emoji = '😀'.repeat(255)
const previous = ['Vb7Qm2Xc9Zr4Lt6Kp1Wd8Hy3Nf5Gs0JaEe', 'Ru4Yt8Iw2Op6Sa1Df9Gh3Jk7Lz5Xc0VbQq'] as const
const retired = 'Mn5Bv3Cx8Za1Qw7Er4Ty9Ui2Op6Lk0JhGg'

type Refusal = 'token-invalid' | 'token-expired'

/** How far clocks may differ. */
const SKEW_S = 5

/** Claims that are refused although the signature is right. */
const refused: Record<string, [Refusal, () => unknown]> = {
  'exp left out': ['token-invalid', () => ({ sub: 'alice' })],
  'exp null': ['token-invalid', () => claims({ exp: null })],
  'exp as text': ['token-invalid', () => claims({ exp: String(hour()) })],
  'exp as a date': ['token-invalid', () => claims({ exp: new Date(hour() * 1000) })],
  'exp as a list': ['token-invalid', () => claims({ exp: [hour()] })],
  'exp true': ['token-invalid', () => claims({ exp: true })],
  'exp NaN': ['token-invalid', () => `{"sub":"alice","exp":NaN}`],
  'exp infinite': ['token-invalid', () => `{"sub":"alice","exp":1e999}`],
  'exp minus infinite': ['token-invalid', () => `{"sub":"alice","exp":-1e999}`],
  'exp an hour ago': ['token-expired', () => claims({ exp: now() - 3600 })],
  'exp past the skew': ['token-expired', () => claims({ exp: now() - 6 })],
  'exp past the skew, with a fraction': ['token-expired', () => claims({ exp: now() - 6.5 })],
  'exp zero': ['token-expired', () => claims({ exp: 0 })],
  'exp negative': ['token-expired', () => claims({ exp: -1 })],
  'exp given twice, the last in the past': ['token-expired', () => `{"sub":"alice","exp":${hour()},"exp":1}`],
  'expired, and nbf after that': ['token-invalid', () => claims({ exp: now() - 60, nbf: now() - 30 })],
  'nbf in a minute': ['token-invalid', () => claims({ nbf: now() + 60 })],
  'nbf as text': ['token-invalid', () => claims({ nbf: '0' })],
  'iat as text': ['token-invalid', () => claims({ iat: 'now' })],
  'no user id at all': ['token-invalid', () => ({ exp: hour() })],
  'sub empty': ['token-invalid', () => claims({ sub: '' })],
  'sub null': ['token-invalid', () => claims({ sub: null })],
  'sub a number': ['token-invalid', () => claims({ sub: 7 })],
  'sub an object': ['token-invalid', () => claims({ sub: { id: 'alice' } })],
  'sub a list': ['token-invalid', () => claims({ sub: ['alice'] })],
  'sub of 256 characters': ['token-invalid', () => claims({ sub: `${long}u` })],
  'sub with a NUL': ['token-invalid', () => claims({ sub: 'alice\0' })],
  'sub with a lone surrogate': ['token-invalid', () => `{"sub":"alice\\ud800","exp":${hour()}}`],
  'sub unfit, user_id fit': ['token-invalid', () => claims({ sub: '', user_id: 'alice' })],
  'user_id a fraction': ['token-invalid', () => claims({ sub: undefined, user_id: 1.5 })],
  'user_id beyond what a number can tell': ['token-invalid', () => claims({ sub: undefined, user_id: 2 ** 53 })],
  'userId true': ['token-invalid', () => claims({ sub: undefined, userId: true })],
  'id an object': ['token-invalid', () => claims({ sub: undefined, id: { toString: 'alice' } })],
  'user is text': ['token-invalid', () => claims({ sub: undefined, user: 'alice' })],
  'user without an id': ['token-invalid', () => claims({ sub: undefined, user: { name: 'alice' } })],
  'user null': ['token-invalid', () => claims({ sub: undefined, user: null })],
  "Better Auth's e-mail verification": ['token-invalid', () => ({ email: 'alice', iat: now(), exp: hour() })],
  "Better Auth's change of e-mail": [
    'token-invalid',
    () => ({ email: 'alice', updateTo: 'alice', requestType: 'change-email-verification', iat: now(), exp: hour() }),
  ],
}

/** Claims that are accepted, and the user that they name. */
const taken: Record<string, [string, () => unknown]> = {
  sub: ['alice', () => claims({})],
  'sub before all others': ['alice', () => claims({ user_id: 'bob', userId: 'bob', id: 'bob', user: { id: 'bob' } })],
  user_id: ['alice', () => claims({ sub: undefined, user_id: 'alice', userId: 'bob', id: 'bob', user: { id: 'bob' } })],
  userId: ['alice', () => claims({ sub: undefined, userId: 'alice', id: 'bob', user: { id: 'bob' } })],
  id: ['alice', () => claims({ sub: undefined, id: 'alice', user: { id: 'bob' } })],
  "user.id, as in Better Auth's cookie cache": ['alice', () => claims({ sub: undefined, user: { id: 'alice' } })],
  'a number as user_id': ['7', () => claims({ sub: undefined, user_id: 7 })],
  'a number as user.id': ['42', () => claims({ sub: undefined, user: { id: 42 } })],
  'an e-mail address': ['alice@example.com', () => claims({ sub: 'alice@example.com' })],
  '255 letters': [long, () => claims({ sub: long })],
  '255 characters of two code units': [emoji, () => claims({ sub: emoji })],
  'a path of its own': ['a/../b?c#d%41', () => claims({ sub: 'a/../b?c#d%41' })],
  'a name of every object': ['__proto__', () => `{"sub":"__proto__","exp":${hour()}}`],
  'exp within the skew': ['alice', () => claims({ exp: now() - 1 })],
  'exp with a fraction': ['alice', () => claims({ exp: now() + 60.5 })],
  'exp far away': ['alice', () => claims({ exp: Number.MAX_SAFE_INTEGER })],
  'nbf within the skew': ['alice', () => claims({ nbf: now() + 4 })],
  'nbf and iat in the past': ['alice', () => claims({ nbf: now() - 60, iat: now() - 60 })],
  'iss and aud that nobody asks for': ['alice', () => claims({ iss: 'someone', aud: ['something'] })],
}

const tasksOf = (id: string) => `/api/${encodeURIComponent(id)}/tasks`

describe.each([...databases])('claims, over %s', (kind) => {
  let target: Target
  beforeAll(async () => {
    target = await boot(kind, { BETTER_AUTH_SECRETS_PREVIOUS: previous.join(' , ') })
  })
  afterAll(() => target.stop())

  const get = (token: string, path = '/api/alice/tasks') =>
    target.request(undefined, 'GET', path, undefined, { authorization: `Bearer ${token}` })

  test.each(Object.entries(refused))('%s: refused', async (_, [code, make]) => {
    await expectProblem(await get(forge({ claims: make() })), 401, code)
    await expectRefused(target, forge({ claims: make() }), 401, code)
  })

  test.each(Object.entries(taken))('%s: taken', async (_, [user, make]) => {
    const token = forge({ claims: make() })
    expect((await get(token, tasksOf(user))).status).toBe(200)
    expect((await get(token, tasksOf(`${user}x`))).status).toBe(403)
    expect(await callTool(target, bearer(token), 'list_tasks', { user_id: user })).not.toHaveProperty('isError')
    expect(await callTool(target, bearer(token), 'list_tasks', { user_id: `${user}x` })).toHaveProperty('isError')
  })

  test('the user id is compared with its case', async () => {
    expect((await get(forge(), tasksOf('Alice'))).status).toBe(403)
  })

  test.each(previous)('a token under an earlier secret goes on working', async (key) => {
    expect((await get(forge({ key }))).status).toBe(200)
  })

  test('a token that expired under an earlier secret says so', async () => {
    await expectProblem(
      await get(forge({ key: previous[1], claims: claims({ exp: now() - 60 }) })),
      401,
      'token-expired',
    )
  })

  test('a token under a secret that is no longer listed is refused', async () => {
    await expectProblem(await get(forge({ key: retired })), 401, 'token-invalid')
  })

  test('an expired token that somebody else signed is invalid, not expired', async () => {
    for (const key of [retired, '', `${SECRET} `])
      await expectProblem(await get(forge({ key, claims: claims({ exp: now() - 60 }) })), 401, 'token-invalid')
  })

  test('a token that has been taken is refused once it expires', async () => {
    // Already past: the test waits for the rest of the skew only.
    const exp = now() - 1
    const token = forge({ claims: claims({ exp }) })
    expect((await get(token)).status).toBe(200)
    await Bun.sleep((exp + SKEW_S) * 1000 - Date.now() + 100)
    await expectProblem(await get(token), 401, 'token-expired')
  })
})

const issuer = 'https://app.example.com'
const audience = 'doable'

const parties: Record<string, [200 | Refusal, () => object]> = {
  'both as configured': [200, () => claims({ iss: issuer, aud: audience })],
  'one of several audiences': [200, () => claims({ iss: issuer, aud: ['other', audience] })],
  'no iss': ['token-invalid', () => claims({ aud: audience })],
  'no aud': ['token-invalid', () => claims({ iss: issuer })],
  'another iss': ['token-invalid', () => claims({ iss: 'https://app.example.com.evil.net', aud: audience })],
  'iss with a slash more': ['token-invalid', () => claims({ iss: `${issuer}/`, aud: audience })],
  'iss as a list': ['token-invalid', () => claims({ iss: [issuer], aud: audience })],
  'another aud': ['token-invalid', () => claims({ iss: issuer, aud: 'doable2' })],
  'an empty list as aud': ['token-invalid', () => claims({ iss: issuer, aud: [] })],
  'aud as an object': ['token-invalid', () => claims({ iss: issuer, aud: { doable: true } })],
  expired: ['token-expired', () => claims({ iss: issuer, aud: audience, exp: now() - 60 })],
  'expired, and for another audience': ['token-invalid', () => claims({ iss: issuer, aud: 'x', exp: now() - 60 })],
}

describe.each([...databases])('JWT_ISSUER and JWT_AUDIENCE, over %s', (kind) => {
  let target: Target
  beforeAll(async () => {
    target = await boot(kind, { JWT_ISSUER: issuer, JWT_AUDIENCE: audience })
  })
  afterAll(() => target.stop())

  test.each(Object.entries(parties))('%s', async (_, [wanted, make]) => {
    const authorization = `Bearer ${forge({ claims: make() })}`
    const response = await target.request(undefined, 'GET', '/api/alice/tasks', undefined, { authorization })
    if (wanted === 200) expect(response.status).toBe(200)
    else {
      await expectProblem(response, 401, wanted)
      await expectRefused(target, { authorization }, 401, wanted)
    }
  })
})
