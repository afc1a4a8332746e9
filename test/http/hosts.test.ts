import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { databases } from '../kit/boot.ts'
import { useService } from '../kit/service.ts'

interface RawAnswer {
  status: number
  headers: Record<string, string>
  body: string
}

/** What comes back for a request that is written by hand, once the connection is closed. */
async function ask(url: string, head: string): Promise<RawAnswer> {
  const { hostname, port } = new URL(url)
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let text = ''
  const socket = connect(Number(port), hostname, () => socket.write(head))
  socket.on('data', (data) => {
    text += data
  })
  socket.once('error', reject).once('close', () => resolve(text))
  const [top = '', ...rest] = (await promise).split('\r\n\r\n')
  const [line = '', ...fields] = top.split('\r\n')
  const headers = Object.fromEntries(
    fields.map((field) => [field.split(':', 1)[0]?.toLowerCase(), field.replace(/^.*?: */, '')]),
  )
  return { status: Number(line.split(' ')[1]), headers, body: rest.join('\r\n\r\n') }
}

const request = (line: string, ...fields: string[]) => `${[line, ...fields, 'connection: close'].join('\r\n')}\r\n\r\n`

describe.each(databases)('the Host of a request over %s', (kind) => {
  const service = useService(kind)

  for (const host of [
    'a',
    'ab',
    'api',
    'api:80',
    'localhost',
    '127.0.0.1:8000',
    '[::1]:8000',
    'doable.example.com',
    '',
  ])
    test(`"${host}" leads to the path that was asked for`, async () => {
      for (const [path, status] of [
        ['/health', 200],
        ['/swagger', 200],
        ['/api/ann/tasks?limit=1', 401],
      ] as const) {
        const answer = await ask(service().url, request(`GET ${path} HTTP/1.1`, `host: ${host}`))
        expect([path, answer.status]).toEqual([path, status])
        expect(answer.headers['x-request-id']).toMatch(/./)
      }
    })

  for (const host of ['a b', 'a/b', 'a?b', 'a#b', 'me@a', '[::1', 'a:99999', 'a:b', '%', 'ÿ'])
    test(`"${host}" is 400`, async () => {
      const answer = await ask(
        service().url,
        request('GET /health HTTP/1.1', `host: ${host}`, 'x-request-id: mine', 'origin: http://localhost:1'),
      )
      expect(answer.status).toBe(400)
      expect(answer.headers).toMatchObject({
        'content-type': 'application/problem+json',
        'x-request-id': 'mine',
        'x-content-type-options': 'nosniff',
      })
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'malformed-request', request_id: 'mine' })
      expect(answer.body).not.toContain(host)
    })

  test('HTTP/1.0 needs none', async () => {
    expect((await ask(service().url, request('OPTIONS / HTTP/1.0'))).status).toBe(204)
    const health = await ask(service().url, request('GET /health HTTP/1.0'))
    expect([health.status, JSON.parse(health.body)]).toMatchObject([200, { status: 'ok' }])
    expect((await ask(service().url, request('GET /api/ann/tasks HTTP/1.0'))).status).toBe(401)
    const authorization = `authorization: Bearer ${await service().tokens.sign('ann', 60)}`
    const list = await ask(service().url, request('GET /api/ann/tasks?limit=1 HTTP/1.0', authorization))
    expect([list.status, list.headers['content-type']]).toEqual([200, 'application/json;charset=utf-8'])
  })
})

describe('a bad or missing Host is no way around the limit of an address:', () => {
  const service = useService('embedded', { RATE_LIMIT: '5', TRUSTED_PROXIES: '127.0.0.1' })
  test.each([
    ['missing', 'GET /nowhere HTTP/1.0', [], 404],
    ['bad', 'GET /nowhere HTTP/1.1', ['host: a b'], 400],
    ['bad, with a token', 'GET /api/ann/tasks HTTP/1.1', ['host: a b', 'authorization: Bearer a.b.c'], 400],
  ] as const)('%s', async (name, line, fields, status) => {
    const head = request(line, ...fields, `x-forwarded-for: 192.0.2.${name.length}`)
    for (let i = 0; i < 5; i++) expect((await ask(service().url, head)).status).toBe(status)
    expect((await ask(service().url, head)).status).toBe(429)
  })
})
