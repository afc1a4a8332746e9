import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Socket } from 'bun'
import { boot, type DatabaseKind, databases } from '../kit/boot.ts'
import { startProxy } from '../kit/proxy.ts'
import { SECRET } from '../kit/tokens.ts'
import { until } from '../kit/until.ts'
import { Connection } from './connection.ts'
import { generate, load } from './load.ts'

// The load takes seconds. A busy machine needs the rest.
setDefaultTimeout(240_000)

/** The embedded database gets a lower rate, which it can keep up with. */
const levels: [DatabaseKind, connections: number, rate: number][] = [
  ['embedded', 1000, 250],
  ['postgres', 1000, 1000],
  ['postgres', 5000, 1000],
]
test.each(levels)(
  'over %s, %d keep-alive connections at a steady rate: every answer is there, and right',
  async (kind, connections, rate) => {
    const { requests, errors } = await load(kind, { connections, users: connections, rate, seconds: 2 })
    expect(errors).toEqual({})
    expect(requests).toBe(rate * 2)
  },
)

test.each(databases)(
  'over %s, full load, with tasks purged as they are made: every answer is there, and right',
  async (kind) => {
    const { requests, errors, memory } = await load(kind, { connections: 32, users: 200, seconds: 3 })
    expect(errors).toEqual({})
    expect(requests).toBeGreaterThan(32)
    expect(memory.length).toBeGreaterThan(0)
    for (const megabytes of memory) expect(megabytes).toBeGreaterThan(10)
  },
)

describe('the load generator', () => {
  const few = { secret: SECRET, connections: 4, users: 4 }

  test('counts latency from when a request was due: a stall is felt by all that come due in it', async () => {
    const service = await boot('embedded')
    const network = await startProxy({ port: Number(new URL(service.url).port) })
    const stall = () => {
      network.delay(1000)
      setTimeout(() => network.delay(0), 500)
    }
    const orders = { ...few, url: network.through(service.url), rate: 200, seconds: 3 }
    const { requests, errors, latency } = await generate(orders, stall)
    expect(errors).toEqual({})
    expect(requests).toBe(600)
    // At most four requests are on their way at once. If only those counted the stall, they would be under 1 %.
    expect(latency?.p99).toBeGreaterThan(800)
    await network.close()
    await service.stop()
  })

  const answers: [what: string, answer: () => Response, error: RegExp][] = [
    ['is wrong', () => Response.json({}), /200 rather than 204/],
    ['is an error', () => Response.json({ code: 'internal' }, { status: 500 }), /500 rather than 204: internal/],
    [
      'closes the connection',
      () => new Response(null, { status: 204, headers: { connection: 'close' } }),
      /the service closed a connection/,
    ],
  ]
  test.each(answers)('notices an answer that %s', async (_, answer, error) => {
    using server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: answer })
    const { errors } = await generate({ ...few, url: server.url.origin, seconds: 0.3 })
    expect(Object.keys(errors).join('\n')).toMatch(error)
  })

  test('takes the end of a connection for an error only where it has not rested for long', async () => {
    const sockets: Socket[] = []
    using server = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: {
        open: (socket) => void sockets.push(socket),
        data: (socket) => void socket.write('HTTP/1.1 204 No Content\r\n\r\n'),
      },
    })
    const url = new URL(`http://127.0.0.1:${server.port}`)
    const errors: string[] = []
    const resting = new Connection(url, () => errors.push('resting'), 1)
    const busy = new Connection(url, () => errors.push('busy'), 60_000)
    for (const connection of [resting, busy]) await connection.send('anything')
    await Bun.sleep(10)
    // The ends arrive in this order.
    for (const socket of sockets) socket.end()
    await until('an end is taken for an error', () => errors.length > 0)
    expect(errors).toEqual(['busy'])
    expect((await resting.send('anything')).status).toBe(204)
    expect(sockets).toHaveLength(3)
    // A connection that rested too long is replaced, and its end is no error.
    await Bun.sleep(10)
    expect((await resting.send('anything')).status).toBe(204)
    expect(sockets).toHaveLength(4)
    expect(errors).toEqual(['busy'])
    resting.close()
  })

  test('refuses what this machine cannot hold, and a rate at which connections would fall asleep', async () => {
    const url = 'http://127.0.0.1:1'
    await expect(generate({ ...few, url, seconds: 1, connections: 10_000_000 })).rejects.toThrow('open files')
    await expect(generate({ ...few, url, seconds: 1, rate: 0.1 })).rejects.toThrow('rests for more than')
  })
})
