/**
 * The embedded engine alone: no HTTP, no token, no thread of its own. Runs Doable's own statements, prepared, for as
 * many callers at once as it is asked for. Its argument is an `EngineSetup` as JSON.
 */
import { PGlite } from '@electric-sql/pglite'
import type { EngineAnswer, EngineAsked, EngineSetup } from '../engine.ts'
import { literalOf, WRITES } from '../floor.ts'
import { LOADS, taskId, tasksEach, userName } from '../loads.ts'

const tell = (answer: EngineAnswer) => process.send?.(answer)
const random = (below: number) => Math.floor(Math.random() * Math.floor(below))

// `startEngine` has written it.
const { files, volume, statements } = JSON.parse(process.argv[2] ?? '') as EngineSetup
const writes: ReadonlySet<string> = WRITES
// As Doable starts it.
const db = new PGlite({ dataDir: files, startParams: [...PGlite.defaultStartParams, '-c', 'shared_buffers=16MB'] })
await db.waitReady
for (const load of LOADS) {
  const statement = statements[load]
  if (statement) await db.exec(`prepare "${load}" as ${statement.text}`)
}

function textOf(load: string): string {
  const user = writes.has(load) ? 1 + 2 * random(volume.users / 2) : random(volume.users)
  const id = load === 'create' ? crypto.randomUUID() : taskId(user + volume.users * random(tasksEach(volume)))
  const values = statements[load]?.parameters ?? []
  return `execute "${load}"(${values.map((value) => literalOf(value, `'${userName(user)}'`, `'${id}'`)).join(', ')})`
}

/** PostgreSQL's message Query (manual, 54.7): the engine's own answer, which nobody makes objects of. */
async function ask(text: string): Promise<void> {
  const body = Buffer.from(`${text}\0`)
  const message = Buffer.alloc(5 + body.length, 'Q')
  message.writeInt32BE(4 + body.length, 1)
  body.copy(message, 5)
  let answer = Buffer.alloc(0)
  const onRawData = (bytes: Uint8Array) => {
    // A copy: the next piece comes in the same place. The first one holds the first row.
    if (answer.length === 0) answer = Buffer.from(bytes)
  }
  await db.execProtocolRawStream(message, { syncToFs: false, onRawData })
  // A description of the columns comes first, then the first row, which begins with a D.
  if (answer[1 + answer.readInt32BE(1)] !== 0x44) throw new Error(`no row for: ${text}`)
}

process.on('message', async ({ load, callers, seconds }: EngineAsked) => {
  const began = performance.now()
  let requests = 0
  const call = async () => {
    while (performance.now() - began < seconds * 1000) {
      await ask(textOf(load))
      requests++
    }
  }
  await Promise.all(Array.from({ length: callers }, call))
  tell({ requests, seconds: (performance.now() - began) / 1000 })
})
tell('open')
