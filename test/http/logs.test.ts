import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { claims, forge, hs256, now, part } from '../kit/forge.ts'
import { createKey, type Issuer, startIssuer } from '../kit/issuer.ts'
import { newDatabase } from '../kit/postgres-server.ts'
import { newPlace, type Place, type Served } from '../kit/program.ts'
import { SECRET } from '../kit/tokens.ts'

setDefaultTimeout(120_000)

const path = '/api/alice/tasks'
const missing = `${path}/01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80`
const retired = 'Vb7Qm2Xc9Zr4Lt6Kp1Wd8Hy3Nf5Gs0JaEe'
const key = await createKey('EdDSA', 'first')
const good = forge()

/** Requests that take this long are logged at any level. */
const SLOW_MS = 1000

/** Part of every text that a user or an attacker sends below. */
const mark = 'Zanzibar'

/** Successes and refusals: the token, the request, and the status. */
const requests: [string | undefined, string, string, unknown, number][] = [
  [good, 'POST', path, { title: mark, description: mark, tags: [mark] }, 201],
  [await key.sign(), 'GET', path, undefined, 200],
  [good, 'GET', `${path}?q=${mark}`, undefined, 200],
  [good, 'POST', `${path.replace(/tasks$/, 'import')}?dry_run=true`, [{ title: mark }], 200],
  [good, 'GET', `${path}?access_token=${good}`, undefined, 422],
  [good, 'POST', path, `{"title":"${mark}`, 400],
  [good, 'POST', path, `{"title":${mark}}`, 400],
  [good, 'POST', path, { title: `${mark}${'x'.repeat(300)}` }, 422],
  [good, 'POST', path, { title: 'a', [mark]: mark }, 422],
  [good, 'POST', path, { title: `${mark}\0` }, 422],
  [good, 'POST', path, { title: 'a', due_date: mark, priority: mark }, 422],
  [good, 'PUT', missing, { title: mark }, 404],
  [good, 'PUT', path, { title: mark }, 405],
  [good, 'POST', '/api/bob/tasks', { title: mark }, 403],
  [undefined, 'POST', path, { title: mark }, 401],
  [mark, 'GET', path, undefined, 401],
  [forge({ header: `{"alg":${mark}}` }), 'GET', path, undefined, 401],
  [forge({ header: { alg: mark } }), 'GET', path, undefined, 401],
  [forge({ header: hs256({ crit: [mark], [mark]: mark }) }), 'GET', path, undefined, 401],
  [forge({ claims: `{"sub":${mark}}` }), 'GET', path, undefined, 401],
  [forge({ claims: claims({ sub: [mark] }) }), 'GET', path, undefined, 401],
  [forge({ claims: claims({ exp: now() - 60, name: mark }) }), 'GET', path, undefined, 401],
  [forge({ claims: claims({ exp: mark }) }), 'GET', path, undefined, 401],
  [await key.sign({ sub: [mark] }), 'GET', path, undefined, 401],
  [await key.sign({}, { kid: mark }), 'GET', path, undefined, 401],
  [`${part({ alg: 'EdDSA', crit: [mark], [mark]: 1 })}.${part({})}.${part(mark)}`, 'GET', path, undefined, 401],
  [`${part({ alg: 'EdDSA' })}.${part(`{"sub":${mark}}`)}.${part(mark)}`, 'GET', path, undefined, 401],
]

