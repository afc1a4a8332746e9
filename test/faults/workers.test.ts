import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { forge } from '../kit/forge.ts'
import { freePort, newDatabase } from '../kit/postgres-server.ts'
import { newPlace, type Place, type Served } from '../kit/program.ts'
import { type Network, startProxy } from '../kit/proxy.ts'
import { SECRET } from '../kit/tokens.ts'
import { until } from '../kit/until.ts'

setDefaultTimeout(120_000)

/** Clients that write without a pause: some on connections that stay, some on a new one each time. */
const CLIENTS = 8

/** Whether the kernel moves connections that wait in a closing socket to another on the same port (Linux 5.14). */
const MIGRATION = '/proc/sys/net/ipv4/tcp_migrate_req'

/** Turns `tcp_migrate_req` on where the test is allowed to, and gives a function that restores it. */
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

/** Read from /proc on Linux: a small image has no `ps`. */
async function childrenOf(pid: number): Promise<number[]> {
  if (process.platform !== 'linux') return (await Bun.$`pgrep -P ${pid}`.text()).trim().split(/\s+/).map(Number)
  const pids = (await readdir('/proc')).map(Number).filter((each) => each > 0)
  const parents = await Promise.all(pids.map(parentOf))
  return pids.filter((_, i) => parents[i] === pid)
}

/** By the second field behind the name, which may itself hold brackets. Undefined once the process is gone. */
async function parentOf(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(')')).split(' ')[2])
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
    expect(text).toMatch(/^doable_database_pool_size 8$/m)
    expect(text).toMatch(/^doable_build_info\{version="[^"]+"\} 1$/m)
    expect(text).toMatch(/^doable_workers 2$/m)
    expect(text).toMatch(/^doable_workers_ready 2$/m)
    expect((await fetch(`http://127.0.0.1:${adminPort}/health/ready`)).status).toBe(200)
  })

  test('SIGTERM ends them all, with status 0', async () => {
    expect(await served.end()).toBe(0)
    await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow()
  })
})

describe('two workers, as the operator sees them', () => {
  let place: Place
  let served: Served
  let network: Network
  let admin: string

  beforeAll(async () => {
    const databaseUrl = await newDatabase()
    network = await startProxy({ port: Number(new URL(databaseUrl).port) })
    const adminPort = freePort()
    admin = `http://127.0.0.1:${adminPort}`
    place = await newPlace()
    served = await place.serve({
      PORT: String(freePort()),
      ADMIN_PORT: String(adminPort),
      WORKERS: '2',
      RATE_LIMIT: '0',
      LOG_LEVEL: 'debug',
      BETTER_AUTH_SECRET: SECRET,
      DATABASE_URL: network.through(databaseUrl),
    })
  })
  afterAll(async () => {
    await served.end()
    await place[Symbol.asyncDispose]()
    await network.close()
  })

  const scrape = async () => (await fetch(`${admin}/metrics`)).text()
  const sampleOf = (text: string, line: string) => {
    const found = text.split('\n').find((at) => at.startsWith(`${line} `))
    return found === undefined ? undefined : Number(found.slice(line.length + 1))
  }
  const ready = () => fetch(`${admin}/health/ready`).then(({ status }) => status)
  const ask = async (count: number) => {
    for (let i = 0; i < count; i++)
      await fetch(`${served.url}/health`, { keepalive: false }).then((response) => response.text())
  }
  const asked = 'doable_http_request_duration_seconds_count{method="GET",route="/health",status="200"}'

  test('lines of the log name the worker', async () => {
    await ask(20)
    await until('both have answered', () => {
      const lines = served.output.stdout.trimEnd().split('\n')
      const told = lines.map((line) => JSON.parse(line) as { worker?: number; msg: string })
      return new Set(told.filter(({ msg }) => msg === 'request').map(({ worker }) => worker)).size === 2
    })
  })

  test('scrapes at the same time all get every worker', async () => {
    const texts = await Promise.all(Array.from({ length: 10 }, scrape))
    for (const text of texts) {
      expect(sampleOf(text, 'doable_database_pool_size')).toBe(8)
      expect(sampleOf(text, 'doable_workers_ready')).toBe(2)
    }
  })

  test('counters do not fall when a worker is killed and replaced', async () => {
    await ask(40)
    const before = sampleOf(await scrape(), asked) ?? 0
    expect(before).toBeGreaterThanOrEqual(60)
    const [pid] = await childrenOf(served.pid)
    process.kill(pid ?? 0, 'SIGKILL')
    let lowest = before
    const look = async () => {
      const text = await scrape()
      lowest = Math.min(lowest, sampleOf(text, asked) ?? 0)
      return sampleOf(text, 'doable_workers_ready')
    }
    await until('one is missing', async () => (await look()) === 1)
    await until('it is replaced', async () => (await look()) === 2)
    expect(lowest).toBe(before)
    expect(sampleOf(await scrape(), 'doable_worker_deaths_total')).toBe(1)
    await ask(10)
    expect(sampleOf(await scrape(), asked)).toBe(before + 10)
  })

  test('a rolling restart loses no count', async () => {
    const before = sampleOf(await scrape(), asked) ?? 0
    await ask(10)
    served.signal('SIGHUP')
    await until('they are replaced', () => served.output.stdout.includes('"msg":"restarted"'))
    // The last message of the last worker may still be under way.
    await until('all are counted', async () => (sampleOf(await scrape(), asked) ?? 0) >= before + 10)
    expect(sampleOf(await scrape(), asked)).toBe(before + 10)
    expect(sampleOf(await scrape(), 'doable_worker_deaths_total')).toBe(1)
  })

  test('the whole is ready as long as one worker can answer, and not without the database', async () => {
    const [first = 0, second = 0] = await childrenOf(served.pid)
    expect(await ready()).toBe(200)
    process.kill(first, 'SIGSTOP')
    expect(await ready()).toBe(200)
    process.kill(second, 'SIGSTOP')
    expect(await ready()).toBe(503)
    for (const pid of [first, second]) process.kill(pid, 'SIGCONT')
    await until('it is ready again', async () => (await ready()) === 200)
    await network.refuse()
    await until('it is not ready', async () => (await ready()) === 503)
    expect(sampleOf(await scrape(), 'doable_workers_ready')).toBe(0)
    await network.restore()
    await until('it is ready once more', async () => (await ready()) === 200)
  })
})

test('a start of workers whose ADMIN_PORT is taken leaves none of them', async () => {
  await using place = await newPlace()
  const [port, adminPort] = [freePort(), freePort()]
  const other = Bun.serve({ port: adminPort, hostname: '127.0.0.1', fetch: () => new Response() })
  const { code, stderr } = await place.run(['serve'], {
    PORT: String(port),
    ADMIN_PORT: String(adminPort),
    WORKERS: '2',
    BETTER_AUTH_SECRET: SECRET,
    DATABASE_URL: await newDatabase(),
  })
  await other.stop(true)
  expect(code).toBe(1)
  expect(stderr).toContain('in use')
  await Bun.serve({ port, hostname: '127.0.0.1', reusePort: false, fetch: () => new Response() }).stop(true)
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
  const children = await childrenOf(served.pid)
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
