import { Duplex } from 'node:stream'
import pgliteWasm from '../../../node_modules/@electric-sql/pglite/dist/pglite.wasm' with { type: 'file' }

/** What the engine's thread is told: where its files are, then the client's half of PostgreSQL's protocol. */
export type ToEngine = { files: string; program: WebAssembly.Module } | Uint8Array

/** What the engine's thread says: the server's half of the protocol, and what becomes of the engine itself. */
export type FromEngine = 'open' | 'closed' | { failed: string } | Uint8Array<ArrayBuffer>

/** The code of an error that says that the engine is gone, or was never there. */
export const ENGINE_GONE = 'ENGINE_GONE'

/** Where the build puts the thread's program inside of ours, and where the source has it. */
const PROGRAM = new URL(Bun.isStandaloneExecutable ? './src/db/pglite/engine.js' : './engine.ts', import.meta.url)

/** How long an engine may take to write its last pages, in milliseconds. What is not written then is in the log. */
const CLOSE_MS = 5000

let compiled: Promise<WebAssembly.Module> | undefined

/**
 * PGlite in a thread of its own, as a socket for postgres.js: one socket is one engine, and the engine ends with it.
 * An engine that fails ends its socket with an error; postgres.js then asks for the next one.
 */
export class EngineWire extends Duplex {
  readonly #worker = new Worker(PROGRAM)
  readonly #program = compile()
  readonly #opened = Promise.withResolvers<Error | undefined>()
  /** Resolves when the thread has ended, and with it all access to the files. */
  readonly gone: Promise<void>
  #isOpen = false
  #farewell: Timer | undefined

  constructor() {
    super({ allowHalfOpen: true })
    this.gone = new Promise((resolve) => this.#worker.addEventListener('close', () => resolve()))
    this.#worker.addEventListener('message', ({ data }: MessageEvent<FromEngine>) => this.#take(data))
    this.#worker.addEventListener('error', ({ message }) => this.#fail(message))
    // Always one listener: an error that nobody waits for must not end the process.
    this.on('error', () => {})
    void this.gone.then(() => this.#fail('its thread has ended'))
  }

  /** As `net.Socket` has it: postgres.js says goodbye where it is open, and may try so twice. */
  get readyState(): 'open' | 'readOnly' | 'closed' {
    if (this.destroyed) return 'closed'
    return this.writableEnded ? 'readOnly' : 'open'
  }

  /**
   * Opens the database in the directory `files`. Never rejects: postgres.js would lose the connection's slot. The
   * error of an engine that cannot open comes out of the socket, once postgres.js listens to it.
   */
  async open(files: string): Promise<void> {
    void this.#program.then(
      (program) => this.#worker.postMessage({ files, program } satisfies ToEngine),
      (error: unknown) => this.#fail(String(error)),
    )
    const failure = await this.#opened.promise
    if (failure) setImmediate(() => this.destroy(failure))
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    // A copy: the chunk can be a part of a buffer that others use, and then it cannot be transferred.
    const bytes = new Uint8Array(chunk)
    this.#worker.postMessage(bytes satisfies ToEngine, [bytes.buffer])
    done()
  }

  override _final(done: () => void): void {
    this.#farewell = setTimeout(() => this.destroy(), CLOSE_MS)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#farewell)
    this.#worker.terminate()
    void this.gone.then(() => done(error))
  }

  #take(message: FromEngine): void {
    if (message instanceof Uint8Array) this.push(Buffer.from(message.buffer))
    else if (message === 'open') {
      this.#isOpen = true
      this.#opened.resolve(undefined)
    } else if (message === 'closed') this.destroy()
    else this.#fail(message.failed)
  }

  #fail(text: string): void {
    const failure = Object.assign(new Error(`the embedded database: ${text}`), { code: ENGINE_GONE })
    if (this.#isOpen) this.destroy(failure)
    else this.#opened.resolve(failure)
  }
}

/** Compiles PGlite while the thread starts and a first start unpacks the template; an engine after the first finds it compiled. */
function compile(): Promise<WebAssembly.Module> {
  compiled ??= Bun.file(pgliteWasm).arrayBuffer().then(WebAssembly.compile)
  return compiled
}
