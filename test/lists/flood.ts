/**
 * One user does the most that lists let them do while another reads one task at a steady pace: the other's latency
 * without and with it, and that of `/health`, in milliseconds. Before that, beside endless loops that ask nothing: on a few
 * processors, what any busy neighbour costs.
 *
 *     bun test/lists/flood.ts [--megabytes 60] [--in-flight 32] [--seconds 4] [--database postgres]
 *
 * The service and the flood are processes of their own: they would delay what is measured.
 */
import { parseArgs } from 'node:util'
import { databasesNamed, stopAll } from '../kit/boot.ts'
import { newDatabase } from '../kit/postgres-server.ts'
import { newPlace, startProgram } from '../kit/program.ts'
import { SECRET, secretTokens } from '../kit/tokens.ts'

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '60' },
    'in-flight': { type: 'string', default: '32' },
    seconds: { type: 'string', default: '4' },
    database: { type: 'string' },
  },
})
const DESCRIPTION = 10_000
const IN_ONE_IMPORT = 1000
const PACE_MS = 10
const ATTACKS = [
  '/tasks?q=nowhere',
  '/tasks?q=nowhere&sort=title',
  '/tasks?q=text',
  '/tasks',
  '/changes',
  '/tasks?sort=title&limit=50',
]

const ms = (sorted: number[], part: number) =>
  Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(1))

async function measure(url: string, headers: Record<string, string>, seconds: number) {
  const times: number[] = []
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    const start = performance.now()
    const response = await fetch(url, { headers })
    await response.arrayBuffer()
    if (response.status !== 200) throw new Error(`${url} is answered ${response.status}`)
    times.push(performance.now() - start)
    await Bun.sleep(Math.max(0, PACE_MS - (performance.now() - start)))
  }
  times.sort((a, b) => a - b)
  return { p50: ms(times, 0.5), p99: ms(times, 0.99), max: ms(times, 1) }
}

/** As many busy processes as a flood makes: its own, and that of the database, which has one of its statements at a time. */
function neighbours() {
  const loop = ['-e', "process.on('SIGTERM', () => process.exit(0)); (function turn() { setImmediate(turn) })()"]
  return [POLITE, [process.execPath]].map((command) => startProgram(loop, { command, cwd: '.' }))
}

/** It gets what the others leave of the processors: elsewhere it has its own. */
const POLITE = ['nice', '-n', '19', process.execPath]

function flood(url: string, authorization: string) {
  const program = `
    const counts = {}
    process.on('SIGTERM', () => { console.log(JSON.stringify(counts)); process.exit(0) })
    for (let i = 0; i < ${Number(values['in-flight'])}; i++) (async () => {
      for (;;) {
        const response = await fetch(${JSON.stringify(url)}, { headers: { authorization: ${JSON.stringify(authorization)} } })
        await response.arrayBuffer()
        const kind = response.status + (response.headers.has('x-partial') ? ' partial' : '')
        counts[kind] = (counts[kind] ?? 0) + 1
      }
    })()`
  return startProgram(['-e', program], { command: POLITE, cwd: '.' })
}

const tokens = await secretTokens(SECRET)
const bearerOf = async (user: string) => ({ authorization: `Bearer ${await tokens.sign(user, 3600)}` })
for (const kind of databasesNamed(values.database)) {
  await using place = await newPlace()
  const env = kind === 'postgres' ? { DATABASE_URL: await newDatabase() } : {}
  const { url } = await place.serve({ BETTER_AUTH_SECRET: SECRET, RATE_LIMIT: '0', LOG_LEVEL: 'info', ...env })
  const [rich, other] = [await bearerOf('rich'), await bearerOf('other')]
  const count = (Number(values.megabytes) * 1_000_000) / DESCRIPTION
  for (let done = 0; done < count; done += IN_ONE_IMPORT) {
    const tasks = Array.from({ length: Math.min(IN_ONE_IMPORT, count - done) }, (_, n) => ({
      title: `Task ${done + n}`,
      description: `${crypto.randomUUID()} text `.repeat(300).slice(0, DESCRIPTION),
    }))
    const response = await fetch(`${url}/api/rich/import`, {
      method: 'POST',
      headers: { ...rich, 'content-type': 'application/json' },
      body: JSON.stringify(tasks),
    })
    if (response.status !== 200) throw new Error(`an import is answered ${response.status}`)
  }
  const made = await fetch(`${url}/api/other/tasks`, {
    method: 'POST',
    headers: { ...other, 'content-type': 'application/json' },
    body: '{"title":"Buy milk"}',
  })
  const task = `${url}${made.headers.get('location')}`
  const seconds = Number(values.seconds)
  await measure(task, other, 1)
  process.stdout.write(`${kind}: calm ${JSON.stringify(await measure(task, other, seconds))}\n`)
  const loops = neighbours()
  await Bun.sleep(500)
  process.stdout.write(`${kind}: beside loops ${JSON.stringify(await measure(task, other, seconds))}\n`)
  for (const loop of loops) await loop.end()
  for (const attack of ATTACKS) {
    const child = flood(`${url}/api/rich${attack}`, rich.authorization)
    await Bun.sleep(500)
    const [loud, health] = await Promise.all([measure(task, other, seconds), measure(`${url}/health`, {}, seconds)])
    await child.end()
    process.stdout.write(
      `${kind}: ${attack} ${JSON.stringify({ other: loud, health, flood: child.output.stdout.trim() })}\n`,
    )
  }
}
await stopAll()
