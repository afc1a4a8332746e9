import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgresServer } from '../test/kit/postgres-server.ts'
import { secretTokens } from '../test/kit/tokens.ts'

/**
 * Many event streams on one process of the service: what each costs in memory, whether a
 * write reaches all of its user's, and what readers that take nothing cost. Over a
 * PostgreSQL that is started for it, or, with the argument `embedded`, over the embedded
 * database. Linux only: reads the resident memory of the process from /proc. Exits with 1
 * where a bound is broken.
 */
const STREAMS = Number(process.env['STREAMS'] ?? 2000)
const USERS = 20
const SLOW_READERS = 10
/** Batches of 100 tasks with 10,000 characters each: 1 MB a batch. */
const BACKLOG_MB = 50
/** How much the service may grow while slow readers wait, garbage included: a quarter of what they asked for. */
const SLOW_BOUND_MB = (SLOW_READERS * BACKLOG_MB) / 4
/** The service cuts off readers that have taken nothing for 30 s. */
const CUT_MS = 35_000

const SECRET = 'k3Vq8ZtPw1Xy6Rb0Nf4Hs9Ld2Mj7Gc5Ta'
const tokens = await secretTokens(SECRET)

const print = (line: string) => process.stdout.write(`${line}\n`)
let failed = false
function check(promise: string, holds: boolean): void {
  print(`${holds ? 'ok  ' : 'FAIL'}  ${promise}`)
  failed ||= !holds
}

const server = process.argv[2] === 'embedded' ? undefined : await startPostgresServer()
const dataDir = await mkdtemp(join(tmpdir(), 'doable-streams-'))
const service = Bun.spawn([process.execPath, join(import.meta.dir, '../src/main.ts')], {
  cwd: dataDir,
  env: {
    PORT: '0',
    LOG_LEVEL: 'info',
    RATE_LIMIT: '0',
    BETTER_AUTH_SECRET: SECRET,
    SHUTDOWN_DELAY_MS: '0',
    DATA_DIR: dataDir,
    ...(server ? { DATABASE_URL: server.url() } : {}),
  },
  stdout: 'pipe',
  stderr: 'ignore',
})
try {
  const url = new URL(await firstAddress(service.stdout))
  await manyStreams(url)
  await slowReaders(url)
} finally {
  service.kill('SIGTERM')
  await service.exited
  await server?.stop()
  await rm(dataDir, { recursive: true, force: true })
}
process.exit(failed ? 1 : 0)

async function manyStreams(url: URL): Promise<void> {
  // Code that is loaded at the first stream is not a cost of each stream.
  const [warm] = await openStreams(url, 1, () => {})
  warm?.destroy()
  const before = await settledMemory()
  const arrived = new Map<string, number>()
  const start = performance.now()
  const streams = await openStreams(url, STREAMS, (user) => arrived.set(user, (arrived.get(user) ?? 0) + 1))
  print(`${STREAMS} streams of ${USERS} users, opened in ${Math.round(performance.now() - start)} ms`)
  const after = await settledMemory()
  print(
    `memory: ${mb(before)} MB before, ${mb(after)} MB with them: ${((after - before) / STREAMS / 1024).toFixed(1)} KB a stream`,
  )

  const wrote = performance.now()
  await Promise.all(
    Array.from({ length: USERS }, (_, i) => request(url, `user-${i}`, 'POST', '/tasks', { title: 'x' })),
  )
  const share = STREAMS / USERS
  const complete = () => arrived.size === USERS && [...arrived.values()].every((count) => count === share)
  while (!complete() && performance.now() - wrote < 20_000) await Bun.sleep(5)
  check(
    `a write of each user is at all of its ${share} streams, ${Math.round(performance.now() - wrote)} ms after the first began`,
    complete(),
  )

  for (const stream of streams) stream.destroy()
  print(`memory after all have gone: ${mb(await settledMemory())} MB`)
}

