import { Problem } from '../../problem.ts'
import type { DatabaseLog } from '../database.ts'
import { codeOf } from '../errors.ts'

/** Some connections to the server, which live and die together. */
export interface Pool<Client> {
  readonly client: Client
  /** When the server last said anything, in `performance.now()` milliseconds. */
  heard(): number
  /** Whether any connection can take statements. */
  isUp(): boolean
  /** Cuts the connections that have said nothing since then. */
  cutSilent(since: number): void
  /** Resolves when the server takes statements: to whether it takes writes. */
  ping(): Promise<boolean>
  /** Ends at once; what runs fails. */
  end(): Promise<void>
}

export interface PoolsOptions<Client> {
  open(): Pool<Client>
  /** Takes from an error how pools are to be opened. @returns whether that is another way than before. */
  learn(error: unknown): boolean
  /** Whether a pool was opened as one would be now. */
  suits(pool: Pool<Client>): boolean
  log: DatabaseLog
}

/** How often a database that is away or read-only is tried, in milliseconds. */
const PROBE_MS = 500

/** How long after the last refused write a read-only server is still tried, in milliseconds. */
const REFUSED_MS = 10_000

/**
 * The current pool, which takes all new work, and the ones around it: those that are tried while the database is away
 * or read-only, the first of which to answer becomes the current one, and those that only finish what they have.
 */
export class Pools<Client> {
  readonly #options: PoolsOptions<Client>
  /** Pools that only finish what they have, and since when. */
  readonly #retired = new Map<Pool<Client>, number>()
  readonly #tried = new Set<Pool<Client>>()
  #current: Pool<Client> | undefined
  #lost: { cause: unknown; at: number } | undefined
  /** The pool whose server refused a write as read-only, and when it last did. */
  #readOnly: { pool: Pool<Client>; at: number } | undefined
  #probe: Timer | undefined
  #firstTry: Promise<void> = Promise.resolve()
  #hasAnswered = false
  #closed = false

  constructor(options: PoolsOptions<Client>) {
    this.#options = options
    this.#current = options.open()
  }

  /** @throws Problem `database-unavailable` while there is none. */
  get current(): Pool<Client> {
    if (this.#closed) throw unavailable(new Error('the database is closed'))
    if (!this.#current) throw unavailable(this.#lost?.cause)
    return this.#current
  }

  /** A statement has succeeded: from now on the database can be lost. */
  answered(): void {
    this.#hasAnswered = true
  }

  isCurrent(pool: Pool<Client>): boolean {
    return pool === this.#current
  }

  /** Settles with the first try after the pool was lost, or its server turned read-only. */
  get firstTry(): Promise<void> {
    return this.#firstTry
  }

  /** Whether some only finish what they have. */
  get areRetired(): boolean {
    return this.#retired.size > 0
  }

  /** Whether the current one is to be replaced by another, and then to be ended. */
  get isReplacing(): boolean {
    return this.#probe !== undefined && this.#current !== undefined
  }

  /**
   * Ends the pools that work if an error shows that they are to be opened in another way: what they have under way fails.
   *
   * @returns whether it did.
   */
  learn(error: unknown): boolean {
    if (!this.#options.learn(error)) return false
    const outdated = [...(this.#current ? [this.#current] : []), ...this.#retired.keys()]
    this.#retired.clear()
    if (this.#current) this.#current = this.#options.open()
    for (const pool of outdated) void pool.end()
    return true
  }

  /** Gives new work to a pool opened in the present way; the current one only finishes what it has. */
  renew(): void {
    if (!this.#current || this.#options.suits(this.#current)) return
    this.#retired.set(this.#current, performance.now())
    this.#current = this.#options.open()
  }

  /** @param cause why this pool takes no more work: the database is away. */
  lose(pool: Pool<Client>, cause: unknown): void {
    if (pool !== this.#current) return
    this.#current = undefined
    void pool.end()
    this.#lost = { cause, at: performance.now() }
    // A start says by itself what it could not reach.
    if (this.#hasAnswered) this.#options.log.warn({ cause: nameOf(cause) }, 'database lost')
    this.search()
  }

  /** After a failover the address may lead to another server, while these connections stay at the old one. */
  refusedWrite(pool: Pool<Client>, cause: unknown): void {
    if (pool !== this.#current) return
    if (this.#readOnly?.pool !== pool) this.#options.log.warn({ cause: nameOf(cause) }, 'database read-only')
    this.#readOnly = { pool, at: performance.now() }
    this.search()
  }

  /** Opens a pool every `PROBE_MS` until one answers, which takes over from the current one. */
  search(): void {
    if (this.#probe || this.#closed) return
    this.#probe = setInterval(() => this.#searchOn(), PROBE_MS)
    this.#firstTry = this.#try()
  }

  /** Ends the retired pools that have nothing left to finish, or have had this long for it, in milliseconds. */
  endRetired(busy: ReadonlySet<Pool<Client>>, longestMs: number): void {
    const now = performance.now()
    for (const [pool, since] of this.#retired) {
      if (busy.has(pool) && now - since < longestMs) continue
      this.#retired.delete(pool)
      void pool.end()
    }
  }

  /** From now on no work is taken; what is running goes on until `end`. */
  close(): void {
    this.#closed = true
    this.#stopSearch()
  }

  async end(): Promise<void> {
    const pools = [...(this.#current ? [this.#current] : []), ...this.#retired.keys(), ...this.#tried]
    await Promise.all(pools.map((pool) => pool.end()))
  }

  #searchOn(): void {
    // Asked for ever whether it takes writes, a server that nobody writes to could never go to sleep.
    const refused = this.#refused()
    if (refused && performance.now() - refused.at > REFUSED_MS) {
      this.#readOnly = undefined
      this.#stopSearch()
    } else void this.#try()
  }

  /** The last refused write, where the pool that refused it is still the current one. */
  #refused() {
    return this.#current === this.#readOnly?.pool ? this.#readOnly : undefined
  }

  async #try(): Promise<void> {
    const pool = this.#options.open()
    this.#tried.add(pool)
    let takesWrites = false
    try {
      takesWrites = await pool.ping()
    } catch (error) {
      this.#options.learn(error)
      if (this.#lost && this.#options.suits(pool)) this.#lost.cause = error
    }
    this.#tried.delete(pool)
    const suits = this.#options.suits(pool)
    if (suits && this.#probe && pool.isUp() && (takesWrites || !this.#refused())) this.#install(pool)
    else void pool.end()
    if (!suits && this.#probe) await this.#try()
  }

  #install(pool: Pool<Client>): void {
    this.#stopSearch()
    if (this.#lost && this.#hasAnswered)
      this.#options.log.info({ after_ms: Math.round(performance.now() - this.#lost.at) }, 'database back')
    else if (this.#refused()) this.#options.log.info({}, 'database takes writes again')
    this.#lost = undefined
    this.#readOnly = undefined
    if (this.#current) this.#retired.set(this.#current, performance.now())
    this.#current = pool
    for (const other of this.#tried) void other.end()
  }

  #stopSearch(): void {
    clearInterval(this.#probe)
    this.#probe = undefined
  }
}

export function unavailable(cause: unknown): Problem {
  return new Problem('database-unavailable', 'The database cannot be reached right now. Please try again shortly.', {
    headers: { 'retry-after': '1' },
    cause,
  })
}

/** What the log may hold of an error: messages of the server can carry a user's text. */
function nameOf(error: unknown): string {
  return codeOf(error) ?? (error instanceof Error ? error.name : 'unknown')
}
