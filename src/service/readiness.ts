import type { Activity } from './activity.ts'

/** Whether the service can answer requests. */
export class Readiness {
  readonly #activity: Activity
  readonly #askDatabase: () => Promise<boolean>
  #isLeaving = false
  #lastKnown = true

  /** @param askDatabase rejects, or resolves false, while the database cannot be used. */
  constructor(activity: Activity, askDatabase: () => Promise<boolean>) {
    this.#activity = activity
    this.#askDatabase = askDatabase
  }

  /** The service stops: not ready from now on. */
  leave(): void {
    this.#isLeaving = true
  }

  /** Rejects, or resolves false, while the service cannot answer. */
  async ask(): Promise<boolean> {
    return !this.#isLeaving && (await this.#askDatabase())
  }

  /** The same for a look that repeats: a database that may sleep is not woken, and counts as it was when last used. */
  async asKnown(): Promise<boolean> {
    if (this.#isLeaving) return false
    if (!this.#lastKnown || this.#activity.isRecent())
      this.#lastKnown = await this.#activity.aside(this.#askDatabase).catch(() => false)
    return this.#lastKnown
  }
}
