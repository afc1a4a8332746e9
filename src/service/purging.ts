import type { Activity } from './activity.ts'

/** How often the trash is emptied where the database is used, in milliseconds. */
const PURGE_MS = 60 * 60_000

/** How often it is looked whether that is due, in milliseconds. */
const LOOK_MS = 30_000

export interface PurgingOptions {
  activity: Activity
  /** Empties the trash. Replicas may run it at once: the second finds nothing left to do. Never rejects. */
  purge(): Promise<void>
  /** Milliseconds of a clock that never goes back. */
  now?: () => number
}

/**
 * Says when the trash is to be emptied: an hour after the last time or the start, as soon as
 * requests use the database. A database without requests sleeps on.
 */
export function createPurging({ activity, purge, now = () => performance.now() }: PurgingOptions) {
  let purgedAt = now()

  async function look(): Promise<void> {
    if (now() - purgedAt < PURGE_MS || !activity.isRecent()) return
    purgedAt = now()
    await activity.aside(purge)
  }

  return {
    look,
    /** Looks from now on. @returns what ends it. */
    start(): () => void {
      const timer = setInterval(look, LOOK_MS)
      return () => clearInterval(timer)
    },
  }
}
