import { sql } from 'drizzle-orm'
import type { Logger } from 'pino'
import type { Db } from '../db/database.ts'
import { users } from '../db/schema.ts'
import { arrayLiteral, statement } from '../db/statement.ts'
import { Bell } from './bell.ts'

/** How often other replicas' writes are looked for, in milliseconds. */
const POLL_MS = 1000

const selectRevisions = statement(
  'poll_revisions',
  sql`select ${users.id}, ${users.revision} from ${users} where ${users.id} = any(${sql.placeholder('ids')}::text[])`,
  ([id, revision]) => [id as string, Number(revision)] as const,
)

export type Feed = ReturnType<typeof createFeed>

/**
 * Rings for the listeners of a user: at once after this replica's own writes, and after other
 * replicas' by one small query a second for all listeners together. Without listeners there is no
 * query, so that an idle database can sleep. Polling needs no session of its own, so that it works
 * through a transaction pooler.
 *
 * @param noticed is told that somebody has begun to listen, or that another replica has changed what they listen to.
 */
export function createFeed(db: Db, log: Logger, noticed: () => void = () => {}) {
  const bells = new Map<string, Set<Bell>>()
  /** The revisions that the last poll found, by user. */
  let known = new Map<string, number | undefined>()
  let timer: ReturnType<typeof setInterval> | undefined
  let polling = false
  let closed = false

  function ring(user: string): void {
    for (const bell of bells.get(user) ?? []) bell.ring()
  }

  async function poll(): Promise<void> {
    if (polling || bells.size === 0) return
    polling = true
    try {
      const asked = [...bells.keys()]
      const found = new Map(await selectRevisions(db, { ids: arrayLiteral(asked) }))
      // A user without a row has been erased, which is a change as well. A listener may have missed
      // a change before the first poll for its user.
      const changed = asked.filter((user) => !known.has(user) || known.get(user) !== found.get(user))
      for (const user of changed) ring(user)
      if (changed.length > 0) noticed()
      known = new Map(asked.map((user) => [user, found.get(user)]))
    } catch (error) {
      // The next poll tries again; failed requests tell the operator that the database is away.
      log.debug({ cause: error instanceof Error ? error.name : typeof error }, 'polling for changes failed')
    } finally {
      polling = false
    }
  }

  return {
    /** To be called after this replica has committed a change of a user's tasks. */
    ring,

    /** A bell for one listener, who counts until the bell is closed. */
    listen(user: string): Bell {
      const bell = new Bell(() => {
        const set = bells.get(user)
        set?.delete(bell)
        if (set?.size === 0) bells.delete(user)
        if (bells.size === 0) {
          clearInterval(timer)
          timer = undefined
        }
      })
      if (closed) bell.close()
      else {
        bells.set(user, (bells.get(user) ?? new Set()).add(bell))
        timer ??= setInterval(poll, POLL_MS)
        noticed()
      }
      return bell
    },

    /** How many listen to a user. */
    listeners(user: string): number {
      return bells.get(user)?.size ?? 0
    },

    /** Ends all listening: the service is stopping. */
    close(): void {
      closed = true
      for (const set of [...bells.values()]) for (const bell of [...set]) bell.close()
    },

    /** Listeners, for the operator. */
    get size(): number {
      let size = 0
      for (const set of bells.values()) size += set.size
      return size
    },
  }
}
