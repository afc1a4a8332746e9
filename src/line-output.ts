/** Text that waits for a reader that has stalled, at most, in characters. Lines beyond it are dropped. */
const LIMIT = 1024 * 1024

/** As much of Bun's `FileSink` as is needed: on pipes, sockets and terminals it never blocks. */
interface Sink {
  write(text: string): unknown
  /** A number once everything is with the kernel, else a promise of that. */
  flush(): number | Promise<number>
}

/**
 * Lines for a file descriptor whose reader may stall: the caller never waits. A line is with the
 * kernel when `write` returns, unless the reader is behind. One line is written at a time: what
 * several processes write to one pipe mixes between lines only (up to PIPE_BUF, 4096 bytes).
 */
export class LineOutput {
  readonly #open: () => Sink
  readonly #dropped: (count: number) => void
  #sink: Sink | undefined
  #waiting: string[] = []
  #size = 0
  #drops = 0
  #draining: Promise<void> | undefined
  #gone = false

  /** @param dropped is told how many lines were lost, once the reader has caught up. */
  constructor(open: () => Sink, dropped: (count: number) => void) {
    this.#open = open
    this.#dropped = dropped
  }

  /** Takes one line or drops it. Never throws and never waits. */
  write(line: string): void {
    if (this.#gone) return
    if (this.#draining === undefined) {
      const pending = this.#put(line)
      if (pending !== undefined) this.#draining = this.#drain(pending)
    } else if (this.#drops > 0 || this.#size + line.length > LIMIT) {
      // Once one is dropped, all are until the reader has caught up: a short line must not overtake a long one.
      this.#drops++
    } else {
      this.#waiting.push(line)
      this.#size += line.length
    }
  }

  /** Calls back when everything taken so far is with the kernel; pino's `flush` comes here. */
  flush(done: () => void): void {
    if (this.#draining === undefined) done()
    else void this.#draining.then(done)
  }

  #put(line: string): Promise<unknown> | undefined {
    try {
      this.#sink ??= this.#open()
      this.#sink.write(line)
      const flushed = this.#sink.flush()
      return typeof flushed === 'number' ? undefined : flushed
    } catch (error) {
      this.#fail(error)
      return undefined
    }
  }

  async #drain(pending: Promise<unknown>): Promise<void> {
    await pending.catch((error: unknown) => this.#fail(error))
    while (this.#waiting.length > 0 && !this.#gone) {
      const lines = this.#waiting
      this.#waiting = []
      for (const line of lines) {
        await this.#put(line)?.catch((error: unknown) => this.#fail(error))
        this.#size -= line.length
      }
    }
    this.#draining = undefined
    const drops = this.#drops
    this.#drops = 0
    if (drops > 0 && !this.#gone) this.#dropped(drops)
  }

  /** A reader that has gone (EPIPE) does not come back; a full disk may have room for the next line. */
  #fail(error: unknown): void {
    if ((error as { code?: unknown } | undefined)?.code === 'EPIPE') this.#gone = true
  }
}