describe.each([...databases])('the log at level trace, over %s', (kind) => {
  let place: Place
  let issuer: Issuer
  let service: Served
  const ids: string[] = []
  beforeAll(async () => {
    place = await newPlace()
    issuer = startIssuer(key.jwk)
    service = await place.serve({
      LOG_LEVEL: 'trace',
      BETTER_AUTH_SECRET: SECRET,
      BETTER_AUTH_SECRETS_PREVIOUS: retired,
      JWKS_URL: `${issuer.url}/api/auth/jwks`,
      ...(kind === 'postgres' ? { DATABASE_URL: await newDatabase() } : {}),
    })
    for (const [token, method, to, body, status] of requests) {
      const response = await fetch(service.url + to, {
        method,
        headers: {
          'content-type': 'application/json',
          cookie: `session=${mark}`,
          'user-agent': mark,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      expect([method, to, response.status]).toEqual([method, to, status])
      ids.push(response.headers.get('x-request-id') ?? '')
    }
    await service.end()
  })
  afterAll(async () => {
    await place[Symbol.asyncDispose]()
    await issuer.stop()
  })

  const lines = () =>
    service.output.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)

  test('every line is JSON, with its time, level and version', () => {
    for (const line of lines())
      expect(line).toEqual(
        expect.objectContaining({
          level: expect.stringMatching(/^(trace|debug|info|warn|error)$/),
          time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
          service: 'doable',
          version: expect.any(String),
          msg: expect.any(String),
        }),
      )
  })

  test('it logs the start and the stop', () => {
    const told = lines().map(({ msg }) => msg)
    for (const msg of ['started', 'stopping', 'stopped']) expect(told).toContain(msg)
  })

  test('every request has one line, under the id that its answer carried', () => {
    const served = lines().filter(({ msg }) => msg === 'request')
    expect(served).toHaveLength(requests.length)
    requests.forEach(([, method, to, , status], i) => {
      const found = served.filter(({ request_id }) => request_id === ids[i])
      expect(found).toEqual([
        expect.objectContaining({
          method,
          path: to.split('?')[0],
          status,
          ms: expect.any(Number),
          client: '127.0.0.1',
        }),
      ])
    })
  })

  test('every refusal has a line with its code under the same id', () => {
    const refusals = lines().filter(({ msg }) => msg === 'request refused')
    const refused = requests.flatMap(([, , , , status], i) => (status >= 400 ? [ids[i]] : []))
    expect(refusals.map(({ request_id }) => request_id)).toEqual(refused)
    for (const { code } of refusals) expect(code).toMatch(/^[a-z-]+$/)
  })

  test('it holds no token, no secret, and nothing that a user wrote', () => {
    const { stdout, stderr } = service.output
    const tokens = requests.flatMap(([token]) => token ?? []).flatMap((token) => token.split('.'))
    for (const hidden of [mark, SECRET, retired, 'access_token', ...tokens.filter((text) => text.length > 4)])
      for (const line of `${stdout}${stderr}`.split('\n')) expect(line).not.toContain(hidden)
  })
})

test("a failing database's words stay out of the log", async () => {
  await using place = await newPlace()
  const { stdout, stderr, code } = await place.run(['serve'], {
    BETTER_AUTH_SECRET: SECRET,
    DATABASE_URL: 'postgres://alice:hunter2hunter2@127.0.0.1:9/nothing',
    LOG_LEVEL: 'trace',
  })
  expect(code).toBe(1)
  expect(stdout + stderr).not.toContain('hunter2')
  expect(stdout + stderr).not.toContain(SECRET)
})

test('lines name the client that trusted proxies name, and no other', async () => {
  await using place = await newPlace()
  const env = { BETTER_AUTH_SECRET: SECRET, LOG_LEVEL: 'debug' }
  const clientOf = async (more: Record<string, string>) => {
    const service = await place.serve({ ...env, ...more })
    await fetch(service.url + path, { headers: { 'x-forwarded-for': '203.0.113.7' } })
    await service.end()
    const lines = service.output.stdout.trimEnd().split('\n')
    const told = lines.map((line) => JSON.parse(line) as { msg: string; client?: string })
    return told.filter(({ msg }) => msg.startsWith('request')).map(({ client }) => client)
  }
  expect(await clientOf({ TRUSTED_PROXIES: '127.0.0.0/8' })).toEqual(['203.0.113.7', '203.0.113.7'])
  expect(await clientOf({})).toEqual(['127.0.0.1', '127.0.0.1'])
})

test('at info, honest requests and refusals leave no line', async () => {
  await using place = await newPlace()
  const service = await place.serve({ BETTER_AUTH_SECRET: SECRET })
  for (const authorization of [`Bearer ${good}`, 'Bearer x'])
    await fetch(service.url + path, { headers: { authorization } })
  await service.end()
  const lines = service.output.stdout.trimEnd().split('\n')
  const told = lines.map((line) => JSON.parse(line) as { msg: string; ms?: number })
  // On a busy machine a request can be slow, and slow requests are logged.
  const rest = told.filter(({ msg, ms = 0 }) => msg !== 'request' || ms < SLOW_MS)
  expect(rest.map(({ msg }) => msg)).toEqual(['started', 'stopping', 'stopped'])
})
