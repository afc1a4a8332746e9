import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../kit/postgres-server.ts'
import { DOABLE, newPlace, type Place } from '../kit/program.ts'
import { until } from '../kit/until.ts'

setDefaultTimeout(120_000)

let place: Place
beforeEach(async () => {
  place = await newPlace()
})
afterEach(() => place[Symbol.asyncDispose]())

/** A service whose standard output is read only by calls of `read`. */
async function serveUnread() {
  const path = join(place.dir, 'log')
  await Bun.$`mkfifo ${path}`
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writer = openSync(path, constants.O_WRONLY)
  const port = freePort()
  const child = Bun.spawn([...DOABLE, 'serve'], {
    cwd: place.dir,
    env: {
      PATH: process.env['PATH'] ?? '',
      DATA_DIR: join(place.dir, 'data'),
      PORT: String(port),
      LOG_LEVEL: 'debug',
      RATE_LIMIT: '0',
    },
    stdin: 'ignore',
    stdout: writer,
    stderr: 'ignore',
  })
  closeSync(writer)
  const url = `http://127.0.0.1:${port}`
  await until('it listens', () =>
    fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
  let text = ''
  const buffer = Buffer.alloc(65_536)
  return {
    url,
    child,
    /** Everything read so far, with what there is now. */
    read(): string {
      for (;;) {
        try {
          const size = readSync(reader, buffer)
          if (size === 0) return text
          text += buffer.toString('latin1', 0, size)
        } catch {
          return text
        }
      }
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await child.exited
      closeSync(reader)
    },
  }
}

/** Each leaves two lines of about 4 KB and 300 bytes. */
async function ask(url: string, count: number) {
  const path = `/${'x'.repeat(4000)}`
  for (let i = 0; i < count; i += 20) {
    const answers = Array.from({ length: 20 }, () => fetch(url + path, { signal: AbortSignal.timeout(5000) }))
    for (const answer of answers) expect((await answer).status).toBe(404)
  }
}

test('a log reader that stalls stalls no request and no stop, and is told later how many lines it missed', async () => {
  await using service = await serveUnread()
  await ask(service.url, 800)
  await until('the loss is told', () => service.read().includes('log lines were dropped'))
  await ask(service.url, 20)
  const lines = service.read().trimEnd().split('\n')
  const told = lines.map((line) => JSON.parse(line) as { msg: string; dropped?: number; status?: number })
  const { dropped = 0 } = told.find(({ msg }) => msg.startsWith('log lines were dropped')) ?? {}
  expect(dropped).toBeGreaterThan(200)
  expect(told.filter(({ status }) => status === 404).length).toBeGreaterThan(200)
  await ask(service.url, 800)
  service.child.kill('SIGTERM')
  const start = performance.now()
  expect(await service.child.exited).toBe(0)
  expect(performance.now() - start).toBeLessThan(8000)
})

test('the last line before the end is there, though its reader is late', async () => {
  await using service = await serveUnread()
  await ask(service.url, 100)
  service.child.kill('SIGTERM')
  await Bun.sleep(300)
  while (service.child.exitCode === null) {
    service.read()
    await Bun.sleep(5)
  }
  const lines = service.read().trimEnd().split('\n')
  const told = lines.map((line) => JSON.parse(line) as { msg: string; status?: number })
  expect(told.at(-1)?.msg).toBe('stopped')
  expect(told.filter(({ status }) => status === 404)).toHaveLength(100)
})
