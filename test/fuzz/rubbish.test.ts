import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { databases } from '../kit/boot.ts'
import { useService } from '../kit/service.ts'
import { NO_TASK, newUser } from '../kit/user.ts'

/** Texts that break programs: control and direction characters, surrogates, injections, extreme numbers. */
const NAUGHTY = [
  ...[
    '',
    ' ',
    '\0',
    '\u0001\u001b[31m',
    '\u200b\u202e\ufeff',
    'Ω≈ç√∫',
    '田中さん',
    '👩‍👩‍👧‍👦',
    'Z̮̞̠͙͔ͅḀ̗̞͈̻̗Ḷ͙͎̯̹̞͓G̻O̭̗̮',
    '\ud800',
    'ﷺ'.repeat(50),
  ],
  ...[
    "'; drop table doable.tasks; --",
    '1;select pg_sleep(9)',
    "' or '1'='1",
    '#{7*7}',
    '{{7*7}}',
    '%s%n%x',
    '$(id)',
    '`id`',
  ],
  ...[
    '<script>alert(1)</script>',
    '../../../../etc/passwd',
    '..%2f..%2fetc',
    'file:///etc/passwd',
    '\\\\host\\share',
    'CON',
    '%00',
    '%ZZ',
    '%c0%ae',
  ],
  ...[
    'undefined',
    'null',
    'NaN',
    'Infinity',
    '-0',
    '1e999',
    '9'.repeat(400),
    '0x10',
    '2026-02-30',
    '0000-00-00',
    '275760-09-13T00:00:00Z',
  ],
  ...['__proto__', 'constructor', 'hasOwnProperty', 'toString', '[object Object]', '=1+1', '@SUM(1)', 'a'.repeat(7000)],
]

const PIECES = [...'{}[]",:\\/eE+-.0123456789 \n\t', 'true', 'null', '\\u0000', '\\ud800', '"title"', '\xff', '\0']

/** Repeatable: the same rubbish in every run. */
function createDice(seed: number) {
  let state = seed
  const roll = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  return { roll, pick: <T>(items: readonly T[]): T => items[roll(items.length)] as T }
}

/** Requests in each test. More by hand: `RUBBISH=10000`. */
const COUNT = Number(process.env['RUBBISH'] ?? 1000)

describe.each(databases)('rubbish over %s', (kind) => {
  const service = useService(kind)
  const statuses = new Map<number, number>()

  async function met(response: Response, what: string): Promise<void> {
    const text = await response.text()
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
    expect(`${response.status} ${what} ${text}`).toMatch(/^[234]/)
    if (response.status >= 400) expect(response.headers.get('content-type')).toBe('application/problem+json')
  }

  test('naughty strings in every field, parameter, header and path are taken or refused, never a failure', async () => {
    const ann = newUser(service())
    const { id } = await ann.create()
    for (const text of NAUGHTY) {
      const what = JSON.stringify(text.slice(0, 40))
      for (const field of ['title', 'description', 'due_date', 'priority', 'id', 'tags', 'position', 'completed', text])
        for (const value of [text, [text], { [text]: text }])
          await met(await ann.post({ title: 'a', [field]: value }), `${field} ${what}`)
      await met(await ann.put(id, { title: text, tags: [text] }), what)
      const encoded = encodeURIComponent(text.toWellFormed())
      for (const name of ['q', 'tag', 'cursor', 'sort', 'limit', 'due_after', 'status', 'priority', 'count'])
        await met(await ann.send('GET', `/tasks?${name}=${encoded}`), `${name} ${what}`)
      for (const path of ['changes?since=', 'export?format=', 'import?dry_run=', 'trash?cursor='])
        await met(await ann.send('GET', `/${path}${encoded}`), `${path} ${what}`)
      // By HEAD, since the stream of events does not end by itself.
      expect((await ann.send('HEAD', `/events?since=${encoded}`)).status).toBeLessThan(500)
      if (!text.includes('..')) await met(await ann.send('GET', `/tasks/${encoded}`), what)
      await met(await ann.send('POST', '/import', text.toWellFormed(), { 'content-type': 'text/csv' }), what)
      if (/^[\x20-\x7e]*$/.test(text))
        for (const name of [
          'if-match',
          'if-none-match',
          'idempotency-key',
          'authorization',
          'origin',
          'x-forwarded-for',
          'traceparent',
          'accept-encoding',
          'content-type',
        ])
          await met(await ann.post({ title: 'a' }, { [name]: text }), `${name} ${what}`)
    }
    expect(statuses.get(201)).toBeGreaterThan(0)
    expect(statuses.get(422)).toBeGreaterThan(0)
  })

  test(`${COUNT} requests of random rubbish meet no failure`, async () => {
    const { roll, pick } = createDice(20261121)
    const ann = newUser(service())
    const { id } = await ann.create()
    const paths = [
      '/tasks',
      `/tasks/${id}`,
      `/tasks/${NO_TASK}/complete`,
      '/batch',
      '/import',
      '/trash',
      '/changes',
      '/x',
      '',
    ]
    const soup = () => Array.from({ length: roll(30) }, () => pick(PIECES)).join('')
    const one = async () => {
      const method = pick(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'])
      const path = `${pick(paths)}?${encodeURIComponent(soup())}=${encodeURIComponent(soup())}`
      const body = ['GET', 'HEAD', 'OPTIONS'].includes(method)
        ? undefined
        : pick([soup(), `{"title":${soup()}}`, `{"operations":[${soup()}]}`])
      const type = pick(['application/json', 'application/merge-patch+json', 'text/csv', 'multipart/form-data', 'x'])
      const token: Record<string, string> =
        roll(10) === 0 ? { authorization: `Bearer ${encodeURIComponent(soup())}` } : {}
      const response = await ann.send(method, path, body, { 'content-type': type, ...token })
      const text = await response.text()
      expect(`${response.status} ${method} ${path} ${body} ${text}`).toMatch(/^[234]/)
    }
    for (let sent = 0; sent < COUNT; sent += 20) await Promise.all(Array.from({ length: 20 }, one))
    expect((await ann.get(id)).status).toBeOneOf([200, 404])
  })

  test('what is no HTTP at all ends its own connection and nothing else', async () => {
    const { roll, pick } = createDice(7)
    const { hostname, port } = new URL(service().url)
    const heads = [
      'GET / HTTP/9.9\r\n\r\n',
      'GET /\r\n\r\n',
      'GET http://[::1 HTTP/1.1\r\nhost: a\r\n\r\n',
      'GET /%00%ff%c0 HTTP/1.1\r\nhost: a\r\n\r\n',
      'GET /health HTTP/1.1\r\n\r\n',
      'GET /health HTTP/1.1\r\nhost: \x00\r\n\r\n',
      'POST /health HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n',
      'POST /health HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
      'POST /api/a/tasks HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n',
      `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nhost: a\r\n\r\n`,
      ...Array.from({ length: 50 }, () =>
        Array.from({ length: roll(200) }, () => pick([...PIECES, '\r\n', 'GET ', ': '])).join(''),
      ),
    ]
    for (const head of heads) {
      const { promise, resolve } = Promise.withResolvers<string>()
      const socket = connect(Number(port), hostname, () => socket.write(head))
      socket.setTimeout(300, () => resolve(''))
      socket
        .once('data', (data) => resolve(data.toString()))
        .once('error', () => resolve(''))
        .once('close', () => resolve(''))
      expect(`${head}${await promise}`).not.toMatch(/HTTP\/1\.1 5(?!05)/)
      socket.destroy()
    }
    expect((await service().request(undefined, 'GET', '/health')).status).toBe(200)
  })
})
