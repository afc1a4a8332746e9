/** What of a long piece is not counted, in milliseconds: as much as a short one takes. */
const FREE_MS = 3

/** What a user's long pieces may take before the first pause, in milliseconds. */
const CREDIT_MS = 1000

/** The part of the time that a user's long pieces may take from then on. */
const PART = 0.01

/** The longest pause, in milliseconds: shorter than what a piece may wait, so that it is begun. */
const LONGEST_PAUSE_MS = 4000

/** How long after their last piece a user counts as present, in milliseconds. */
const PRESENT_MS = 10_000

/** Accounts that are kept before those are dropped that have all their credit again. */
const MANY = 1000

interface Account {
  /** What is left of the credit, in milliseconds; below zero, the user pauses. */
  left: number
  /** When it was reckoned, in milliseconds. */
  at: number
}

/**
 * Counts what the long pieces of each user's work take of the one connection that everybody shares, and has the
 * user pause before the next one. A piece cannot be interrupted: whoever comes while one runs waits for its end.
 * Pauses make that rare, however much one user asks for. A user who is alone never pauses.
 *
 * @param now in milliseconds, and never going back.
 */
export class Share {
  readonly #accounts = new Map<string, Account>()
  readonly #now: () => number
  /** The last piece of anybody's, and the last one of another user than that. */
  #latest = { user: '', at: Number.NEGATIVE_INFINITY }
  #other = this.#latest
  /** When the connection was last free of a piece. */
  #freeAt = Number.NEGATIVE_INFINITY

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Runs a piece that is not counted. */
  async run<T>(user: string, work: () => Promise<T>): Promise<T> {
    this.#note(user)
    try {
      return await work()
    } finally {
      this.#freeAt = this.#now()
    }
  }

  /** Runs a piece that is counted: without what the connection did before it, for others. */
  async runCounted<T>(user: string, work: () => Promise<T>): Promise<T> {
    this.#note(user)
    const start = this.#now()
    try {
      return await work()
    } finally {
      const end = this.#now()
      const counted = end - Math.max(start, this.#freeAt) - FREE_MS
      this.#freeAt = end
      if (counted > 0) this.#charge(user, counted)
    }
  }

  /** Waits for as long as the user has to. */
  async pause(user: string): Promise<void> {
    const ms = this.pauseOf(user)
    if (ms > 0) await Bun.sleep(ms)
  }

  /** How long the user has to pause, in milliseconds. */
  pauseOf(user: string): number {
    const account = this.#accounts.get(user)
    const others = this.#latest.user === user ? this.#other : this.#latest
    if (account === undefined || this.#now() - others.at > PRESENT_MS) return 0
    return Math.min(Math.max(0, -this.#leftOf(account) / PART), LONGEST_PAUSE_MS)
  }

  #note(user: string): void {
    if (user !== this.#latest.user) this.#other = this.#latest
    this.#latest = { user, at: this.#now() }
  }

  #charge(user: string, ms: number): void {
    const account = this.#accounts.get(user)
    const left = Math.max((account ? this.#leftOf(account) : CREDIT_MS) - ms, -LONGEST_PAUSE_MS * PART)
    this.#accounts.set(user, { left, at: this.#now() })
    if (this.#accounts.size <= MANY) return
    for (const [name, known] of this.#accounts) if (this.#leftOf(known) === CREDIT_MS) this.#accounts.delete(name)
  }

  #leftOf({ left, at }: Account): number {
    return Math.min(left + (this.#now() - at) * PART, CREDIT_MS)
  }
}