async function slowReaders(url: URL): Promise<void> {
  const task = { title: 'long', description: 'x'.repeat(10_000) }
  const operations = Array(100).fill({ op: 'create', task })
  for (let i = 0; i < BACKLOG_MB; i++) await request(url, 'slow', 'POST', '/batch', { operations })
  const before = await settledMemory()
  const readers = await Promise.all(Array.from({ length: SLOW_READERS }, () => openStream(url, 'slow', '?since=0')))
  for (const reader of readers) reader.pause()
  const start = performance.now()
  let peak = 0
  while (performance.now() - start < 15_000) {
    peak = Math.max(peak, await memory())
    await Bun.sleep(250)
  }
  print(
    `${SLOW_READERS} readers that take nothing of ${BACKLOG_MB} MB each: ${mb(before)} MB before, ${mb(peak)} MB at the peak`,
  )
  check(`the service grows by less than ${SLOW_BOUND_MB} MB`, peak - before < SLOW_BOUND_MB * 1024 ** 2)

  const fast = await openStream(url, 'slow', '?since=0')
  let events = 0
  const began = performance.now()
  fast.on(
    'data',
    eventCounter(() => events++),
  )
  while (events < BACKLOG_MB * 100 && performance.now() - began < 60_000) await Bun.sleep(10)
  check(
    `a reader beside them gets all ${BACKLOG_MB} MB, in ${Math.round(performance.now() - began)} ms`,
    events === BACKLOG_MB * 100,
  )
  fast.destroy()

  await Bun.sleep(Math.max(0, CUT_MS - (performance.now() - start)))
  const taken = await Promise.all(readers.map(drain))
  print(`what the slow readers still found: ${taken.map(mb).join(', ')} MB`)
  check(
    'readers that take nothing are cut off',
    taken.every((bytes) => bytes < (BACKLOG_MB / 2) * 1024 ** 2),
  )
}

/** Reads to the end, and says how much there was. */
async function drain(reader: Socket): Promise<number> {
  let bytes = 0
  reader.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  reader.resume()
  if (!reader.destroyed) await Promise.race([once(reader, 'close'), Bun.sleep(10_000)])
  reader.destroy()
  return bytes
}

async function openStreams(url: URL, amount: number, onEvent: (user: string) => void): Promise<Socket[]> {
  const streams: Socket[] = []
  // A hundred at a time: the queue of connections that wait to be accepted is short.
  while (streams.length < amount)
    streams.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(100, amount - streams.length) }, async (_, i) => {
          const user = `user-${(streams.length + i) % USERS}`
          const stream = await openStream(url, user)
          stream.on(
            'data',
            eventCounter(() => onEvent(user)),
          )
          return stream
        }),
      )),
    )
  return streams
}

/** A socket and not a client, since a socket reads no more than it is asked to. */
async function openStream(url: URL, user: string, query = ''): Promise<Socket> {
  const socket = connect(Number(url.port), url.hostname)
  socket.on('error', () => {})
  const token = await tokens.sign(user, 3600)
  socket.write(
    `GET /api/${user}/events${query} HTTP/1.1\r\nHost: ${url.host}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  )
  const [head] = (await once(socket, 'data')) as [Buffer]
  if (!head.toString().startsWith('HTTP/1.1 200')) throw new Error(head.toString())
  return socket
}

async function request(url: URL, user: string, method: string, path: string, body: unknown): Promise<void> {
  const answer = await fetch(new URL(`/api/${user}${path}`, url), {
    method,
    headers: { authorization: `Bearer ${await tokens.sign(user, 3600)}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
  await answer.body?.cancel()
}

/** Counts events in the chunks of one stream, also those that a chunk's end divides. */
function eventCounter(onEvent: () => void): (chunk: Buffer) => void {
  const mark = 'event: change'
  let rest = ''
  return (chunk) => {
    const text = rest + chunk.toString('latin1')
    let end = 0
    for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, end)) {
      end = at + mark.length
      onEvent()
    }
    rest = text.slice(Math.max(end, text.length - mark.length + 1))
  }
}

/** Resident memory of the service, in bytes. */
async function memory(): Promise<number> {
  const status = await readFile(`/proc/${service.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024
}

/** The same once it has come to rest: the least of five seconds. */
async function settledMemory(): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < 20; i++) {
    await Bun.sleep(250)
    least = Math.min(least, await memory())
  }
  return least
}

function mb(bytes: number): string {
  return (bytes / 1024 ** 2).toFixed(1)
}

async function firstAddress(log: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = ''
  for await (const chunk of log) {
    text += new TextDecoder().decode(chunk)
    const url = /"url":"([^"]+)"/.exec(text)?.[1]
    if (url !== undefined) return url
  }
  throw new Error(`the service ended before it listened:\n${text}`)
}
