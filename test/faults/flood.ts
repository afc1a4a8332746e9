/**
 * One user floods at 50 times the limit while another works at a steady pace: the other's latency
 * without and with the flood, in milliseconds. `bun test/faults/flood.ts`, with `SECONDS` (10).
 */
import { boot, databases, stopAll } from '../kit/boot.ts'
import { startProgram } from '../kit/program.ts'
import { newUser } from '../kit/user.ts'

const LIMIT = 1200
const SECONDS = Number(process.env['SECONDS'] ?? 10)
const PACE_MS = 20

const percentile = (sorted: number[], p: number) => (sorted[Math.floor(sorted.length * p)] ?? 0).toFixed(2)

async function measure(work: () => Promise<unknown>, ms: number) {
  const times: number[] = []
  const end = performance.now() + ms
  while (performance.now() < end) {
    const start = performance.now()
    await work()
    times.push(performance.now() - start)
    await Bun.sleep(Math.max(0, PACE_MS - (performance.now() - start)))
  }
  times.sort((a, b) => a - b)
  return { requests: times.length, p50: percentile(times, 0.5), p99: percentile(times, 0.99) }
}

/** The flood is a process of its own: in this one it would delay what is measured. */
function flood(url: string, authorization: string) {
  const program = `
    let counts = {}
    const one = async () => {
      const { status } = await fetch(${JSON.stringify(url)}, { headers: { authorization: ${JSON.stringify(authorization)} } })
      counts[status] = (counts[status] ?? 0) + 1
    }
    process.on('SIGTERM', () => { console.log(JSON.stringify(counts)); process.exit(0) })
    const perTick = ${(50 * LIMIT) / 60 / 100}
    setInterval(() => { for (let i = 0; i < perTick; i++) one() }, 10)`
  return startProgram(['-e', program], { command: [process.execPath], cwd: '.' })
}

for (const kind of databases) {
  const service = await boot(kind, { RATE_LIMIT: String(LIMIT * 10) })
  const [ann, bob] = [newUser(service), newUser(service)]
  const { id } = await ann.create()
  const read = async () => (await ann.get(id)).arrayBuffer()
  await measure(read, 2000)
  const calm = await measure(read, SECONDS * 1000)
  await service.stop()

  // The steady user stays below the limit of one minute, the other is far above it.
  const flooded = await boot(kind, { RATE_LIMIT: String(LIMIT) })
  const carol = newUser(flooded)
  const task = await carol.create()
  const child = flood(`${flooded.url}${bob.tasks}`, `Bearer ${await flooded.tokens.sign(bob.id, 3600)}`)
  await Bun.sleep(2000)
  const loud = await measure(async () => (await carol.get(task.id)).arrayBuffer(), SECONDS * 1000)
  await child.end()
  const answers = JSON.parse(child.output.stdout)
  process.stdout.write(`${JSON.stringify({ kind, calm, loud, flood: answers })}\n`)
  await flooded.stop()
}
await stopAll()
