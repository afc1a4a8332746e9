import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { connect } from 'node:net'
import { boot, databases, type Target } from '../kit/boot.ts'
import { untilRefused } from '../kit/until.ts'
import { NO_TASK } from '../kit/user.ts'

setDefaultTimeout(120_000)

/** Less than the ten seconds that a stop waits for requests, and more than a busy machine needs. */
const SOON_MS = 6000

/** In this time a stop checks several times for requests that are still running. */
const LOOKS_MS = 300

const MIB = 2 ** 20

const JSON_TYPE = 'content-type: application/json'
const TEXT_TYPE = 'content-type: text/plain'
const IN_CHUNKS = 'transfer-encoding: chunked'

const CREATE = 'POST /api/alice/tasks'
const COMPLETE = `PATCH /api/alice/tasks/${NO_TASK}/complete`

/** A request over a plain socket, whose body is sent later. */
function begin({ url }: Target, line: string, ...fields: string[]) {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let text = ''
  socket.on('data', (data) => {
    text += data
  })
  socket.on('error', () => {})
  const head = [`${line} HTTP/1.1`, 'host: localhost', ...fields]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  return {
    socket,
    /** The statuses of the answers, once there are so many. */
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
  const bodies: [what: string, line: string, fields: (token: string) => string[], sent: string, status: string][] = [
    ['no token', CREATE, () => [JSON_TYPE, `content-length: ${MIB}`], 'x'.repeat(1000), '401'],
    ['no token, in chunks', CREATE, () => [IN_CHUNKS], '8\r\n12345678\r\n', '401'],
    ['another type', CREATE, (token) => [token, TEXT_TYPE, `content-length: ${MIB}`], '', '415'],
    ['another type, in chunks', CREATE, (token) => [token, TEXT_TYPE, IN_CHUNKS], '8\r\n12345678\r\n', '415'],
    ['another type, optional', COMPLETE, (token) => [token, TEXT_TYPE, `content-length: ${MIB}`], '', '415'],
    ['too large', CREATE, (token) => [token, JSON_TYPE, `content-length: ${9 * MIB}`], 'x', '413'],
    [
      'too large, in chunks',
      CREATE,
      (token) => [token, JSON_TYPE, IN_CHUNKS],
      `200000\r\n${'x'.repeat(1.5 * MIB)}`,
      '413',
    ],
  ]
  for (const [what, line, fields, sent, status] of bodies)
    test(`${what}: refused before the rest has come, and no stop waits for that`, async () => {
      const target = await boot(kind)
      const token = `authorization: Bearer ${await target.tokens.sign('alice', 60)}`
      const { socket, statuses } = begin(target, line, ...fields(token))
      socket.write(sent)
      expect(await statuses(1)).toEqual([status])
      const start = performance.now()
      await target.stop()
      expect(performance.now() - start).toBeLessThan(SOON_MS)
      socket.destroy()
    })

  test('the rest of a refused body is read away: the refusal arrives, and the connection goes on', async () => {
    const target = await boot(kind)
    const { socket, statuses } = begin(target, CREATE, JSON_TYPE, `content-length: ${16 * MIB}`)
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
    const fields = [token, JSON_TYPE, `content-length: ${body.length}`, 'expect: 100-continue']
    const { socket, statuses } = begin(target, CREATE, ...fields)
    socket.write(body.slice(0, 5))
    // Until the service has read the head, the connection counts as idle and would be cut.
    expect(await statuses(1)).toEqual(['100'])
    const stopping = target.stop()
    await untilRefused(`${target.url}/health`)
    await Bun.sleep(LOOKS_MS)
    socket.write(body.slice(5))
    expect(await statuses(2)).toEqual(['100', '201'])
    await stopping
    socket.destroy()
  })
})
