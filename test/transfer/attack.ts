/**
 * The worst files, one after the other, and what each does to a service in a process of its own:
 *
 *     bun test/transfer/attack.ts [--database postgres] [--only <part of a name>] [--mib 64]
 *
 * Prints status, seconds, the growth of resident memory above rest, and how long `/health` took at most and in the
 * median meanwhile. Asks the binary where `DOABLE_BINARY` names one. Linux only: memory is read from /proc.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { createTokens } from '../../src/auth/token.ts'
import { readConfig } from '../../src/config.ts'
import { type DatabaseKind, databasesNamed, stopAll } from '../kit/boot.ts'
import { newDatabase } from '../kit/postgres-server.ts'
import { newPlace, type Place, type Served } from '../kit/program.ts'
import { bearer } from '../kit/send.ts'
import { SECRET } from '../kit/tokens.ts'
import { type AttackName, attacks } from './attack-files.ts'

const MIB = 1024 * 1024

export interface Damage {
  status: number
  /** The answer's body. */
  text: string
  seconds: number
  /** Resident memory before, and how much more it was at most, in MB. */
  rest: number
  growth: number
  /** How long `GET /health` took while the file was under way, in milliseconds. */
  health: { median: number; max: number }
}

/** A service for attacks, at rest. */
export async function startVictim(place: Place, kind: DatabaseKind): Promise<Served> {
  const served = await place.serve({
    BETTER_AUTH_SECRET: SECRET,
    RATE_LIMIT: '0',
    ...(kind === 'postgres' ? { DATABASE_URL: await newDatabase() } : {}),
  })
  // Rest is what a service takes that has imported before: code and buffers of the first are no growth.
  for (const name of ['small JSON', 'small CSV'] as const) await attack(served, name, MIB)
  return served
}

/** Sends a file of about so many bytes as a user of its own. */
export async function attack({ pid, url }: Served, name: AttackName, bytes: number): Promise<Damage> {
  const user = `user-${crypto.randomUUID()}`
  const config = readConfig({ BETTER_AUTH_SECRET: SECRET, DATABASE_URL: 'postgres://localhost/none' })
  const tokens = await createTokens({ ...config, secrets: [SECRET] })
  const rest = memoryOf(pid, 'VmRSS')
  // Begins the peak anew (proc(5), clear_refs).
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
  const worker = new Worker(new URL('./uploader.ts', import.meta.url))
  const answered = Promise.withResolvers<{ status: number; text: string }>()
  worker.onmessage = ({ data }) => answered.resolve(data)
  worker.onerror = ({ message }) => answered.reject(new Error(message))
  const start = performance.now()
  worker.postMessage({
    url: `${url}/api/${user}/import`,
    headers: { ...bearer(await tokens.sign(user, 600)), 'content-type': attacks[name].type },
    name,
    bytes,
  })
  let isOver = false
  const probe = probeHealth(url, () => isOver)
  const answer = await answered.promise.finally(() => {
    isOver = true
    worker.terminate()
  })
  const seconds = (performance.now() - start) / 1000
  return { ...answer, seconds, health: await probe, rest, growth: memoryOf(pid, 'VmHWM') - rest }
}

async function probeHealth(url: string, isOver: () => boolean): Promise<Damage['health']> {
  const times: number[] = []
  do {
    const start = performance.now()
    await (await fetch(`${url}/health`)).text()
    times.push(performance.now() - start)
    await Bun.sleep(2)
  } while (!isOver())
  times.sort((a, b) => a - b)
  return { median: times[times.length >> 1] ?? 0, max: times.at(-1) ?? 0 }
}

function memoryOf(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const [, kilobytes] = new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1024
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      database: { type: 'string', default: 'postgres' },
      only: { type: 'string', default: '' },
      mib: { type: 'string', default: '64' },
    },
  })
  const [kind = 'postgres'] = databasesNamed(values.database)
  await using place = await newPlace()
  const served = await startVictim(place, kind)
  for (const name of Object.keys(attacks) as AttackName[]) {
    if (!name.includes(values.only)) continue
    const { status, text, seconds, rest, growth, health } = await attack(served, name, Number(values.mib) * MIB)
    const said = (JSON.parse(text) as { detail?: string }).detail ?? text
    process.stdout.write(
      `${name}: ${status} after ${seconds.toFixed(2)} s, ${rest.toFixed(0)} + ${growth.toFixed(0)} MB, ` +
        `/health ${health.median.toFixed(1)} ms, at most ${health.max.toFixed(0)} ms (${said.slice(0, 90)})\n`,
    )
    if (status >= 500) process.stdout.write(served.output.stdout)
    await Bun.sleep(500)
  }
}

if (import.meta.main)
  await main()
    .catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
      process.exitCode = 1
    })
    .finally(stopAll)
