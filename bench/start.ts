/**
 * Size, start-up and memory of the compiled program, in one command:
 *
 *     bun run build && bun bench/start.ts [--starts 11] [--loads 11] [--requests 100000]
 *
 * Times run from the spawn of the process to the first 200 of `/health/ready`, which is not
 * given before the database has answered. Memory is the resident set (VmRSS): it counts the
 * pages of the program's file that are in use, which all its processes share.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type DatabaseKind, databases, stopAll } from '../test/kit/boot.ts'
import { newDatabase } from '../test/kit/postgres-server.ts'
import { SECRET } from '../test/kit/tokens.ts'
import { sendLoad } from './load.ts'
import { type Ready, startReady } from './ready.ts'

const PROGRAM = resolve(process.env['DOABLE_BINARY'] ?? 'dist/doable')

const { values } = parseArgs({
  options: {
    starts: { type: 'string', default: '11' },
    loads: { type: 'string', default: '11' },
    requests: { type: 'string', default: '100000' },
  },
})
const [starts, loads, requests] = [values.starts, values.loads, values.requests].map(Number) as [number, number, number]

const start = (env: Record<string, string>) =>
  startReady(PROGRAM, { BETTER_AUTH_SECRET: SECRET, RATE_LIMIT: '0', ...env })

/** Resident set, in MB of 10^6 bytes. */
async function memoryOf({ pid }: Ready): Promise<number> {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  return (Number(kilobytes) * 1024) / 1e6
}

function report(what: string, unit: string, digits: number, goal: number | undefined, figures: number[]): void {
  if (figures.length === 0) return
  const sorted = [...figures].sort((a, b) => a - b)
  const show = (figure: number | undefined) => (figure ?? Number.NaN).toFixed(digits)
  const middle = sorted.length / 2
  const median = ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2
  const verdict = goal === undefined ? '' : `< ${goal} ${unit}: ${median < goal ? 'met' : 'missed'}`
  const range = `${show(sorted[0])}–${show(sorted.at(-1))}`
  process.stdout.write(`| ${what} | ${show(median)} ${unit} | ${range} | ${figures.length} | ${verdict} |\n`)
}

async function measureSize(): Promise<void> {
  const bytes = await Bun.file(PROGRAM).bytes()
  report('size', 'MB', 1, undefined, [bytes.length / 1e6])
  report('size, gzip -9', 'MB', 1, undefined, [Bun.gzipSync(bytes, { level: 9 }).length / 1e6])
}

/** A fresh database of the kind, as the environment names it. */
async function newPlace(kind: DatabaseKind): Promise<Record<string, string> & { DATA_DIR: string }> {
  const DATA_DIR = await mkdtemp(join(tmpdir(), 'doable-bench-'))
  return kind === 'postgres' ? { DATA_DIR, DATABASE_URL: await newDatabase() } : { DATA_DIR }
}

async function measureStarts(kind: DatabaseKind): Promise<void> {
  const first: number[] = []
  const again: number[] = []
  const idle: number[] = []
  for (let i = 0; i < starts; i++) {
    const place = await newPlace(kind)
    const service = await start(place)
    first.push(service.took)
    await service.stop()
    const reopened = await start(place)
    again.push(reopened.took)
    await Bun.sleep(2000)
    idle.push(await memoryOf(reopened))
    await reopened.stop()
    await rm(place.DATA_DIR, { recursive: true })
  }
  const onServer = kind === 'postgres'
  report(`first start, ${onServer ? 'empty PostgreSQL' : 'embedded'}`, 'ms', 0, onServer ? undefined : 1200, first)
  report(`start, ${onServer ? 'migrated PostgreSQL' : 'embedded'}`, 'ms', 0, onServer ? 120 : 600, again)
  report(`memory idle, ${kind}`, 'MB', 0, onServer ? 100 : 250, idle)
}

async function measureLoads(kind: DatabaseKind): Promise<void> {
  const after: number[] = []
  for (let i = 0; i < loads; i++) {
    const place = await newPlace(kind)
    const service = await start(place)
    await sendLoad(service.url, requests)
    await Bun.sleep(2000)
    after.push(await memoryOf(service))
    await service.stop()
    await rm(place.DATA_DIR, { recursive: true })
  }
  report(`memory after ${requests} requests, ${kind}`, 'MB', 0, kind === 'postgres' ? 100 : 250, after)
}

const [cpu] = cpus()
process.stdout.write(`${cpus().length} × ${cpu?.model.trim()}; load before: ${loadavg()[0]?.toFixed(1)}\n\n`)
process.stdout.write('| | median | min–max | runs | goal |\n|---|---|---|---|---|\n')
// The first start of a new file reads it from the disk.
await Bun.spawn([PROGRAM, '--version'], { stdout: 'ignore' }).exited
try {
  await measureSize()
  for (const kind of databases) await measureStarts(kind)
  for (const kind of databases) await measureLoads(kind)
} finally {
  await stopAll()
}
process.stdout.write(`\nload after: ${loadavg()[0]?.toFixed(1)}\n`)
