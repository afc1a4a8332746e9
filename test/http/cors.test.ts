import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import pino from 'pino'
import { createOrigins, createRefusals } from '../../src/http/origins.ts'
import { corsStage } from '../../src/http/request.ts'
import { boot, databases, type Target } from '../kit/boot.ts'

setDefaultTimeout(120_000)

const front = 'https://app.example.com'
const local = 'http://localhost:5173'
const path = '/api/alice/tasks'

/** What browsers must be able to read, and what they must be able to send. */
const readable = ['ETag', 'Location', 'Link', 'X-Total-Count', 'WWW-Authenticate', 'Retry-After', 'X-Request-Id']
const sendable = ['Authorization', 'Content-Type', 'If-Match', 'If-None-Match', 'Idempotency-Key', 'Last-Event-ID']

const names = (response: Response, field: string) =>
  (response.headers.get(field) ?? '').split(',').map((name) => name.trim().toLowerCase())

/** One answer of each kind: by whom, what, and its status. */
const answers: [string | undefined, string, string, unknown, number][] = [
  ['alice', 'GET', path, undefined, 200],
  ['alice', 'POST', path, { title: 'a' }, 201],
  ['alice', 'POST', path, '{', 400],
  [undefined, 'GET', path, undefined, 401],
  ['bob', 'GET', path, undefined, 403],
  ['alice', 'GET', `${path}/01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80`, undefined, 404],
  ['alice', 'GET', '/nowhere', undefined, 404],
  ['alice', 'PUT', path, {}, 405],
  ['alice', 'POST', path, { title: '' }, 422],
  [undefined, 'GET', '/health', undefined, 200],
  [undefined, 'GET', '/swagger/json', undefined, 200],
]

describe.each([...databases])('cross-origin requests, over %s', (kind) => {
  let target: Target
  beforeAll(async () => {
    target = await boot(kind, { CORS_ORIGINS: `${front},${local}` })
  })
  afterAll(() => target.stop())

  const preflight = (origin: string, method = 'PUT', to = path) =>
    target.request(undefined, 'OPTIONS', to, undefined, {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': 'authorization,content-type',
    })

  const headersOf = (body: unknown) => (typeof body === 'string' ? { 'content-type': 'application/json' } : {})

  test.each(answers)('as %p, %s %s is readable by a listed origin: %#', async (user, method, to, body, status) => {
    for (const origin of [front, local]) {
      const response = await target.request(user, method, to, body, { origin, ...headersOf(body) })
      expect(response.status).toBe(status)
      expect(response.headers.get('access-control-allow-origin')).toBe(origin)
      expect(response.headers.get('access-control-allow-credentials')).toBe('true')
      expect(names(response, 'vary')).toContain('origin')
      expect(names(response, 'access-control-expose-headers')).toEqual(
        expect.arrayContaining(readable.map((name) => name.toLowerCase())),
      )
    }
  })

  test.each(answers)(
    'as %p, %s %s is closed to an origin that is not listed: %#',
    async (user, method, to, body, status) => {
      const origin = 'https://evil.example'
      const response = await target.request(user, method, to, body, { origin, ...headersOf(body) })
      expect(response.status).toBe(status)
      expect(response.headers.get('access-control-allow-origin')).toBeNull()
      expect(names(response, 'vary')).toContain('origin')
    },
  )

  test.each([
    'https://app.example.com.evil.example',
    'https://evil-app.example.com',
    'https://sub.app.example.com',
    'http://app.example.com',
    'https://app.example.com:444',
    'https://app.example.com/',
    'HTTPS://APP.EXAMPLE.COM',
    'app.example.com',
    'https://https://app.example.com',
    'evil://https://app.example.com',
    `${front},${local}`,
    'null',
    '*',
    'constructor',
    '__proto__',
  ])('%s is not a listed origin', async (origin) => {
    expect((await preflight(origin)).headers.get('access-control-allow-origin')).toBeNull()
    const response = await target.request('alice', 'GET', path, undefined, { origin })
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
  })

  test('without an Origin nothing is said of it, and caches know that it matters', async () => {
    const response = await target.request('alice', 'GET', path)
    expect([...response.headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([])
    expect(names(response, 'vary')).toContain('origin')
  })

  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])(
    'a preflight for %s is answered without a token',
    async (method) => {
      const response = await preflight(front, method)
      expect(response.status).toBe(204)
      expect(await response.text()).toBe('')
      expect(response.headers.get('access-control-allow-origin')).toBe(front)
      expect(response.headers.get('access-control-allow-credentials')).toBe('true')
      expect(names(response, 'access-control-allow-methods')).toContain(method.toLowerCase())
      expect(names(response, 'access-control-allow-headers')).toEqual(
        expect.arrayContaining(sendable.map((name) => name.toLowerCase())),
      )
      expect(Number(response.headers.get('access-control-max-age'))).toBeGreaterThan(0)
    },
  )

  test('OPTIONS that is no preflight tells the methods of an address', async () => {
    const response = await target.request(undefined, 'OPTIONS', path, undefined, { origin: front })
    expect(response.status).toBe(204)
    expect(names(response, 'allow')).toEqual(expect.arrayContaining(['get', 'post', 'head', 'options']))
    expect(names(response, 'allow')).not.toContain('put')
  })

  test('OPTIONS * and OPTIONS of nothing do no harm', async () => {
    const response = await target.request(undefined, 'OPTIONS', '/nowhere')
    expect([204, 404]).toContain(response.status)
  })
})

