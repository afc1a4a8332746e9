import { join } from 'node:path'
import type { Running } from './contenders.ts'
import { type Load, tasksEach, userName, type Volume } from './loads.ts'
import { run } from './programs.ts'
import { cpuOf, memoryOf, settle } from './usage.ts'

/** One measurement of one contender under one load. Times and CPU a request in milliseconds, memory in MB. */
export interface Sample {
  contender: string
  load: Load | 'bare'
  connections: number
  rate: number
  p50: number
  p99: number
  /** Requests whose answer was an error, or none. */
  failed: number
  /** Answers that took longer than `PATIENCE_S`. */
  timeouts: number
  cpu: number
  databaseCpu: number
  memory: number
}

export interface Bench {
  wrk: string
  /** Lines of user, token and, where it is not the revision, the ETag of the user's list. */
  callers: string
  volume: Volume
  /** The process whose children serve the database's connections; undefined where the service is the database. */
  databasePid: number | undefined
}

type Sign = (user: string) => Promise<string>

/** The slowest peer needs seconds at 1,000 connections. */
const PATIENCE_S = 30

/** The users' own tokens, as many as `load.lua` asks with. */
export async function writeCallers(path: string, count: number, sign: Sign) {
  const lines = await Promise.all(
    Array.from({ length: count }, async (_, n) => `${userName(n)} ${await sign(userName(n))}`),
  )
  await Bun.write(path, `${lines.join('\n')}\n`)
}

/**
 * The same callers for a service whose ETags only it knows: asks it for the list of each user who does not write, and
 * writes what it says beside the token.
 *
 * @throws Error for an answer without an ETag.
 */
export async function writeTagged(from: string, path: string, { name, url }: Running): Promise<void> {
  const lines = (await Bun.file(from).text()).trimEnd().split('\n')
  let next = 0
  const work = async () => {
    // As in `load.lua`, users with odd numbers write.
    for (let at = next; at < lines.length; at = next) {
      next += 2
      const [user = '', token = ''] = lines[at]?.split(' ') ?? []
      const answer = await fetch(`${url}/api/${user}/tasks?limit=50`, { headers: { authorization: `Bearer ${token}` } })
      await answer.arrayBuffer()
      const etag = answer.headers.get('etag')
      if (etag === null) throw new Error(`${name} gives no ETag with a list`)
      lines[at] = `${user} ${token} ${etag}`
    }
  }
  await Promise.all(Array.from({ length: 16 }, work))
  await Bun.write(path, `${lines.join('\n')}\n`)
}

/** Asks as fast as answers come, on so many connections, for so many seconds, and waits until the service rests again. */
export async function measureClosed(
  bench: Bench,
  service: Running,
  load: Load | 'bare',
  connections: number,
  seconds: number,
  seed: number,
): Promise<Sample> {
  const databaseCpu = async () => (bench.databasePid === undefined ? 0 : await cpuOf(bench.databasePid))
  const before = { cpu: await cpuOf(service.pid), database: await databaseCpu() }
  // One thread: a second would take a core that the service could use.
  const command = [bench.wrk, '-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '--timeout', `${PATIENCE_S}s`]
  const script = ['-s', join(import.meta.dir, 'load.lua'), service.url]
  const values = [load, bench.callers, String(tasksEach(bench.volume)), String(seed), String(bench.volume.users)]
  const output = await run([...command, ...script, '--', ...values], { seconds: seconds + 2 * PATIENCE_S })
  const line = /^RESULT (.*)$/m.exec(output)?.[1]
  if (line === undefined) throw new Error(`wrk has given no result:\n${output}`)
  const { requests, microseconds, p50, p99, refused, timeouts, broken } = JSON.parse(line) as Record<string, number>
  const answered = requests ?? 0
  const each = (used: number) => (used / answered) * 1000
  const sample: Sample = {
    contender: service.name,
    load,
    connections,
    rate: answered / ((microseconds ?? Number.NaN) / 1e6),
    p50: (p50 ?? Number.NaN) / 1000,
    p99: (p99 ?? Number.NaN) / 1000,
    failed: (refused ?? 0) + (broken ?? 0),
    timeouts: timeouts ?? 0,
    cpu: each((await cpuOf(service.pid)) - before.cpu),
    databaseCpu: each((await databaseCpu()) - before.database),
    memory: await memoryOf(service.pid),
  }
  await settle(service.pid)
  return sample
}
