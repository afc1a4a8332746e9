/** How long a file may hold the event loop at a time, in milliseconds. */
const SLICE_MS = 5

/** Divides long work into slices, between which the event loop serves others. */
export class Pace {
  #until = performance.now() + SLICE_MS

  /** Whether the slice is over, and `rest` is due. */
  get isOver(): boolean {
    return performance.now() >= this.#until
  }

  async rest(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve))
    this.#until = performance.now() + SLICE_MS
  }
}
