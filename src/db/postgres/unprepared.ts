import { staleStatement } from './verdict.ts'

/**
 * How long a statement is sent unprepared, in milliseconds. A direct connection would prepare it anew at once, but a
 * pooler keeps stale ones until it closes its own connections.
 */
const UNPREPARED_MS = 60_000

const UNPREPARED = { prepare: false }

/** Statements that the server refused as they were prepared. For a while they are sent unprepared. */
export class Unprepared {
  readonly #until = new Map<string, number>()

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
    const text = staleStatement(error)
    if (text !== undefined) this.#until.set(text, performance.now() + UNPREPARED_MS)
  }
}
