import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { connect } from 'node:net'
import { boot, databases, type Target } from '../boot.ts'

setDefaultTimeout(60_000)

/** Less than the ten seconds that a stop waits for requests, and more than a busy machine needs. */
const SOON_MS = 6000

const MIB = 2 ** 20

/** A request by hand, of which the body comes later. */
function begin({ url }: Target, ...fields: string[]) {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let text = ''
  socket.on('data', (data) => {
    text += data
  })
  socket.on('error', () => {})
  const head = ['POST /api/alice/tasks HTTP/1.1', 'host: localhost', ...fields]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  return {
    socket,
    /** The statuses that have been answered, once there are so many. */
    async statuses(count: number): Promise<string[]> {
      for (let tries = 0; tries < 500; tries++) {
        const found = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status ?? '')
        if (found.length >= count) return found
        await Bun.sleep(20)
      }
      throw new Error(`only this was answered: ${text}`)
    },
  }
}

describe.each(databases)('bodies that nobody reads, over %s', (kind) => {
  const bodies: [what: string, fields: (token: string) => string[], sent: string, status: string][] = [
    ['no token', () => ['content-type: application/json', `content-length: ${MIB}`], 'x'.repeat(1000), '401'],
    ['no token, in chunks', () => ['transfer-encoding: chunked'], '8\r\n12345678\r\n', '401'],
    ['another type', (token) => [token, 'content-type: text/plain', `content-length: ${MIB}`], '', '415'],
    ['too large', (token) => [token, 'content-type: application/json', `content-length: ${9 * MIB}`], 'x', '413'],
    [
      'too large, in chunks',
      (token) => [token, 'content-type: application/json', 'transfer-encoding: chunked'],
      `200000\r\n${'x'.repeat(1.5 * MIB)}`,
      '413',
    ],
  ]
  for (const [what, fields, sent, status] of bodies)
    test(`${what}: refused before the rest has come, and no stop waits for that`, async () => {
      const target = await boot(kind)
      const token = `authorization: Bearer ${await target.tokens.sign('alice', 60)}`
      const { socket, statuses } = begin(target, ...fields(token))
      socket.write(sent)
      if (status !== '415') expect(await statuses(1)).toEqual([status])
      const start = performance.now()
      await target.stop()
      expect(performance.now() - start).toBeLessThan(SOON_MS)
      socket.destroy()
    })

  test('the rest of a refused body is read away: the refusal arrives, and the connection goes on', async () => {
    const target = await boot(kind)
    const { socket, statuses } = begin(target, 'content-type: application/json', `content-length: ${16 * MIB}`)
    expect(await statuses(1)).toEqual(['401'])
    socket.write('x'.repeat(16 * MIB))
    socket.write('GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n')
    expect(await statuses(2)).toEqual(['401', '200'])
    socket.destroy()
    await target.stop()
  })

  test('a request whose body is still coming is waited for', async () => {
    const target = await boot(kind)
    const token = `authorization: Bearer ${await target.tokens.sign('alice', 60)}`
    const body = JSON.stringify({ title: 'Slowly' })
    const { socket, statuses } = begin(
      target,
      token,
      'content-type: application/json',
      `content-length: ${body.length}`,
    )
    socket.write(body.slice(0, 5))
    await Bun.sleep(500)
    const stopping = target.stop()
    await Bun.sleep(500)
    socket.write(body.slice(5))
    expect(await statuses(1)).toEqual(['201'])
    await stopping
    socket.destroy()
  })
})
