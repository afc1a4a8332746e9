import { expect, test } from 'bun:test'
import { once } from 'node:events'
import { readdir, readlink } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { STALLED_S } from '../../src/sync/events.ts'
import { type DatabaseKind, databases } from '../kit/boot.ts'
import { newDatabase } from '../kit/postgres-server.ts'
import { newPlace } from '../kit/program.ts'
import { bearer, send } from '../kit/send.ts'
import { SECRET, secretTokens } from '../kit/tokens.ts'
import { until } from '../kit/until.ts'

const MAX_STREAMS = 10

/** Bun looks for idle connections every 4 s. */
const LATE_MS = (STALLED_S + 10) * 1000

/** More than the kernel holds for a reader that takes nothing, in batches of 1 MB. */
const BACKLOG_MB = 12

/** A stream of which the first bytes are read, and no more. */
async function openStalled(url: string, token: string): Promise<{ head: string; socket: Socket }> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  socket.write(`GET /api/slow/events?since=0 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`)
  const [head] = (await once(socket, 'data')) as [Buffer]
  socket.pause()
  return { head: head.toString('latin1'), socket }
}

/** How many sockets a process has open. */
async function socketsOf(pid: number): Promise<number> {
  if (process.platform !== 'linux') {
    const list = await Bun.$`lsof -a -p ${pid} -i TCP -F f`.nothrow().text()
    return list.split('\n').filter((line) => line.startsWith('f')).length
  }
  const folder = `/proc/${pid}/fd`
  const links = (await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => ''))
  return (await Promise.all(links)).filter((link) => link.startsWith('socket:')).length
}

async function stall(kind: DatabaseKind): Promise<void> {
  await using place = await newPlace()
  const tokens = await secretTokens(SECRET)
  const { url, pid } = await place.serve({
    BETTER_AUTH_SECRET: SECRET,
    RATE_LIMIT: '0',
    ...(kind === 'postgres' && { DATABASE_URL: await newDatabase() }),
  })
  const slow = await tokens.sign('slow', 3600)
  const quick = bearer(await tokens.sign('quick', 3600))
  const operations = Array(100).fill({ op: 'create', task: { title: 'long', description: 'x'.repeat(10_000) } })
  for (let i = 0; i < BACKLOG_MB; i++)
    expect((await send(url, 'POST', '/api/slow/batch', { operations }, bearer(slow))).status).toBe(200)

  const opened = await Promise.all(Array.from({ length: MAX_STREAMS }, () => openStalled(url, slow)))
  for (const { head } of opened) expect(head).toStartWith('HTTP/1.1 200')
  const since = performance.now()
  const stalled = await socketsOf(pid)

  /** The status of an eleventh stream. */
  async function another(): Promise<number> {
    const { head, socket } = await openStalled(url, slow)
    socket.destroy()
    return Number(head.split(' ')[1])
  }
  let refused = 0
  await until(
    'an eleventh stream',
    async () => {
      expect((await send(url, 'GET', '/api/quick/tasks', undefined, quick)).status).toBe(200)
      const status = await another()
      if (status === 200) return true
      expect(status).toBe(429)
      refused++
      await Bun.sleep(500)
      return false
    },
    LATE_MS,
  )
  expect(performance.now() - since).toBeGreaterThan((STALLED_S - 5) * 1000)
  expect(refused).toBeGreaterThan(STALLED_S)
  await until('the sockets are gone', async () => (await socketsOf(pid)) <= stalled - MAX_STREAMS, 10_000)

  // What each still finds is what the kernel held, and not the backlog.
  for (const { socket } of opened) {
    let bytes = 0
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    const closed = once(socket, 'close')
    socket.resume()
    await closed
    expect(bytes).toBeLessThan((BACKLOG_MB - 3) * 1_000_000)
  }
}

test('streams whose readers take nothing are destroyed after half a minute, count until then, and disturb nobody', async () => {
  await Promise.all(databases.map(stall))
}, 120_000)
