import type postgres from 'postgres'
import { causes, Problem } from '../../problem.ts'
import type { Time } from '../database.ts'
import { codeOf } from '../errors.ts'
import type { Work } from '../postgres/guard.ts'
import { unavailable } from '../postgres/pools.ts'
import { runTransaction, sendStatement, type Transaction } from '../postgres/work.ts'
import { ENGINE_GONE } from './wire.ts'

/** Statements and transactions under way, at most: further ones are answered 503 at once, so that waiting is bounded. */
const MAX_UNDER_WAY = 10_000

/** SQLSTATEs that say "not now" (PostgreSQL manual, appendix A), a full disk (53100) among them. */
const NOT_NOW = /^(08...|53...|57...|58030|25006|40001|40P01|55P03)$/

/** The connection has ended, by us or with its engine. */
const BROKEN = new RegExp(`^(CONNECT.*|ERR_STREAM.*|${ENGINE_GONE})$`)

export interface ClientOptions {
  /** Sees every statement and transaction, as it begins. */
  time: Time
  /** The longest that anybody waits for a statement, its turn included, in milliseconds. */
  deadlineMs: number
  /** Why there is no engine at present: work is then refused at once. */
  away(): Error | undefined
}

/**
 * Stands between Drizzle and postgres.js, so that every answer comes within the deadline. What the engine has
 * begun cannot be stopped: whoever waits for it is answered, and the engine finishes it.
 */
export class DeadlineClient {
  /** Read by Drizzle, which sets its own parsers in them. */
  readonly options = { parsers: {}, serializers: {} }
  readonly #sql: postgres.Sql
  readonly #options: ClientOptions
  readonly #underWay = new Set<Promise<unknown>>()

  constructor(sql: postgres.Sql, options: ClientOptions) {
    this.#sql = sql
    this.#options = options
  }

  unsafe(text: string, parameters: never[], settings: postgres.UnsafeQueryOptions) {
    const run = (arrays: boolean) =>
      this.#run(() => sendStatement(this.#sql.unsafe(text, parameters, settings), arrays), text)
    return {
      values: () => run(true),
      // biome-ignore lint/suspicious/noThenProperty: a query of postgres.js is a thenable, and so is this
      then: <A, B>(done: (rows: unknown) => A, failed: (error: unknown) => B) => run(false).then(done, failed),
    }
  }

  begin(work: Transaction): Promise<unknown> {
    return this.#run((renew) => runTransaction(this.#sql, work, renew), 'begin')
  }

  /** Waits for what is under way, so many milliseconds at most. @returns whether all of it has ended. */
  async settle(ms: number): Promise<boolean> {
    const giveUp = performance.now() + ms
    while (this.#underWay.size > 0 && performance.now() < giveUp)
      await Promise.race([Promise.allSettled(this.#underWay), Bun.sleep(giveUp - performance.now())])
    return this.#underWay.size === 0
  }

  #run(start: (renew: () => void) => Work<unknown>, text: string): Promise<unknown> {
    const refusal =
      this.#underWay.size < MAX_UNDER_WAY ? this.#options.away() : new Error('too many statements are waiting')
    return refusal ? Promise.reject(unavailable(refusal)) : this.#options.time(this.#bounded(start), text)
  }

  /** @param start `renew` gives work of many statements the whole deadline for its next one. */
  async #bounded(start: (renew: () => void) => Work<unknown>): Promise<unknown> {
    const { promise: late, reject } = Promise.withResolvers<never>()
    const expire = () => {
      reject(unavailable(tooLate()))
      work.abandon()
    }
    const arm = () => setTimeout(expire, this.#options.deadlineMs)
    let timer = arm()
    const work = start(() => {
      clearTimeout(timer)
      timer = arm()
    })
    const settled = Promise.resolve(work.result)
    this.#underWay.add(settled)
    const done = () => this.#underWay.delete(settled)
    settled.then(done, done)
    try {
      return await Promise.race([settled, late])
    } catch (error) {
      throw isNotNow(error) ? unavailable(error) : error
    } finally {
      clearTimeout(timer)
    }
  }
}

function tooLate(): Error {
  return new Error('the embedded database has not answered within REQUEST_TIMEOUT_MS')
}

function isNotNow(error: unknown): boolean {
  if (causes(error).some((cause) => cause instanceof Problem)) return false
  const code = codeOf(error) ?? ''
  return NOT_NOW.test(code) || BROKEN.test(code)
}
