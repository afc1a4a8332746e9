import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import ipaddr from 'ipaddr.js'
import { clientAddress } from '../../src/http/limits.ts'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { NO_TASK, newUser } from '../kit/user.ts'

const LIMIT = 5

/** The status line of a request written by hand. */
async function statusOf(url: string, head: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect(Number(port), hostname, () => socket.write(head))
  socket.once('data', (data) => resolve(data.toString().split('\r\n', 1)[0] ?? ''))
  socket.once('error', reject).once('close', () => resolve('closed'))
  return promise.finally(() => socket.destroy())
}

describe.each(databases)('limits over %s', (kind) => {
  const service = useService(kind, { RATE_LIMIT: String(LIMIT), TRUSTED_PROXIES: '127.0.0.1' })
  const from = (address: string) => ({ 'x-forwarded-for': address })

  test("a user's requests beyond the limit are 429, and another user's go on", async () => {
    const [ann, bob] = [newUser(service()), newUser(service())]
    for (let left = LIMIT - 1; left >= 0; left--) {
      const response = await ann.get(NO_TASK)
      expect(response.status).toBe(404)
      expect(response.headers.get('ratelimit-policy')).toBe(`"user";q=${LIMIT};w=60`)
      expect(response.headers.get('ratelimit')).toMatch(new RegExp(`^"user";r=${left};t=\\d+$`))
    }
    const response = await ann.get(NO_TASK)
    await expectProblem(response, 429, 'rate-limited')
    expect(Number(response.headers.get('retry-after'))).toBeWithin(1, 61)
    expect(response.headers.get('ratelimit')).toMatch(/^"user";r=0;t=\d+$/)
    expect((await bob.get(NO_TASK)).status).toBe(404)
  })

  test('a browser may read the refusal', async () => {
    const ann = newUser(service())
    const origin = { origin: 'http://localhost:3000' }
    for (let i = 0; i < LIMIT; i++) await ann.get(NO_TASK)
    const { status, headers } = await ann.get(NO_TASK, origin)
    expect([status, headers.get('access-control-allow-origin')]).toEqual([429, origin.origin])
    expect(headers.get('access-control-expose-headers')).toContain('RateLimit')
  })

  test('403 comes before 429, and counts', async () => {
    const ann = newUser(service())
    for (let i = 0; i <= LIMIT; i++)
      await expectProblem(await service().request(ann.id, 'GET', '/api/bob/tasks'), 403, 'wrong-user')
    await expectProblem(await ann.get(NO_TASK), 429, 'rate-limited')
  })

  test('422 comes after 429', async () => {
    const ann = newUser(service())
    for (let i = 0; i < LIMIT; i++) await expectProblem(await ann.post({}), 422, 'validation-failed')
    await expectProblem(await ann.post({}), 429, 'rate-limited')
  })

  for (const [name, headers] of [
    ['no token', {}],
    ['a bad token', { authorization: 'Bearer a.b.c' }],
  ] as const)
    test(`an address that floods with ${name} gets 429 before 401`, async () => {
      const address = from(`203.0.113.${name.length}`)
      const send = () => service().request(undefined, 'GET', '/api/ann/tasks', undefined, { ...headers, ...address })
      for (let i = 0; i < LIMIT; i++) expect((await send()).status).toBe(401)
      const response = await send()
      await expectProblem(response, 429, 'rate-limited')
      expect(response.headers.get('ratelimit-policy')).toStartWith('"address"')
    })

  test('an address that no route has counts by address, whatever Authorization says', async () => {
    const address = from('203.0.113.77')
    const authorization = `Bearer ${await service().tokens.sign('ann', 3600)}`
    const get = (path: string, method = 'GET') =>
      service().request(undefined, method, path, undefined, { ...address, authorization })
    const paths = ['/api/nothing/here', '/api/ann/task', '/api/ann/tasks/1/2/3']
    for (let i = 0; i < LIMIT - 1; i++) expect((await get(paths[i % 3] ?? '')).status).toBe(404)
    expect((await get('/api/ann/tasks', 'PUT')).status).toBe(405)
    await expectProblem(await get('/api/nothing/here'), 429, 'rate-limited')
    await expectProblem(await get('/api/ann/tasks', 'PUT'), 429, 'rate-limited')
    // A user's own limit is another one.
    expect((await get('/health')).status).toBe(200)
  })

  test('a known token goes on from an address that floods', async () => {
    const ann = newUser(service())
    const flooding = from('198.51.100.7')
    const authorization = `Bearer ${await service().tokens.sign(ann.id, 3600)}`
    expect((await ann.get(NO_TASK, { authorization })).status).toBe(404)
    // No more than the limit: the next request with an unknown token is the first to be refused.
    for (let i = 0; i < LIMIT; i++) await service().request(undefined, 'GET', '/nowhere', undefined, flooding)
    expect((await ann.get(NO_TASK, { authorization, ...flooding })).status).toBe(404)
    await expectProblem(await newUser(service()).get(NO_TASK, flooding), 429, 'rate-limited')
  })

  test('open routes count by address, and health does not', async () => {
    const address = from('192.0.2.1')
    const get = async (path: string) => (await service().request(undefined, 'GET', path, undefined, address)).status
    for (let i = 0; i < LIMIT; i++) expect(await get('/swagger/json')).toBe(200)
    expect(await get('/swagger/json')).toBe(429)
    expect(await get('/nowhere')).toBe(429)
    for (let i = 0; i < 2 * LIMIT; i++) expect(await get('/health')).toBe(200)
    expect(await get('/health/ready')).toBe(200)
  })

  test('a thousand header fields, or 64 KiB of them, are refused by the socket', async () => {
    for (const fields of [`a: b\r\n`.repeat(1000), `a: ${'b'.repeat(65_536)}\r\n`])
      expect(await statusOf(service().url, `GET /health HTTP/1.1\r\nhost: a\r\n${fields}\r\n`)).toMatch(/ 431 |closed/)
    expect((await service().request(undefined, 'GET', '/health')).status).toBe(200)
  })
})

