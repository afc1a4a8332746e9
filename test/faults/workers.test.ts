import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readFile, writeFile } from 'node:fs/promises'
import { forge } from '../kit/forge.ts'
import { freePort, newDatabase } from '../kit/postgres-server.ts'
import { newPlace, type Place, type Served } from '../kit/program.ts'
import { SECRET } from '../kit/tokens.ts'

setDefaultTimeout(120_000)

/** Clients that write without a pause: some on connections that stay, some on a new one each time. */
const CLIENTS = 8

/** Whether the kernel hands what waits in a socket that is closed to another on the same port (Linux 5.14). */
const MIGRATION = '/proc/sys/net/ipv4/tcp_migrate_req'

/** Turns that on for this machine, where we may; gives what turns it back. */
async function migrateConnections(): Promise<{ migrates: boolean; restore(): Promise<unknown> }> {
  const before = await readFile(MIGRATION, 'utf8').catch(() => undefined)
  const set = (value: string) =>
    writeFile(MIGRATION, value).then(
      () => true,
      () => false,
    )
  const migrates = before !== undefined && (before.trim() === '1' || (await set('1')))
  return { migrates, restore: async () => migrates && set(before) }
}

describe('two workers on one port', () => {
  let port: number
  let adminPort: number
  let place: Place
  let served: Served
  let kernel: Awaited<ReturnType<typeof migrateConnections>>

  beforeAll(async () => {
    kernel = await migrateConnections()
    port = freePort()
    adminPort = freePort()
    place = await newPlace()
    served = await place.serve({
      PORT: String(port),
      ADMIN_PORT: String(adminPort),
      WORKERS: '2',
      RATE_LIMIT: '0',
      BETTER_AUTH_SECRET: SECRET,
      DATABASE_URL: await newDatabase(),
    })
  })
  afterAll(async () => {
    await place[Symbol.asyncDispose]()
    await kernel.restore()
  })

  const authorization = `Bearer ${forge()}`
  const create = (id: string, connection: string) =>
    fetch(`http://127.0.0.1:${port}/api/alice/tasks`, {
      method: 'POST',
      headers: { authorization, connection, 'content-type': 'application/json' },
      body: JSON.stringify({ id, title: 'Buy milk' }),
    })

  /** Writes until `done`, and says what was acknowledged and what went wrong. */
  async function load(done: () => boolean) {
    const acknowledged: string[] = []
    const failures: string[] = []
    const client = async (connection: string) => {
      while (!done()) {
        const id = Bun.randomUUIDv7()
        try {
          // Where the kernel does not migrate them, it resets connections that it had queued for a socket when that
          // was closed: such a request is sent once more, and may have been done.
          const response = await create(id, connection).catch((error: unknown) => {
            if (kernel.migrates) throw error
            return create(id, connection)
          })
          await response.text()
          if (response.status === 201 || response.status === 409) acknowledged.push(id)
          else failures.push(String(response.status))
        } catch (error) {
          failures.push(String(error))
        }
      }
    }
    await Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(i % 2 ? 'close' : 'keep-alive')))
    return { acknowledged, failures }
  }

  const restarts = () => served.output.stdout.split('"msg":"restarted"').length - 1

  test('a rolling restart under load refuses no request, drops none twice, and loses no write', async () => {
    let done = false
    const loading = load(() => done)
    await Bun.sleep(500)
    served.signal('SIGHUP')
    while (restarts() < 1) await Bun.sleep(50)
    await Bun.sleep(500)
    done = true
    const { acknowledged, failures } = await loading
    expect(failures).toEqual([])
    expect(acknowledged.length).toBeGreaterThan(10)
    const response = await fetch(`http://127.0.0.1:${port}/api/alice/export`, { headers: { authorization } })
    const kept = new Set(((await response.json()) as { id: string }[]).map(({ id }) => id))
    expect(acknowledged.filter((id) => !kept.has(id))).toEqual([])
  })

  test('the metrics of all workers are added up', async () => {
    const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()
    expect(text).toContain('doable_http_request_duration_seconds_count{')
    expect(text).toMatch(/doable_database_pool_size 8\b/)
    expect((await fetch(`http://127.0.0.1:${adminPort}/health/ready`)).status).toBe(200)
  })

  test('SIGTERM ends them all, with status 0', async () => {
    expect(await served.end()).toBe(0)
    await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow()
  })
})

test('a worker that dies is replaced', async () => {
  await using place = await newPlace()
  const port = freePort()
  const served = await place.serve({
    PORT: String(port),
    WORKERS: '2',
    BETTER_AUTH_SECRET: SECRET,
    DATABASE_URL: await newDatabase(),
  })
  const children = (await Bun.$`ps -o pid= --ppid ${served.pid}`.text()).trim().split(/\s+/).map(Number)
  expect(children).toHaveLength(2)
  for (const pid of children) process.kill(pid, 'SIGKILL')
  const alive = () =>
    fetch(`http://127.0.0.1:${port}/health`).then(
      ({ ok }) => ok,
      () => false,
    )
  while (!(await alive())) await Bun.sleep(100)
  expect(served.output.stdout).toContain('a worker died')
  expect(await served.end()).toBe(0)
})

test('workers need a database that they can share, and a port', async () => {
  await using place = await newPlace()
  const { code, stderr } = await place.run(['serve'], { WORKERS: '2' })
  expect(code).toBe(1)
  expect(stderr).toContain('WORKERS needs DATABASE_URL')
  expect(stderr).toContain('WORKERS needs a PORT')
})
