import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { drizzle } from 'drizzle-orm/postgres-js'
import { findCollation } from '../src/db/collation.ts'
import { inSession } from '../test/kit/postgres-server.ts'
import { secretTokens } from '../test/kit/tokens.ts'
import { checkAgreement } from './agree.ts'
import { type Bench, measureClosed, type Sample, writeCallers, writeTagged } from './closed.ts'
import { bare, buildDoable, buildPeers, checkContenders, type Running, start } from './contenders.ts'
import { LOADED_TASK, loadDatabase, loadPlain, PLAIN_TASK, startDatabase } from './database.ts'
import { measureEmbedded } from './embedded.ts'
import { measureFloor, statementsOf } from './floor.ts'
import { answersLoad, isPlain, LOADS, type Load, userName, type Volume } from './loads.ts'
import { measureOpen, type OpenSample } from './open.ts'
import { checkRoom, findPrograms, type Program, type Programs } from './programs.ts'
import { measureReady } from './ready.ts'
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
  /** The embedded database holds one household or office rather than a city. */
  readonly embedded: Volume
}

/** Some 40 minutes on two cores. Opening a thousand connections takes a while: their measurements are longer. */
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
  embedded: { users: 1000, tasks: 100_000 },
}
const QUICK: Plan = {
  volume: { users: 1000, tasks: 50_000 },
  levels: FULL.levels.map((level) => ({ ...level, rounds: 1, seconds: 1 })),
  rates: [200],
  rateSeconds: 2,
  embedded: { users: 200, tasks: 10_000 },
}

const say = (text: string) => process.stderr.write(`${text}\n`)

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, out: { type: 'string' } } })
  const programs = await findPrograms(NEEDED)
  const plan = values.quick ? QUICK : FULL
  await checkRoom(tmpdir(), plan.volume.tasks * (LOADED_TASK + PLAIN_TASK))
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
  const doable = await buildDoable()
  const contenders = [doable, ...(await buildPeers(programs, folder))]
  checkContenders(contenders)
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
  const tokens = await secretTokens(secret)
  const sign = (user: string) => tokens.sign(user, 24 * 3600)
  const { rounds, seconds } = plan.levels.find(({ connections }) => connections === MAIN) ?? { rounds: 1, seconds: 1 }

  say('Embedded')
  const inside = { volume: plan.embedded, connections: MAIN, rounds, seconds }
  const embedded = await measureEmbedded(inside, doable, programs.wrk, folder, secret, sign)

  say('Loading the database')
  const database = await startDatabase()
  running.push(database)
  const [program = ''] = doable.command
  const url = await loadDatabase(database, program, 'bench', plan.volume)
  await loadPlain(url)
  const ready = await measureReady(program, { DATABASE_URL: url, BETTER_AUTH_SECRET: secret }, rounds)

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

  const benches = new Map<string, Bench>()
  for (const service of services) {
    if (!isPlain(service.name) || !answersLoad(service.name, 'list-304')) continue
    const callers = join(folder, `callers-${service.name}.txt`)
    await writeTagged(bench.callers, callers, service)
    benches.set(service.name, { ...bench, callers })
  }
  const closed = (service: Running, load: Load, connections: number, seconds: number, round: number) =>
    measureClosed(benches.get(service.name) ?? bench, service, load, connections, seconds, round)

  say('Warming up')
  for (const load of LOADS)
    for (const service of services) if (answersLoad(service.name, load)) await closed(service, load, MAIN, 1, 0)

  const samples: Sample[] = []
  const floor = new Map<Load, number[]>()
  const statements = await statementsOf(plan.volume, await collationOf(url))
  for (const { connections, rounds, seconds } of plan.levels)
    for (let round = 1; round <= rounds; round++) {
      say(`${connections} connections, round ${round}`)
      for (const load of LOADS) {
        // Each round begins with another one, so that none always comes after the same.
        for (const service of rotated(services, round))
          if (answersLoad(service.name, load)) samples.push(await closed(service, load, connections, seconds, round))
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
  const lenient = await start(doable, url, secret, { RATE_LIMIT: '1000000' })
  running.push(lenient)
  services.splice(0, 1, lenient)
  // The other services are warm already.
  for (const load of LOADS) await closed(lenient, load, MAIN, 1, 0)
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
    ready,
    embedded,
    busy,
    minutes: (performance.now() - began) / 60_000,
  }
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const at = by % items.length
  return [...items.slice(at), ...items.slice(0, at)]
}

const collationOf = (url: string) => inSession(url, (sql) => findCollation(drizzle(sql)))

await main().catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
})
