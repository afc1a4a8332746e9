import { Problem } from '../../problem.ts'
import { connectionError } from './wire.ts'

/** Some connections to the server, which live and die together. */
export interface Pool<Client> {
  readonly client: Client
  /** When the server last said anything, in `performance.now()` milliseconds. */
  heard(): number
  /** Whether any connection can take statements. */
  isUp(): boolean
  /** Cuts the connections that have said nothing since then. */
  cutSilent(since: number): void
  /** Resolves when the server takes statements. */
  ping(): Promise<unknown>
  /** Ends at once; what runs fails. */
  end(): Promise<void>
}

/** Something handed to a pool. */
export interface Work<T> {
  readonly result: PromiseLike<T>
  /** Whether any of it may have reached the server. */
  isSent(): boolean
  /** The caller has been answered: what has not been sent yet must never be. */
  abandon(): void
}

export interface GuardOptions<Client> {
  open(): Pool<Client>
  /** The longest that any statement may take, in milliseconds. */
  deadlineMs: number
  /** What an error says of the database: that the way to it is broken, that it cannot do this now, or nothing. */
  judge(error: unknown): 'broken' | 'not-now' | undefined
  /** Whether a refused connection may be had by asking for less, as the next one then does. */
  relent(error: unknown): boolean
}

/** Work under way, at most: beyond it the answer is 503 at once, so that waiting is bounded. */
const MAX_UNDER_WAY = 10_000

/** How often deadlines are looked after. */
const SWEEP_MS = 100

/** A pool that owes an answer and says nothing for so long is doubted. */
const DOUBT_MS = 1000

/** How often a database that is away is tried. */
const PROBE_MS = 500

/** How long after a broken connection its work is repeated. */
const REPEAT_MS = 20

/** How long `close` waits for what runs. */
const CLOSE_MS = 5000

type Start<Client, T> = (client: Client, renew: () => void) => Work<T>

interface Ticket<Client> {
  /** When the work, or its newest statement, began. */
  since: number
  readonly expire: (error: Error) => void
  pool: Pool<Client>
  work: Work<unknown> | undefined
}

/**
 * Stands between the store and the driver, so that every piece of work ends within the
 * deadline, in its result or in a `database-unavailable` Problem.
 *
 * There is one current pool, or none while the database is known to be away: work is then
 * refused at once and new pools are tried until one answers, which becomes the current
 * one. A pool that goes silent is replaced in the same way and finishes what it has.
 */
export class Guard<Client> {
  readonly #options: GuardOptions<Client>
  readonly #tickets = new Set<Ticket<Client>>()
  /** Pools that only finish what they have, and since when. */
  readonly #retired = new Map<Pool<Client>, number>()
  readonly #tried = new Set<Pool<Client>>()
  #pool: Pool<Client> | undefined
  #away: unknown
  #sweep: Timer | undefined
  #probe: Timer | undefined
  /** Settles with the first try after the pool was lost. */
  #firstTry: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined

  constructor(options: GuardOptions<Client>) {
    this.#options = options
    this.#pool = options.open()
  }

