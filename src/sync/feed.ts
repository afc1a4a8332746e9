import { sql } from 'drizzle-orm'
import type { Logger } from 'pino'
import type { Db } from '../db/open.ts'
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
 * Rings for whoever listens to a user: at once for this replica's own writes, and for
 * other replicas' by one small query a second for all listeners together. Without
 * listeners there is no query, so that an idle database can sleep; and it needs no
 * session of its own, so that it works through a transaction pooler.
 */
export function createFeed(db: Db, log: Logger) {
  const bells = new Map<string, Set<Bell>>()
  /** What the last poll found, of those listened to. */
  let known = new Map<string, number | undefined>()
  let timer: ReturnType<typeof setInterval> | undefined
  let polling = false
  let closed = false

  function ring(user: string): void {
    for (const bell of bells.get(user) ?? []) bell.ring()
  }

  async function poll(): Promise<void> {
    for (const set of bells.values()) for (const bell of set) bell.watch?.()
    if (polling || bells.size === 0) return
    polling = true
    try {
      const asked = [...bells.keys()]
      const found = new Map(await selectRevisions(db, { ids: arrayLiteral(asked) }))
      // A user who is gone has been erased, which is a change as well; and what a new
      // listener has missed before the first look at its user is not known.
      for (const user of asked) if (!known.has(user) || known.get(user) !== found.get(user)) ring(user)
      known = new Map(asked.map((user) => [user, found.get(user)]))
    } catch (error) {
      // The next second tries again; requests tell the operator what is the matter.
      log.debug({ cause: error instanceof Error ? error.name : typeof error }, 'polling for changes failed')
    } finally {
      polling = false
    }
  }

  return {
    /** This replica has changed a user's tasks, and that is committed. */
    ring,

    /** A bell for one listener; `close` it when nobody listens any more. */
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
