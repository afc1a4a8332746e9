import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { secretTokens } from '../test/kit/tokens.ts'
import { count } from './cells.ts'
import { type Bench, measureClosed, type Sample, writeCallers } from './closed.ts'
import { buildDoable, type Running, start } from './contenders.ts'
import { LOADED_TASK, loadDatabase, type Store, startDatabase, writeOut } from './database.ts'
import { CALLERS, CONNECTIONS, describe, EACH } from './growth-report.ts'
import { LOADS } from './loads.ts'
import { type Pooler, startPooler } from './pooler.ts'
import { checkRoom, findPrograms } from './programs.ts'

/** The size at which other ways to run it are compared, or the largest when that is not asked for. */
const COMPARED = 1_000_000

interface Way {
  readonly label: string
  /** Tasks, where only the size differs from the other ways of this kind. */
  readonly size: number | undefined
  readonly service: Running
  readonly bench: Bench
}

const say = (text: string) => process.stderr.write(`${text}\n`)

/** What each endpoint costs as the data grows, by several processes, and through a pooler. Writes `GROWTH.md`. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      sizes: { type: 'string', default: '10000,1000000,10000000' },
      rounds: { type: 'string', default: '5' },
      // For the ways that no goal is about.
      'fewer-rounds': { type: 'string', default: '3' },
      seconds: { type: 'string', default: '3' },
      out: { type: 'string', default: join(import.meta.dir, 'GROWTH.md') },
    },
  })
  const programs = await findPrograms(['wrk', 'pgbouncer'])
  const sizes = values.sizes.split(',').map(Number)
  if (!sizes.every((tasks) => tasks > 0 && tasks % EACH === 0))
    throw new Error(`--sizes takes numbers of tasks, with ${EACH} for each user: ${values.sizes}`)
  await checkRoom(tmpdir(), sizes.reduce((sum, tasks) => sum + tasks, 0) * LOADED_TASK)
  const folder = await mkdtemp(join(tmpdir(), 'doable-growth-'))
  const running: { stop(): Promise<void> }[] = []
  try {
    const database = await startDatabase()
    running.push(database)
    const pooler = await startPooler(programs.pgbouncer, database, folder)
    running.push(pooler)
    const ways = await openWays(sizes, database, pooler, programs.wrk, folder, running)
    const [rounds, fewer, seconds] = [values.rounds, values['fewer-rounds'], values.seconds].map(Number)
    const samples = await measure(ways, database, rounds ?? 0, fewer ?? 0, seconds ?? 0)
    await Bun.write(values.out, describe(samples, pooler.version))
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
    const began = performance.now()
    const volume = { users: tasks / EACH, tasks }
    const name = `tasks_${tasks}`
    const direct = await loadDatabase(database, doable.command[0] ?? '', name, volume)
    say(`Loaded ${count(tasks)} tasks in ${count((performance.now() - began) / 1000)} s`)
    const callers = join(folder, `callers-${tasks}.txt`)
    await writeCallers(callers, Math.min(volume.users, CALLERS), (user) => tokens.sign(user, 24 * 3600))
    const bench: Bench = { wrk, callers, volume, databasePid: database.pid }
    const open = async (label: string, url: string, env: Record<string, string> = {}, size?: number) => {
      // In the smallest size only a hundred users ask, who would soon reach their limit.
      const service = await start(doable, url, secret, { RATE_LIMIT: '1000000', ...env })
      running.push(service)
      ways.push({ label, size, service, bench })
    }
    await open(`${count(tasks)} tasks`, direct, {}, tasks)
    if (tasks !== (sizes.includes(COMPARED) ? COMPARED : Math.max(...sizes))) continue
    for (const workers of ['2', '4']) await open(`the same, WORKERS=${workers}`, direct, { WORKERS: workers })
    await open('the same, DB_PREPARE=off', direct, { DB_PREPARE: 'off' })
    await open('PgBouncer, DB_PREPARE=off', pooler.url(name), { DB_PREPARE: 'off' })
    await open('PgBouncer, DB_PREPARE=on', pooler.url(name))
  }
  return ways
}

async function measure(ways: readonly Way[], database: Store, rounds: number, fewer: number, seconds: number) {
  const samples = new Map<Way, Sample[]>(ways.map((way) => [way, []]))
  for (const { bench, service } of ways)
    for (const load of LOADS) await measureClosed(bench, service, load, CONNECTIONS, 1, 0)
  for (let round = 1; round <= rounds; round++) {
    say(`Round ${round}`)
    // The reads come first, after the writes of the round before.
    await writeOut(database)
    const taken = ways.filter(({ size }) => size !== undefined || round <= fewer)
    for (const load of LOADS)
      for (const way of round % 2 === 0 ? taken : taken.toReversed())
        samples.get(way)?.push(await measureClosed(way.bench, way.service, load, CONNECTIONS, seconds, round))
  }
  return [...samples].map(([{ label, size }, taken]) => ({ label, size, samples: taken }))
}

await main().catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
})
