/** A database that rests this long may have gone to sleep (Neon: after 5 minutes), in milliseconds. */
const AWAKE_MS = 60_000

/**
 * When the database was last used for a request. Work that could wait asks this first: it must not
 * wake a database that sleeps, nor keep it awake.
 */
export class Activity {
  readonly #now: () => number
  #usedAt = Number.NEGATIVE_INFINITY
  #asides = 0

  /** @param now milliseconds of a clock that never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** A statement or a transaction begins. */
  touch(): void {
    if (this.#asides === 0) this.#usedAt = this.#now()
  }

  /** Whether the database has been used within the last minute. */
  isRecent(): boolean {
    return this.#now() - this.#usedAt < AWAKE_MS
  }

  /** Runs work whose statements do not count as use. */
  async aside<T>(work: () => Promise<T>): Promise<T> {
    this.#asides++
    try {
      return await work()
    } finally {
      this.#asides--
    }
  }
}