describe.each(databases)('event streams over %s', (kind) => {
  const service = useService(kind, { RATE_LIMIT: '0' })

  test('the eleventh stream of a user is 429, until another ends; other users have their own', async () => {
    const [ann, bob] = [newUser(service()), newUser(service())]
    const open = (client: typeof ann) => client.send('GET', '/events')
    const streams = await Promise.all(Array.from({ length: 10 }, () => open(ann)))
    expect(streams.map(({ status }) => status)).toEqual(Array(10).fill(200))
    const refused = await open(ann)
    await expectProblem(refused, 429, 'too-many-streams')
    expect(refused.headers.get('retry-after')).toBe('5')
    const other = await open(bob)
    expect(other.status).toBe(200)

    await streams[0]?.body?.cancel()
    let again = await open(ann)
    for (let tries = 0; again.status === 429 && tries < 100; tries++) {
      await Bun.sleep(100)
      again = await open(ann)
    }
    expect(again.status).toBe(200)
    for (const { body } of [...streams.slice(1), again, other]) await body?.cancel()
  })

  test('without a limit nothing is said of one', async () => {
    const { headers } = await newUser(service()).get(NO_TASK)
    expect([headers.get('ratelimit'), headers.get('ratelimit-policy')]).toEqual([null, null])
  })
})

describe('the address of a caller', () => {
  const trusted = ['10.0.0.0/8', '::1/128'].map((block) => ipaddr.parseCIDR(block))
  test.each([
    ['a stranger names nobody else', '203.0.113.9', '192.0.2.1', '203.0.113.9'],
    ['a trusted proxy names the client', '10.0.0.1', '192.0.2.1', '192.0.2.1'],
    ['what the client wrote itself does not count', '10.0.0.1', '198.51.100.1, 192.0.2.1', '192.0.2.1'],
    ['proxies may stand in a row', '10.0.0.1', '192.0.2.1, 10.9.9.9', '192.0.2.1'],
    ['no list at all', '10.0.0.1', null, '10.0.0.1'],
    ['rubbish in the list ends it', '10.0.0.1', '192.0.2.1, unknown', '10.0.0.1'],
    ['IPv4 within IPv6 is IPv4', '::ffff:10.0.0.1', '::ffff:192.0.2.1', '192.0.2.1'],
    ['an IPv6 network is one caller', '::1', '2001:db8:1:2:aaaa::1', '2001:db8:1:2::'],
  ] as const)('%s', (_, peer, forwarded, client) => {
    expect(clientAddress(peer, forwarded, trusted)).toBe(client)
  })
})