describe('CORS_ORIGINS', () => {
  const open: Target[] = []
  afterAll(async () => {
    for (const target of open) await target.stop()
  })

  async function start(env: Record<string, string>): Promise<Target> {
    const target = await boot('embedded', env)
    open.push(target)
    return target
  }

  test('* lets every origin in, but no credentials', async () => {
    const target = await start({ CORS_ORIGINS: '*' })
    for (const origin of [front, 'https://other.example', 'null'])
      for (const user of ['alice', undefined]) {
        const response = await target.request(user, 'GET', path, undefined, { origin })
        expect(response.headers.get('access-control-allow-origin')).toBe('*')
        expect(response.headers.get('access-control-allow-credentials')).toBeNull()
      }
  })

  const allowed = async (target: Target, origin: string) =>
    (await target.request('alice', 'GET', path, undefined, { origin })).headers.get('access-control-allow-origin')

  test('unset, over the embedded database, it lets every port of this machine in', async () => {
    const target = await start({})
    for (const host of ['localhost', '127.0.0.1', '[::1]'])
      for (const port of ['', ':1', ':3000', ':5173', ':65535'])
        expect(await allowed(target, `http://${host}${port}`)).toBe(`http://${host}${port}`)
    for (const origin of [
      'https://localhost:3000',
      'http://localhost:',
      'http://localhost:*',
      'http://localhost:300000',
      'http://localhost:3000/',
      'http://localhost:3000@evil.example',
      'http://localhost.evil.example:3000',
      'http://evil.example:3000',
      'http://127.0.0.2:3000',
      'http://LOCALHOST:3000',
      'null',
    ])
      expect([origin, await allowed(target, origin)]).toEqual([origin, null])
  })

  test('unset, over a real database, it lets http://localhost:3000 in', async () => {
    const target = await boot('postgres')
    open.push(target)
    expect(await allowed(target, 'http://localhost:3000')).toBe('http://localhost:3000')
    expect(await allowed(target, 'http://localhost:3001')).toBeNull()
  })

  test('a page on any port of this machine may sign up, and keep its session by a cookie', async () => {
    const target = await start({ ACCOUNTS: 'on' })
    const signUp = (origin: string) =>
      target.request(
        undefined,
        'POST',
        '/api/auth/sign-up/email',
        { name: 'Ada', email: `${crypto.randomUUID()}@example.com`, password: 'correct horse battery' },
        { origin },
      )
    const answer = await signUp('http://localhost:5173')
    expect(answer.status).toBe(200)
    const [cookie = ''] = answer.headers.getSetCookie()
    const signOut = (origin: string) =>
      target.request(undefined, 'POST', '/api/auth/sign-out', {}, { origin, cookie: cookie.split(';', 1)[0] ?? '' })
    const refused = await signOut('https://evil.example')
    expect(refused.status).toBe(403)
    expect(await refused.json()).toMatchObject({
      code: 'INVALID_ORIGIN',
      detail: expect.stringContaining('CORS_ORIGINS'),
    })
    expect((await signOut('http://127.0.0.1:8080')).status).toBe(200)
  })
})

describe('a refused origin', () => {
  const told = (listed: string[]) => {
    const lines: [origin: string, setting: string][] = []
    const note = createRefusals(createOrigins(listed), (origin, setting) => lines.push([origin, setting]))
    const from = (origin: string, headers: Record<string, string> = { host: 'doable.example' }) =>
      note(origin, new Request('http://doable.example/health', { headers }))
    return { lines, from }
  }

  test('is told of once, with the setting that lets it in', () => {
    const { lines, from } = told(['http://localhost:*', 'https://a.example'])
    for (let i = 0; i < 3; i++) for (const origin of ['https://b.example', 'http://c.example:81']) from(origin)
    expect(lines).toEqual([
      ['https://b.example', 'CORS_ORIGINS=http://localhost:*,https://a.example,https://b.example'],
      ['http://c.example:81', 'CORS_ORIGINS=http://localhost:*,https://a.example,http://c.example:81'],
    ])
  })

  test('is not told of where it is none, or our own', () => {
    const { lines, from } = told([])
    for (const origin of ['null', '*', 'https://b.example/', 'b.example', 'x'.repeat(300)]) from(origin)
    from('http://doable.example')
    from('https://doable.example', { host: 'doable.example', 'x-forwarded-proto': 'https' })
    expect(lines).toEqual([])
  })

  test('fills neither the memory nor the log', () => {
    const { lines, from } = told([])
    for (let i = 0; i < 1000; i++) from(`https://${i}.example`)
    expect(lines).toHaveLength(100)
  })

  test('stands in the log as a warning', async () => {
    const lines: string[] = []
    const log = pino({ level: 'warn' }, { write: (line) => void lines.push(line) })
    const app = corsStage(createOrigins(['https://a.example']), log).get('/', () => 'ok')
    for (const origin of ['https://a.example', 'https://b.example', 'https://b.example'])
      await app.handle(new Request('http://localhost/', { headers: { origin } }))
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({
        level: 40,
        origin: 'https://b.example',
        msg: 'refused a page of another origin; to let it in, set CORS_ORIGINS=https://a.example,https://b.example',
      }),
    ])
  })
})
