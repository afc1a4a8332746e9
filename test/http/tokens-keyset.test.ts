import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { boot, databases, type Target } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { forge, now } from '../kit/forge.ts'
import { createKey, type Issuer, type IssuerKey, startIssuer } from '../kit/issuer.ts'
import { freePort } from '../kit/postgres-server.ts'

setDefaultTimeout(120_000)

const [ed, es, rs, strange] = await Promise.all([
  createKey('EdDSA', 'ed'),
  createKey('ES256', 'es'),
  createKey('RS256', 'rs'),
  createKey('EdDSA', 'strange'),
])
const all = [ed, es, rs].map((key) => key.jwk)

const get = (target: Target, token: string) =>
  target.request(undefined, 'GET', '/api/alice/tasks', undefined, { authorization: `Bearer ${token}` })

const status = async (target: Target, token: string) => (await get(target, token)).status

async function expectUnavailable(response: Response) {
  expect(response.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
  await expectProblem(response, 503, 'keys-unavailable')
}

describe.each([...databases])('a key set, over %s', (kind) => {
  let issuer: Issuer
  let target: Target
  beforeAll(async () => {
    issuer = startIssuer(...all)
    target = await boot(kind, { JWKS_URL: `${issuer.url}/api/auth/jwks` })
  })
  afterAll(async () => {
    await target.stop()
    await issuer.stop()
  })

  test.each([ed, es, rs])('$alg: taken', async (key) => {
    expect(await status(target, await key.sign())).toBe(200)
  })

  test.each([ed, es, rs])('$alg without a kid: the one key that fits is found', async (key) => {
    expect(await status(target, await key.sign({}, { kid: undefined }))).toBe(200)
  })

  test.each([ed, es, rs])('$alg, expired: said so', async (key) => {
    await expectProblem(await get(target, await key.sign({ exp: now() - 60 })), 401, 'token-expired')
  })

  test.each([ed, es, rs])('$alg without exp: refused', async (key) => {
    await expectProblem(await get(target, await key.sign({ exp: undefined })), 401, 'token-invalid')
  })

  test('without a user id: refused', async () => {
    await expectProblem(await get(target, await ed.sign({ sub: undefined })), 401, 'token-invalid')
  })

  test('for another user than the path: 403', async () => {
    expect(await status(target, await ed.sign({ sub: 'bob' }))).toBe(403)
  })

  test('tokens under the secret are taken beside it', async () => {
    expect(await status(target, forge())).toBe(200)
  })

  test('the tests above took one fetch of the keys', () => {
    expect(issuer.fetches).toBe(1)
  })
})

// Each test below starts a Doable and an issuer of its own.
const issuers: Issuer[] = []
const targets: Target[] = []
afterAll(async () => {
  for (const each of [...targets, ...issuers]) await each.stop()
})

async function start(keys: IssuerKey[], env: (issuer: Issuer) => Record<string, string> = jwksUrl) {
  const issuer = startIssuer(...keys.map(({ jwk }) => jwk))
  issuers.push(issuer)
  const target = await boot('embedded', env(issuer))
  targets.push(target)
  return { issuer, target }
}

const jwksUrl = (issuer: Issuer) => ({ JWKS_URL: `${issuer.url}/api/auth/jwks` })

test('a new key is found by its kid with one more fetch; after that, unknown kids wait', async () => {
  const { issuer, target } = await start([ed])
  expect(await status(target, await ed.sign())).toBe(200)
  issuer.publish(ed.jwk, es.jwk)
  expect(await status(target, await es.sign())).toBe(200)
  expect(issuer.fetches).toBe(2)
  for (let i = 0; i < 5; i++) await expectProblem(await get(target, await strange.sign()), 401, 'token-invalid')
  expect(issuer.fetches).toBe(2)
})

test('fifty unknown kids at once cause one fetch', async () => {
  const { issuer, target } = await start([ed])
  expect(await status(target, await ed.sign())).toBe(200)
  const answers = await Promise.all(
    Array.from({ length: 50 }, async (_, i) => status(target, await strange.sign({}, { kid: `k${i}` }))),
  )
  expect(new Set(answers)).toEqual(new Set([401]))
  expect(issuer.fetches).toBe(2)
})

test('with several keys and no kid, every key that fits is tried', async () => {
  const [first, second] = await Promise.all([createKey('EdDSA', undefined), createKey('EdDSA', undefined)])
  const { target } = await start([first, second])
  for (const key of [first, second]) {
    expect(await status(target, await key.sign())).toBe(200)
    await expectProblem(await get(target, await key.sign({ exp: now() - 60 })), 401, 'token-expired')
  }
  await expectProblem(await get(target, await strange.sign({}, { kid: undefined })), 401, 'token-invalid')
  await expectProblem(await get(target, await strange.sign({ exp: 1 }, { kid: undefined })), 401, 'token-invalid')
})

test('while the issuer is down, known keys go on serving and unknown ones are refused', async () => {
  const { issuer, target } = await start([ed])
  expect(await status(target, await ed.sign())).toBe(200)
  await issuer.stop()
  expect(await status(target, await ed.sign({ sub: 'alice', nonce: 1 }))).toBe(200)
  await expectProblem(await get(target, await es.sign()), 401, 'token-invalid')
  expect(await status(target, await ed.sign({ sub: 'alice', nonce: 2 }))).toBe(200)
})

test('an issuer that was never reached is 503, tokens under the secret work, and it is found when it comes', async () => {
  const port = freePort()
  const target = await boot('embedded', { JWKS_URL: `http://127.0.0.1:${port}/jwks` })
  targets.push(target)
  await expectUnavailable(await get(target, await ed.sign()))
  expect(await status(target, forge())).toBe(200)
  await expectProblem(await get(target, forge({ header: { alg: 'none' } })), 401, 'token-invalid')
  const late = Bun.serve({ hostname: '127.0.0.1', port, fetch: () => Response.json({ keys: [ed.jwk] }) })
  let answer = 503
  for (let tries = 0; answer === 503 && tries < 40; tries++) {
    await Bun.sleep(250)
    answer = await status(target, await ed.sign())
  }
  expect(answer).toBe(200)
  await late.stop(true)
})

test.each([
  ['an error', () => new Response('no', { status: 500 })],
  ['a page', () => new Response('<html></html>', { headers: { 'content-type': 'text/html' } })],
  ['half a document', () => new Response('{"keys":[')],
  ['another document', () => Response.json({ keys: 'none' })],
  ['a list', () => Response.json([ed.jwk])],
  ['null', () => Response.json(null)],
  ['nothing', () => new Response()],
  ['a way elsewhere', () => Response.redirect('http://127.0.0.1:9/jwks', 302)],
] as [string, () => Response][])('an issuer that answers with %s: 503, or the last good keys', async (_, rubbish) => {
  const { issuer, target } = await start([ed])
  issuer.answer(rubbish)
  await expectUnavailable(await get(target, await ed.sign()))
  issuer.publish(ed.jwk)
  await Bun.sleep(1100)
  expect(await status(target, await ed.sign())).toBe(200)
  issuer.answer(rubbish)
  await expectProblem(await get(target, await strange.sign()), 401, 'token-invalid')
  expect(await status(target, await ed.sign({ nonce: 1 }))).toBe(200)
})

test('a slow issuer holds up nobody for long, and tokens under the secret not at all', async () => {
  const { issuer, target } = await start([ed])
  const { promise, resolve } = Promise.withResolvers<Response>()
  issuer.answer(() => promise)
  let over = 0
  const waiting = Promise.all(
    Array.from({ length: 5 }, async (_, i) => {
      const response = await get(target, await ed.sign({ nonce: i }))
      over++
      await expectUnavailable(response)
    }),
  )
  while (issuer.fetches === 0) await Bun.sleep(5)
  expect(await status(target, forge())).toBe(200)
  expect(over).toBe(0)
  expect(await Promise.race([waiting, Bun.sleep(15_000).then(() => 'still waiting')])).not.toBe('still waiting')
  expect(issuer.fetches).toBe(1)
  resolve(new Response())
})

test('BETTER_AUTH_URL implies where the keys are, the issuer and the audience', async () => {
  const { issuer, target } = await start([ed], ({ url }) => ({ BETTER_AUTH_URL: url }))
  const { url: iss } = issuer
  expect(await status(target, await ed.sign({ iss, aud: iss }))).toBe(200)
  expect(await status(target, await ed.sign({ iss: `${iss}/`, aud: `${iss}/` }))).toBe(200)
  expect(await status(target, await ed.sign({ iss, aud: ['other', iss] }))).toBe(200)
  for (const claims of [{}, { iss }, { aud: iss }, { iss: 'https://other.example', aud: iss }, { iss, aud: 'other' }])
    await expectProblem(await get(target, await ed.sign(claims)), 401, 'token-invalid')
  expect(await status(target, forge())).toBe(200)
})

test('JWKS_URL, JWT_ISSUER and JWT_AUDIENCE have precedence over what BETTER_AUTH_URL implies', async () => {
  const { target } = await start([ed], (issuer) => ({
    ...jwksUrl(issuer),
    BETTER_AUTH_URL: 'https://unreachable.invalid/',
    JWT_ISSUER: 'me',
    JWT_AUDIENCE: 'you',
  }))
  expect(await status(target, await ed.sign({ iss: 'me', aud: 'you' }))).toBe(200)
  const implied = 'https://unreachable.invalid'
  await expectProblem(await get(target, await ed.sign({ iss: implied, aud: implied })), 401, 'token-invalid')
})
