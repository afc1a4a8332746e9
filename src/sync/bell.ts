/** Wakes one listener. A ring between two waits is not lost: the next wait ends at once. */
export class Bell {
  #rung = false
  #closed = false
  #wake: (() => void) | undefined
  readonly #onClose: () => void

  constructor(onClose: () => void) {
    this.#onClose = onClose
  }

  get closed(): boolean {
    return this.#closed
  }

  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  /** Ends every wait, now and later. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#wake?.()
    this.#onClose()
  }

  /** True once it has rung; false after `ms` milliseconds, or when it is closed. */
  async wait(ms: number): Promise<boolean> {
    if (!this.#rung && !this.#closed && ms > 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, ms)
      this.#wake = resolve
      await promise
      clearTimeout(timer)
      this.#wake = undefined
    }
    const rung = this.#rung
    this.#rung = false
    return rung
  }
}
