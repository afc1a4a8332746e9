import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { secretTokens } from '../test/tokens.ts'
import { type Bench, measureClosed, type Sample, writeCallers } from './closed.ts'
import { buildDoable, type Running, start } from './contenders.ts'
import { loadDatabase, type Store, startDatabase } from './database.ts'
import { LOADS } from './loads.ts'
import { type Pooler, startPooler } from './pooler.ts'
import { count, machine, table } from './report.ts'
import { median } from './statistics.ts'

const CONNECTIONS = 32

/** As many users ask at any size, so that only the data grows; each has a hundred tasks. */
const CALLERS = 10_000
const EACH = 100

interface Way {
  label: string
  service: Running
  bench: Bench
}

const say = (text: string) => process.stderr.write(`${text}\n`)

/** What each endpoint costs as the data grows, and through a pooler. Writes `GROWTH.md`. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      sizes: { type: 'string', default: '10000,1000000,10000000' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      out: { type: 'string', default: join(import.meta.dir, 'GROWTH.md') },
    },
  })
  const sizes = values.sizes.split(',').map(Number)
  const wrk = Bun.which('wrk')
  if (wrk === null) throw new Error('The bench cannot start. Missing:\n  - wrk: apt install wrk')
  const folder = await mkdtemp(join(tmpdir(), 'doable-growth-'))
  const running: { stop(): Promise<void> }[] = []
  try {
    const database = await startDatabase()
    running.push(database)
    const pooler = await startPooler(database, folder)
    running.push(pooler)
    const ways = await openWays(sizes, database, pooler, wrk, folder, running)
    const samples = await measure(ways, Number(values.rounds), Number(values.seconds))
    await Bun.write(values.out, describe(ways, samples, pooler))
  } finally {
    for (const { stop } of running.reverse()) await stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function openWays(
  sizes: readonly number[],
  database: Store,
  pooler: Pooler,
  wrk: string,
  folder: string,
  running: { stop(): Promise<void> }[],
): Promise<Way[]> {
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
  const tokens = await secretTokens(secret)
  const doable = await buildDoable()
  const ways: Way[] = []
  for (const tasks of sizes) {
    say(`Loading ${count(tasks)} tasks`)
    const volume = { users: tasks / EACH, tasks }
    const name = `tasks_${tasks}`
    const direct = await loadDatabase(database, doable.command[0] ?? '', name, volume)
    const callers = join(folder, `callers-${tasks}.txt`)
    await writeCallers(callers, Math.min(volume.users, CALLERS), (user) => tokens.sign(user, 24 * 3600))
    const bench: Bench = { wrk, callers, volume, databasePid: database.pid }
    const open = async (label: string, url: string, env: Record<string, string> = {}) => {
      // A hundred users alone would soon have had their share.
      const service = await start(doable, url, secret, { RATE_LIMIT: '1000000', ...env })
      running.push(service)
      ways.push({ label, service, bench })
    }
    await open(`${count(tasks)} tasks`, direct)
    if (tasks !== 1_000_000 && sizes.length > 1) continue
    await open('the same, DB_PREPARE=off', direct, { DB_PREPARE: 'off' })
    await open('PgBouncer, DB_PREPARE=off', pooler.url(name), { DB_PREPARE: 'off' })
    if (pooler.prepares) await open('PgBouncer, DB_PREPARE=on', pooler.url(name))
  }
  return ways
}

async function measure(ways: readonly Way[], rounds: number, seconds: number): Promise<Map<Way, Sample[]>> {
  const samples = new Map<Way, Sample[]>(ways.map((way) => [way, []]))
  for (const { bench, service } of ways)
    for (const load of LOADS) await measureClosed(bench, service, load, CONNECTIONS, 1, 0)
  for (let round = 1; round <= rounds; round++) {
    say(`Round ${round}`)
    for (const load of LOADS)
      for (const way of round % 2 === 0 ? ways : ways.toReversed())
        samples.get(way)?.push(await measureClosed(way.bench, way.service, load, CONNECTIONS, seconds, round))
  }
  return samples
}

function describe(ways: readonly Way[], samples: ReadonlyMap<Way, Sample[]>, pooler: Pooler): string {
  const grid = (of: (sample: Sample) => number, form: (value: number) => string) =>
    table(
      ['load', ...ways.map(({ label }) => label)],
      LOADS.map((load) => [
        load,
        ...ways.map((way) => form(median((samples.get(way) ?? []).filter((s) => s.load === load).map(of)))),
      ]),
    )
  const failed = [...samples.values()].flat().reduce((sum, sample) => sum + sample.failed, 0)
  return `${[
    '# Growth',
    `Made by \`bun bench/growth.ts\` on ${machine()}. ${CONNECTIONS} connections, medians of rounds in turn, everything in memory; ${EACH} tasks for each user, at most ${count(CALLERS)} of whom ask.`,
    pooler.prepares
      ? `PgBouncer ${pooler.version} in transaction mode with \`max_prepared_statements = 200\`.`
      : `PgBouncer ${pooler.version} in transaction mode loses prepared statements (${PREPARING}), so that DB_PREPARE must be off.`,
    '## Requests a second',
    grid(({ rate }) => rate, count),
    '## CPU seconds for 1,000 requests, service and database together',
    grid(
      ({ cpu, databaseCpu }) => cpu + databaseCpu,
      (value) => value.toFixed(3),
    ),
    '## Of that, the database',
    grid(
      ({ databaseCpu }) => databaseCpu,
      (value) => value.toFixed(3),
    ),
    failed === 0 ? 'Every request had a proper answer.' : `${failed} requests had no proper answer.`,
  ].join('\n\n')}\n`
}

const PREPARING = 'they pass since 1.21'

await main().catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
})
