import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import type { Running } from './contenders.ts'
import { taskId, tasksEach, userName, type Volume } from './loads.ts'
import { run } from './programs.ts'
import { quantile } from './statistics.ts'
import { settle } from './usage.ts'

/** Latencies in milliseconds, from when a request was due, not from when it could be sent. */
export interface OpenSample {
  contender: string
  load: string
  /** Asked for, and reached, a second. */
  rate: number
  reached: number
  connections: number
  p50: number
  p99: number
  max: number
  failed: number
}

/** oha sends one token in all its requests: each of these users gets a process of their own. */
const CALLERS = 16

/** Connections of each of them: a thousand in all. */
const CONNECTIONS = 63

const BODY = JSON.stringify({ title: 'A new task of the bench', priority: 'high', tags: ['home', 'errands'] })

/**
 * Asks at a fixed rate, however slow the answers are, so that a stall counts for each request that is due during it.
 * Waits until the service rests again.
 */
export async function measureOpen(
  oha: string,
  folder: string,
  service: Running,
  load: 'get' | 'list' | 'create',
  rate: number,
  seconds: number,
  volume: Volume,
  sign: (user: string) => Promise<string>,
): Promise<OpenSample> {
  const numbers = Array.from({ length: CALLERS }, (_, at) => Math.floor((at * volume.users) / CALLERS))
  const records = numbers.map((number) => join(folder, `oha-${service.name}-${load}-${rate}-${number}.db`))
  await Promise.all(
    numbers.map(async (number, at) => {
      const base = `${service.url}/api/${userName(number)}/tasks`
      const urls = join(folder, `urls-${number}.txt`)
      const ids = Array.from({ length: tasksEach(volume) }, (_, k) => taskId(number + k * volume.users))
      const paths = load === 'get' ? ids.map((id) => `${base}/${id}`) : [load === 'list' ? `${base}?limit=50` : base]
      await Bun.write(urls, paths.join('\n'))
      const pace = [
        '-z',
        `${seconds}s`,
        '-q',
        String(rate / CALLERS),
        '-c',
        String(CONNECTIONS),
        '--latency-correction',
      ]
      const token = ['-H', `authorization: Bearer ${await sign(userName(number))}`]
      const body = load === 'create' ? ['-m', 'POST', '-T', 'application/json', '-d', BODY] : []
      const output = ['-w', '-t', '30s', '--no-tui', '--db-url', records[at] ?? '']
      await run([oha, ...pace, ...token, ...body, ...output, '--urls-from-file', urls], { seconds: seconds + 60 })
    }),
  )
  await settle(service.pid)
  const expected = load === 'create' ? 201 : 200
  const latencies: number[] = []
  let failed = 0
  for (const record of records) {
    const file = new Database(record, { readonly: true })
    for (const [late, status] of file
      .query('select "end" - coalesce(start_latency_correction, start), status from oha')
      .values())
      if (status === expected) latencies.push(Number(late) * 1000)
      else failed++
    file.close()
  }
  const sorted = Float64Array.from(latencies).sort()
  return {
    contender: service.name,
    load,
    rate,
    reached: sorted.length / seconds,
    connections: CALLERS * CONNECTIONS,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    max: sorted.at(-1) ?? Number.NaN,
    failed,
  }
}
