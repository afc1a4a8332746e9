import type postgres from 'postgres'
import type { DatabaseLog } from '../database.ts'
import { codeOf } from '../errors.ts'
import type { ConnectionTarget } from './address.ts'
import { openPool, type PoolOptions } from './pool.ts'
import type { Pool } from './pools.ts'
import { judge, NOT_PREPARED } from './verdict.ts'

/** How connections are opened and used. */
interface Way {
  /** Start-up parameters of a session. */
  readonly parameters: Readonly<Record<string, string>>
  /** Whether statements are prepared, and sent ahead. */
  readonly prepare: boolean
}

/**
 * PostgreSQL takes any start-up parameter with a dot in its name. PgBouncer refuses one that it does not know, and so
 * tells that it is there even if its `ignore_startup_parameters` let the deadlines pass.
 */
const UNKNOWN_TO_POOLERS = { 'doable.session': 'own' }

/** PgBouncer's answer to a start-up parameter that it does not take. */
const PROTOCOL_VIOLATION = '08P01'

/** Under which names the server has this very statement. */
const QUESTION = 'select name from pg_catalog.pg_prepared_statements where statement = $1'

/** How long after a failure the pooler is asked again, in milliseconds. */
const ASK_AGAIN_MS = 1000

/**
 * Opens pools as suits what stands before the server. A pooler that hands its connections from client to client may
 * lose prepared statements, and the answers of what was sent ahead. So behind one that shows itself nothing is prepared
 * or sent ahead until it has shown that it keeps statements, as PgBouncer does from 1.21 on.
 */
export class Opener {
  readonly #target: ConnectionTarget
  readonly #options: PoolOptions
  readonly #log: DatabaseLog
  readonly #renew: () => void
  readonly #ways = new WeakMap<Pool<postgres.Sql>, Way>()
  #way: Way
  #asking: Pool<postgres.Sql> | undefined
  #askAgain: Timer | undefined
  #closed = false

  /**
   * @param limits start-up parameters that a pooler refuses.
   * @param renew is called when pools should be replaced, since the pooler keeps prepared statements.
   */
  constructor(
    target: ConnectionTarget,
    options: PoolOptions,
    limits: Readonly<Record<string, string>>,
    log: DatabaseLog,
    renew: () => void,
  ) {
    this.#target = target
    this.#options = options
    this.#log = log
    this.#renew = renew
    const { prepare } = options
    this.#way = { parameters: { ...(prepare && UNKNOWN_TO_POOLERS), ...limits }, prepare }
  }

  open(): Pool<postgres.Sql> {
    const pool = this.#openAs(this.#way, this.#options.pool)
    this.#ways.set(pool, this.#way)
    return pool
  }

  /** Whether the pool was opened as one would be now. */
  suits(pool: Pool<postgres.Sql>): boolean {
    return this.#ways.get(pool) === this.#way
  }

  /** Takes from an error how pools are to be opened. @returns whether that is another way than before. */
  learn(error: unknown): boolean {
    const code = codeOf(error)
    const { parameters, prepare } = this.#way
    if (code === PROTOCOL_VIOLATION && Object.keys(parameters).some((name) => String(error).includes(name))) {
      this.#way = { parameters: {}, prepare: false }
      if (this.#options.prepare && !this.#closed) void this.#ask()
      return true
    }
    if (code === NOT_PREPARED && prepare) {
      this.#way = { parameters, prepare: false }
      this.#advise({ cause: code })
      return true
    }
    return false
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#askAgain)
    await this.#asking?.end()
  }

  #openAs({ parameters, prepare }: Way, pool: number): Pool<postgres.Sql> {
    return openPool(this.#target, { ...this.#options, pool, prepare }, parameters)
  }

  /** Learns, on a connection of its own, whether the pooler keeps prepared statements. */
  async #ask(): Promise<void> {
    const asking = this.#openAs({ parameters: {}, prepare: true }, 1)
    this.#asking = asking
    const late = setTimeout(() => void asking.end(), this.#options.requestTimeoutMs)
    try {
      const rows = await asking.client.unsafe<{ name: string }[]>(QUESTION, [QUESTION], { prepare: true })
      // A pooler that keeps statements has given it another name, for all its clients.
      if (rows.length === 0 || rows.some(({ name }) => name === rows.statement.name)) this.#advise({})
      else {
        this.#way = { parameters: {}, prepare: true }
        this.#renew()
      }
    } catch (error) {
      const code = codeOf(error)
      if (code === NOT_PREPARED || judge(error) === undefined) this.#advise({ cause: code })
      else if (!this.#closed) this.#askAgain = setTimeout(() => void this.#ask(), ASK_AGAIN_MS)
    } finally {
      clearTimeout(late)
      await asking.end()
    }
  }

  #advise(fields: object): void {
    this.#log.warn(
      fields,
      'the database is behind a pooler that may lose prepared statements (26000): they are sent unprepared, one at a time. ' +
        'Set DB_PREPARE=off, or let the pooler keep them (PgBouncer 1.21: max_prepared_statements)',
    )
  }
}
