/**
 * Load that goes on, from many users who each know what the answer must be:
 *
 *     bun test/faults/load.ts steady [--connections 1000,5000] [--rate 1000] [--seconds 60]
 *     bun test/faults/load.ts full [--connections 64] [--users 2000] [--seconds 600] [--warmup 60]
 *
 * `steady` holds so many keep-alive connections on which requests come due at a fixed rate, and prints their
 * latency from when they were due. `full` sends as fast as answers come and prints how resident memory changes,
 * while tasks are purged as they are made so that there is never more to hold. Both run over the embedded database
 * and a PostgreSQL, or the one that `--database` names, and ask the binary where `DOABLE_BINARY` names one. Exit
 * status 1 where a request failed or an answer was wrong.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { slope } from '../../bench/statistics.ts'
import { type DatabaseKind, databasesNamed, stopAll } from '../kit/boot.ts'
import { newDatabase } from '../kit/postgres-server.ts'
import { newPlace } from '../kit/program.ts'
import { SECRET } from '../kit/tokens.ts'
import { IDLE_S } from './connection.ts'
import type { Orders, Outcome } from './generator.ts'

export interface Report extends Outcome {
  /** Resident memory of the service in MB, once a second while it was measured. */
  readonly memory: readonly number[]
}

/** Beside its own time: for opening connections, and for the last answers. */
const GRACE_MS = 120_000

/** The generator's and the service's own files, beside the connections. */
const OTHER_FILES = 200

/**
 * Sends what the orders say, from a process of its own.
 *
 * @param opened is called once all connections are open.
 * @throws Error when they cannot be carried out on this machine, or nothing comes of them.
 */
export async function generate(orders: Orders, opened: () => void = () => {}): Promise<Outcome> {
  checkOrders(orders)
  const child = Bun.spawn([process.execPath, join(import.meta.dir, 'generator.ts')], {
    stdin: new Blob([JSON.stringify(orders)]),
    stdout: 'pipe',
    stderr: 'inherit',
    timeout: Math.ceil(orders.seconds * 1000) + GRACE_MS,
  })
  let output = ''
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    if (output === '') opened()
    output += chunk
  }
  const [, result] = output.split('\n')
  if (!result) throw new Error(`the load generator ended with ${await child.exited} before it was done`)
  return JSON.parse(result) as Outcome
}

/** Runs the service over a new database under such a load. @throws Error as `generate` does, and when it ends badly. */
export async function load(kind: DatabaseKind, orders: Omit<Orders, 'url' | 'secret'>): Promise<Report> {
  await using place = await newPlace()
  const served = await place.serve({
    BETTER_AUTH_SECRET: SECRET,
    // Counts, as it always does, and refuses nobody here.
    RATE_LIMIT: '1000000',
    ...(kind === 'postgres' ? { DATABASE_URL: await newDatabase() } : {}),
  })
  const memory: number[] = []
  let sampling: Timer | undefined
  const outcome = await generate({ ...orders, url: served.url, secret: SECRET }, () => {
    sampling = setInterval(() => memory.push(memoryOf(served.pid)), 1000)
  }).finally(() => clearInterval(sampling))
  const status = await served.end()
  if (status !== 0) throw new Error(`the service ended with ${status}:\n${served.output.stdout}`)
  return { ...outcome, memory }
}

function checkOrders({ connections, users, seconds, rate }: Orders): void {
  const numbers = { connections, users, seconds, rate: rate ?? 1 }
  for (const [name, value] of Object.entries(numbers)) if (!(value > 0)) throw new Error(`${name} must be above 0`)
  // Bun itself raises the soft limit to the hard one.
  const limit = Number(printedBy(['sh', '-c', 'ulimit -Hn']).replace('unlimited', 'Infinity'))
  if (limit < connections + OTHER_FILES)
    throw new Error(`${connections} connections need ${connections + OTHER_FILES} open files, ulimit -Hn is ${limit}`)
  if (rate !== undefined && connections / rate > IDLE_S)
    throw new Error(`at ${rate}/s each of ${connections} connections rests for more than ${IDLE_S} s, and is closed`)
}

function memoryOf(pid: number): number {
  return Number(printedBy(['ps', '-o', 'rss=', '-p', String(pid)])) / 1024
}

function printedBy(command: string[]): string {
  return Bun.spawnSync(command).stdout.toString().trim()
}

function describe({ requests, seconds, errors, latency, memory }: Report, warmup: number): string {
  const settled = memory.slice(warmup)
  const facts = [`${requests} requests in ${seconds.toFixed(1)} s (${Math.round(requests / seconds)}/s)`]
  if (latency) {
    const [p50, p99, max] = [latency.p50, latency.p99, latency.max].map((ms) => ms.toFixed(1))
    facts.push(`p50 ${p50}, p99 ${p99}, max ${max} ms`)
  }
  facts.push(`memory ${Math.min(...settled).toFixed(0)} to ${Math.max(...settled).toFixed(0)} MB`)
  if (!latency) facts.push(`its slope after ${warmup} s ${(slope(settled) * 3600).toFixed(1)} MB/hour`)
  return [...facts, `errors ${JSON.stringify(errors)}`].join(', ')
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      connections: { type: 'string' },
      rate: { type: 'string', default: '1000' },
      users: { type: 'string', default: '2000' },
      seconds: { type: 'string' },
      warmup: { type: 'string', default: '60' },
      database: { type: 'string' },
    },
  })
  const [way] = positionals
  if (way !== 'steady' && way !== 'full') throw new Error('Say steady or full.')
  const steady = way === 'steady'
  const kinds = databasesNamed(values.database)
  const seconds = Number(values.seconds ?? (steady ? 60 : 600))
  const warmup = steady ? 0 : Number(values.warmup)
  for (const kind of kinds)
    for (const connections of (values.connections ?? (steady ? '1000,5000' : '64')).split(',').map(Number)) {
      const more = steady ? { users: connections, rate: Number(values.rate) } : { users: Number(values.users) }
      const report = await load(kind, { connections, seconds, ...more })
      process.stdout.write(`${kind}, ${connections} connections: ${describe(report, warmup)}\n`)
      if (Object.keys(report.errors).length > 0) process.exitCode = 1
    }
}

if (import.meta.main)
  await main()
    .catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
      process.exitCode = 1
    })
    .finally(stopAll)
