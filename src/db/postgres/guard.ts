import { type Pool, Pools, type PoolsOptions, unavailable } from './pools.ts'
import type { Verdict } from './verdict.ts'
import { connectionError } from './wire.ts'

/** Something handed to a pool. */
export interface Work<T> {
  readonly result: PromiseLike<T>
  /** Whether any of it may have reached the server. */
  isSent(): boolean
  /** The caller has been answered: what has not been sent yet must never be. */
  abandon(): void
}

/**
 * When work may be started a second time. A read: whenever its connection broke. A write, which is one statement: when
 * it was never sent, or the server says that it did nothing. A transaction: when it was never sent, since the code
 * within it cannot be run twice.
 */
export type Kind = 'read' | 'write' | 'transaction'

export interface GuardOptions<Client> extends PoolsOptions<Client> {
  /** The longest that any statement may take, in milliseconds. */
  deadlineMs: number
  judge(error: unknown): Verdict | undefined
  /** Is told of each error that is judged stale, before the work is repeated. */
  onStale(error: unknown): void
}

/** Work under way, at most: beyond it the answer is 503 at once, so that waiting is bounded. */
const MAX_UNDER_WAY = 10_000

/** How often deadlines are checked, in milliseconds. */
const SWEEP_MS = 100

/** A pool that owes an answer and says nothing for so long is replaced, in milliseconds. */
const DOUBT_MS = 1000

/** How long after a broken connection its work is repeated, in milliseconds: the others often break just after it. */
const REPEAT_MS = 20

/** How long `close` waits for what runs, in milliseconds. */
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
 * Ends every piece of work within the deadline, in its result or in a `database-unavailable` Problem,
 * whatever the driver and the network do. While the database is known to be away, work is refused at once.
 */
export class Guard<Client> {
  readonly #options: GuardOptions<Client>
  readonly #pools: Pools<Client>
  readonly #tickets = new Set<Ticket<Client>>()
  #sweep: Timer | undefined
  #closing: Promise<void> | undefined

  constructor(options: GuardOptions<Client>) {
    this.#options = options
    this.#pools = new Pools(options)
  }

  /**
   * @param start `renew` gives work of many statements the whole deadline for its next one.
   * @throws Problem `database-unavailable`; errors of the work itself pass through.
   */
  async run<T>(start: Start<Client, T>, kind: Kind): Promise<T> {
    const pool = this.#pools.current
    if (this.#tickets.size >= MAX_UNDER_WAY) throw unavailable(new Error('too many statements are waiting'))
    const { promise: late, reject: expire } = Promise.withResolvers<never>()
    const ticket: Ticket<Client> = { since: performance.now(), expire, pool, work: undefined }
    this.#tickets.add(ticket)
    this.#startSweep()
    try {
      return await Promise.race([this.#attempt(ticket, start, kind), late])
    } catch (error) {
      throw this.#options.judge(error) ? unavailable(error) : error
    } finally {
      this.#tickets.delete(ticket)
    }
  }

  /** From now on work goes to a pool that is opened in the present way. */
  renewPool(): void {
    this.#pools.renew()
    this.#startSweep()
  }

  /** Waits for what is running (5 s at most), then closes every connection. Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #attempt<T>(ticket: Ticket<Client>, start: Start<Client, T>, kind: Kind): Promise<T> {
    const renew = () => {
      ticket.since = performance.now()
    }
    for (let first = true; ; first = false) {
      const { pool } = ticket
      const work = start(pool.client, renew)
      ticket.work = work
      try {
        const result = await work.result
        this.#pools.answered()
        return result
      } catch (error) {
        const verdict = this.#options.judge(error)
        const isSent = work.isSent()
        this.#learn(verdict, pool, error, isSent)
        if (!first || !mayRepeat(kind, verdict, isSent)) throw error
        if (verdict !== 'stale') await Promise.all([this.#pools.firstTry, Bun.sleep(REPEAT_MS)])
        if (!this.#tickets.has(ticket)) throw error
        ticket.pool = this.#pools.current
        if (verdict === 'read-only' && ticket.pool === pool) throw error
      }
    }
  }

  #learn(verdict: Verdict | undefined, pool: Pool<Client>, error: unknown, isSent: boolean): void {
    if (verdict === 'broken' && this.#pools.learn(error)) return
    if (verdict === 'stale') this.#options.onStale(error)
    else if (verdict === 'read-only') this.#pools.refusedWrite(pool, error)
    else if (verdict === 'broken' && !isSent && !pool.isUp()) this.#pools.lose(pool, error)
  }

  #startSweep(): void {
    this.#sweep ??= setInterval(() => this.#check(), SWEEP_MS)
  }

  #check(): void {
    const now = performance.now()
    const { deadlineMs } = this.#options
    const busy = new Set<Pool<Client>>()
    let doubted: Pool<Client> | undefined
    for (const ticket of this.#tickets) {
      const age = now - ticket.since
      if (age >= deadlineMs) this.#expire(ticket, now)
      else busy.add(ticket.pool)
      if (age >= DOUBT_MS && this.#pools.isCurrent(ticket.pool)) doubted = ticket.pool
    }
    this.#pools.endRetired(busy, deadlineMs)
    if (doubted && this.#pools.isCurrent(doubted) && !this.#pools.areRetired && now - doubted.heard() >= DOUBT_MS)
      this.#pools.search()
    if (this.#tickets.size === 0 && !this.#pools.areRetired && !this.#pools.isReplacing) {
      clearInterval(this.#sweep)
      this.#sweep = undefined
    }
  }

  /**
   * Answers with 503 for a statement past its deadline, and cuts every connection that has been
   * silent for as long: on one that a network swallows, all pipelined statements would wait for ever.
   */
  #expire({ pool, work, expire }: Ticket<Client>, now: number): void {
    const late = connectionError('CONNECT_TIMEOUT', 'no answer from the database', this.#options.deadlineMs)
    const silentSince = now - this.#options.deadlineMs * 0.9
    expire(late)
    work?.abandon()
    if (pool.heard() < silentSince) this.#pools.lose(pool, late)
    else pool.cutSilent(silentSince)
  }

  async #close(): Promise<void> {
    this.#pools.close()
    const giveUp = performance.now() + CLOSE_MS
    while (this.#tickets.size > 0 && performance.now() < giveUp) await Bun.sleep(20)
    await this.#pools.end()
    clearInterval(this.#sweep)
    this.#sweep = undefined
  }
}

function mayRepeat(kind: Kind, verdict: Verdict | undefined, isSent: boolean): boolean {
  if (verdict === 'stale' || verdict === 'read-only') return kind !== 'transaction'
  return verdict === 'broken' && (!isSent || kind === 'read')
}
