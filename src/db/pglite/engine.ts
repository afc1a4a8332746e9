/**
 * The thread in which PGlite works. It takes PostgreSQL's protocol in pieces of whole messages and answers in
 * the same protocol. A statement that takes seconds holds this thread and not the event loop of the service.
 */
import { PGlite } from '@electric-sql/pglite'
import fsBundle from '../../../node_modules/@electric-sql/pglite/dist/pglite.data' with { type: 'file' }
import type { FromEngine, ToEngine } from './wire.ts'

declare const self: Worker

/** One connection needs few buffers: 16 MB instead of PGlite's 128 MB halves the memory at rest. */
const SHARED_BUFFERS = ['-c', 'shared_buffers=16MB']

/** Bytes of answers that are sent at once. */
const PIECE = 64 * 1024

/** The first byte of Terminate (PostgreSQL manual, 54.7). */
const TERMINATE = 0x58

const piece = new Uint8Array(PIECE)
let used = 0
let engine: PGlite | undefined

self.onmessage = async ({ data }: MessageEvent<ToEngine>) => {
  if (data instanceof Uint8Array && data[0] !== TERMINATE) {
    work(data)
    return
  }
  try {
    if (data instanceof Uint8Array) {
      await engine?.close()
      tell('closed')
    } else {
      await boot(data)
      tell('open')
    }
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error))
  }
}

async function boot({ files, program }: Exclude<ToEngine, Uint8Array>): Promise<void> {
  engine = new PGlite({
    dataDir: files,
    pgliteWasmModule: program,
    fsBundle: Bun.file(fsBundle),
    startParams: [...PGlite.defaultStartParams, ...SHARED_BUFFERS],
  })
  await engine.waitReady
  await engine.exec(`set time zone 'UTC'`)
  // PGlite catches what an abort throws, and would go on with an engine that is in no known state.
  Object.assign(engine.Module, { onAbort: () => fail('the engine has aborted') })
}

/** Closes the files, which belong to the process and not to this thread, and has the thread ended. */
function fail(text: string): void {
  engine?.Module?.FS.quit()
  tell({ failed: text })
}

/** Runs the messages of one piece to their end. */
function work(messages: Uint8Array): void {
  // The work is done when the call returns; what it returns would only wait for a file system that has nothing to sync.
  engine?.execProtocolRawStream(messages, { syncToFs: false, onRawData: collect }).catch((error) => fail(String(error)))
  flush()
}

/** Copies out of the engine's memory, where the next answer overwrites this one. */
function collect(bytes: Uint8Array): void {
  if (used + bytes.length > PIECE) flush()
  if (bytes.length > PIECE) send(bytes.slice())
  else {
    piece.set(bytes, used)
    used += bytes.length
  }
}

function flush(): void {
  if (used > 0) send(piece.slice(0, used))
  used = 0
}

function send(bytes: Uint8Array<ArrayBuffer>): void {
  self.postMessage(bytes satisfies FromEngine, [bytes.buffer])
}

function tell(message: FromEngine): void {
  self.postMessage(message)
}
