import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { findCollation } from '../src/db/collation.ts'
import { secretTokens } from '../test/kit/tokens.ts'
import { checkAgreement } from './agree.ts'
import { type Bench, measureClosed, type Sample, writeCallers } from './closed.ts'
import { bare, buildDoable, buildPeers, type Running, start } from './contenders.ts'
import { LOADED_TASK, loadDatabase, startDatabase } from './database.ts'
import { measureFloor, statementsOf } from './floor.ts'
import { LOADS, type Load, userName, type Volume } from './loads.ts'
import { measureOpen, type OpenSample } from './open.ts'
import { checkRoom, findPrograms, type Program, type Programs } from './programs.ts'
import { describe, type Results } from './report.ts'

const NEEDED = ['wrk', 'oha', 'go', 'python3', 'pgbench'] as const satisfies Program[]
type Needed = (typeof NEEDED)[number]

/** The connections that the goals are about: more rounds, and the floor beside them. */
const MAIN = 32

interface Plan {
  readonly volume: Volume
  readonly levels: readonly { readonly connections: number; readonly rounds: number; readonly seconds: number }[]
  readonly rates: readonly number[]
  readonly rateSeconds: number
}

/** Some 30 minutes on two cores. Opening a thousand connections takes a while: their measurements are longer. */
const FULL: Plan = {
  volume: { users: 10_000, tasks: 1_000_000 },
  levels: [
    { connections: 1, rounds: 1, seconds: 2 },
    { connections: MAIN, rounds: 5, seconds: 3 },
    { connections: 256, rounds: 2, seconds: 2 },
    { connections: 1000, rounds: 2, seconds: 4 },
  ],
  rates: [200, 1000, 4000],
  rateSeconds: 5,
}
const QUICK: Plan = {
  volume: { users: 1000, tasks: 50_000 },
  levels: FULL.levels.map((level) => ({ ...level, rounds: 1, seconds: 1 })),
  rates: [200],
  rateSeconds: 2,
}

const say = (text: string) => process.stderr.write(`${text}\n`)

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, out: { type: 'string' } } })
  const programs = await findPrograms(NEEDED)
  const plan = values.quick ? QUICK : FULL
  await checkRoom(tmpdir(), plan.volume.tasks * LOADED_TASK)
  const folder = await mkdtemp(join(tmpdir(), 'doable-bench-'))
  const running: { stop(): Promise<void> }[] = []
  try {
    const results = await measure(plan, programs, folder, running)
    // A smoke run shows that everything works; its numbers are worth nothing.
    await describe(results, values.out ?? join(import.meta.dir, values.quick ? '../dist/bench' : ''))
  } finally {
    for (const { stop } of running.reverse()) await stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function measure(
  plan: Plan,
  programs: Programs<Needed>,
  folder: string,
  running: { stop(): Promise<void> }[],
): Promise<Results> {
  const [busy = Number.NaN] = loadavg()
  const began = performance.now()
  say('Building')
  const contenders = [await buildDoable(), ...(await buildPeers(programs, folder))]
  say('Loading the database')
  const database = await startDatabase()
  running.push(database)
  const [doable] = contenders
  const url = await loadDatabase(database, doable?.command[0] ?? '', 'bench', plan.volume)

  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
  const tokens = await secretTokens(secret)
  const sign = (user: string) => tokens.sign(user, 24 * 3600)
  const bench: Bench = {
    wrk: programs.wrk,
    callers: join(folder, 'callers.txt'),
    volume: plan.volume,
    databasePid: database.pid,
  }
  await writeCallers(bench.callers, plan.volume.users, sign)

  const services: Running[] = []
  for (const contender of contenders) {
    const service = await start(contender, url, secret)
    running.push(service)
    services.push(service)
  }
  const ground = await start(bare, url, secret)
  running.push(ground)
  await checkAgreement(services, (user) => sign(userName(user)), plan.volume)

  say('Warming up')
  for (const service of services) for (const load of LOADS) await measureClosed(bench, service, load, MAIN, 1, 0)

  const samples: Sample[] = []
  const floor = new Map<Load, number[]>()
  const statements = await statementsOf(plan.volume, await collationOf(url))
  for (const { connections, rounds, seconds } of plan.levels)
    for (let round = 1; round <= rounds; round++) {
      say(`${connections} connections, round ${round}`)
      for (const load of LOADS) {
        // Each round begins with another one, so that none always comes after the same.
        for (const service of rotated(services, round))
          samples.push(await measureClosed(bench, service, load, connections, seconds, round))
        const statement = statements.get(load)
        if (connections !== MAIN || !statement) continue
        const { volume } = plan
        const rate = await measureFloor(programs.pgbench, url, folder, load, statement, volume, connections, seconds)
        floor.set(load, [...(floor.get(load) ?? []), rate])
      }
      samples.push(await measureClosed(bench, ground, 'bare', connections, seconds, round))
    }

  const open: OpenSample[] = []
  // oha sends requests of few users, who would soon reach their limit: it is raised, not turned off.
  const [first] = contenders
  if (first) {
    const lenient = await start(first, url, secret, { RATE_LIMIT: '1000000' })
    running.push(lenient)
    services.splice(0, 1, lenient)
    // The other services are warm already.
    for (const load of LOADS) await measureClosed(bench, lenient, load, MAIN, 1, 0)
  }
  for (const rate of plan.rates)
    for (const load of ['get', 'list', 'create'] as const)
      for (const service of services) {
        const sample = await measureOpen(programs.oha, folder, service, load, rate, plan.rateSeconds, plan.volume, sign)
        say(`${service.name} ${load} at ${rate}/s: p99 ${sample.p99.toFixed(1)} ms`)
        open.push(sample)
      }
  const names = contenders.map(({ name }) => name)
  return {
    names,
    volume: plan.volume,
    seconds: plan.levels.map(({ seconds }) => seconds),
    main: MAIN,
    samples,
    floor,
    open,
    busy,
    minutes: (performance.now() - began) / 60_000,
  }
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const at = by % items.length
  return [...items.slice(at), ...items.slice(0, at)]
}

async function collationOf(url: string): Promise<string> {
  const sql = postgres(url, { max: 1 })
  const collation = await findCollation(drizzle(sql))
  await sql.end()
  return collation
}

await main().catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
})