  /**
   * @param start `renew` gives work of many statements the whole deadline for its next one.
   * @param repeatable whether doing it twice is as good as once. Work that never reached
   * the server is repeated once in any case.
   * @throws Problem `database-unavailable`; errors of the work itself pass through.
   */
  async run<T>(start: Start<Client, T>, repeatable: boolean): Promise<T> {
    const pool = this.#current()
    if (this.#tickets.size >= MAX_UNDER_WAY) throw unavailable(new Error('too many statements are waiting'))
    const { promise: late, reject: expire } = Promise.withResolvers<never>()
    const ticket: Ticket<Client> = { since: performance.now(), expire, pool, work: undefined }
    this.#tickets.add(ticket)
    this.#sweep ??= setInterval(() => this.#lookAfter(), SWEEP_MS)
    try {
      return await Promise.race([this.#attempt(ticket, start, repeatable), late])
    } catch (error) {
      throw this.#options.judge(error) ? unavailable(error) : error
    } finally {
      this.#tickets.delete(ticket)
    }
  }

  /** Waits for what is running (5 s at most), then lets go of everything. Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #attempt<T>(ticket: Ticket<Client>, start: Start<Client, T>, repeatable: boolean): Promise<T> {
    const renew = () => {
      ticket.since = performance.now()
    }
    for (let first = true; ; first = false) {
      const { pool } = ticket
      const work = start(pool.client, renew)
      ticket.work = work
      try {
        return await work.result
      } catch (error) {
        if (this.#options.judge(error) !== 'broken') throw error
        const unsent = !work.isSent()
        if (unsent && !pool.isUp()) this.#lose(pool, error)
        if (!first || !(unsent || repeatable)) throw error
        // Connections to one server fall together: let those that are about to.
        await Promise.all([this.#firstTry, Bun.sleep(REPEAT_MS)])
        if (!this.#tickets.has(ticket)) throw error
        ticket.pool = this.#current()
      }
    }
  }

  #current(): Pool<Client> {
    if (this.#closing) throw unavailable(new Error('the database is closed'))
    if (!this.#pool) throw unavailable(this.#away)
    return this.#pool
  }

  /** The database is away, as far as this pool can tell. */
  #lose(pool: Pool<Client>, cause: unknown): void {
    if (pool !== this.#pool) return
    this.#pool = undefined
    this.#away = cause
    void pool.end()
    if (this.#options.relent(cause)) this.#pool = this.#options.open()
    else this.#search()
  }

  /** Opens a pool every now and then until one answers: it takes over from the current one. */
  #search(): void {
    if (this.#probe || this.#closing) return
    this.#probe = setInterval(() => void this.#tryPool(), PROBE_MS)
    this.#firstTry = this.#tryPool()
  }

  async #tryPool(): Promise<void> {
    const pool = this.#options.open()
    this.#tried.add(pool)
    try {
      await pool.ping()
    } catch (error) {
      this.#away = error
      if (this.#options.relent(error)) return this.#tryPool()
    } finally {
      this.#tried.delete(pool)
      if (this.#probe && pool.isUp()) this.#install(pool)
      else void pool.end()
    }
  }

  #install(pool: Pool<Client>): void {
    clearInterval(this.#probe)
    this.#probe = undefined
    if (this.#pool) this.#retired.set(this.#pool, performance.now())
    this.#pool = pool
    for (const other of this.#tried) void other.end()
  }

  #lookAfter(): void {
    const now = performance.now()
    const { deadlineMs } = this.#options
    const busy = new Set<Pool<Client>>()
    let doubted = false
    for (const ticket of this.#tickets) {
      const age = now - ticket.since
      if (age >= deadlineMs) this.#expire(ticket, now)
      else busy.add(ticket.pool)
      doubted ||= ticket.pool === this.#pool && age >= DOUBT_MS
    }
    for (const [pool, since] of this.#retired) {
      if (busy.has(pool) && now - since < deadlineMs) continue
      this.#retired.delete(pool)
      void pool.end()
    }
    if (doubted && this.#pool && this.#retired.size === 0 && now - this.#pool.heard() >= DOUBT_MS) this.#search()
    if (this.#tickets.size === 0 && this.#retired.size === 0) {
      clearInterval(this.#sweep)
      this.#sweep = undefined
    }
  }

  /**
   * Past its deadline a statement is answered for, and every connection that has been
   * silent for as long is cut: behind one that a network swallows, all the statements
   * pipelined on it would wait for ever.
   */
  #expire({ pool, work, expire }: Ticket<Client>, now: number): void {
    const late = connectionError('CONNECT_TIMEOUT', 'no answer from the database', this.#options.deadlineMs)
    const silentSince = now - this.#options.deadlineMs * 0.9
    expire(late)
    work?.abandon()
    if (pool.heard() < silentSince) this.#lose(pool, late)
    else pool.cutSilent(silentSince)
  }

  async #close(): Promise<void> {
    clearInterval(this.#probe)
    this.#probe = undefined
    const giveUp = performance.now() + CLOSE_MS
    while (this.#tickets.size > 0 && performance.now() < giveUp) await Bun.sleep(20)
    const pools = [...(this.#pool ? [this.#pool] : []), ...this.#retired.keys(), ...this.#tried]
    await Promise.all(pools.map((pool) => pool.end()))
    clearInterval(this.#sweep)
    this.#sweep = undefined
  }
}

export function unavailable(cause: unknown): Problem {
  return new Problem('database-unavailable', 'The database cannot be reached right now. Please try again shortly.', {
    headers: { 'retry-after': '1' },
    cause,
  })
}
