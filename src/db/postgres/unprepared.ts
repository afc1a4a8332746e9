import type { DatabaseLog } from '../database.ts'
import { codeOf } from '../errors.ts'
import { NOT_PREPARED, staleStatement } from './verdict.ts'

/**
 * How long a statement is sent unprepared, in milliseconds. A direct connection would prepare it anew at once, but a
 * pooler keeps stale ones until it closes its own connections.
 */
const UNPREPARED_MS = 60_000

/** How often the log names the setting that helps, in milliseconds. */
const ADVICE_MS = 600_000

const UNPREPARED = { prepare: false }

/** Statements that the server refused as they were prepared. For a while they are sent unprepared. */
export class Unprepared {
  readonly #until = new Map<string, number>()
  #advised = Number.NEGATIVE_INFINITY

  constructor(readonly log: DatabaseLog) {}

  /** The settings that this statement is to be sent with, in place of these. */
  settings<Settings extends object | undefined>(text: string, settings: Settings): Settings | typeof UNPREPARED {
    const until = this.#until.size === 0 ? undefined : this.#until.get(text)
    if (until === undefined) return settings
    if (performance.now() < until) return UNPREPARED
    this.#until.delete(text)
    return settings
  }

  /** @param error one that `judge` calls stale. */
  add(error: unknown): void {
    const now = performance.now()
    const text = staleStatement(error)
    if (text !== undefined) this.#until.set(text, now + UNPREPARED_MS)
    if (codeOf(error) !== NOT_PREPARED || now - this.#advised < ADVICE_MS) return
    this.#advised = now
    this.log.warn(
      { cause: NOT_PREPARED },
      'the database lost a prepared statement, as poolers do that hand each transaction another connection: ' +
        'set DB_PREPARE=off, or let the pooler keep them (PgBouncer 1.21: max_prepared_statements)',
    )
  }
}
