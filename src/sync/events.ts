import type { Bell } from './bell.ts'
import type { ReadChanges, ToldChanges } from './changes.ts'

/** A comment this often, in milliseconds: proxies take a quieter stream for a dead one. */
const HEARTBEAT_MS = 15_000

/**
 * A connection on which nothing could be sent for this long is destroyed by Bun, together with the
 * bytes that it holds for the client, in seconds; Bun looks every 4 s. Above the time between two
 * comments and what a read may take.
 */
export const STALLED_S = 30

/** Changes read at once: with the socket's own buffer, all that a stream ever holds; 45 KB each at the very most. */
const PAGE = 20

interface Options {
  user: string
  /** The last revision that the client has seen. */
  since: number
  /** When the token ends, in milliseconds since 1970. */
  expires: number
  /** Whether the token still counts: its key or its account may be gone before it expires. */
  isAdmitted: () => Promise<boolean>
  bell: Bell
  readChanges: ReadChanges
}

/**
 * A user's changes as server-sent events (HTML standard, 9.2): replayed from `since`,
 * then as they happen. Nothing is read before the client has taken what was there, so a
 * slow reader costs one page. Ends with the token, with the user's history, with the service,
 * and when the client has gone.
 */
export async function* streamEvents({
  user,
  since,
  expires,
  isAdmitted,
  bell,
  readChanges,
}: Options): AsyncGenerator<string> {
  let seen = since
  try {
    // Says at once that the stream stands; and how soon to come back when it is cut, in milliseconds.
    yield 'retry: 1000\n\n'
    let commentAt = Date.now() + HEARTBEAT_MS
    while (!bell.closed && Date.now() < expires && (await isAdmitted())) {
      const page = await readChanges(user, seen, PAGE)
      seen = page.next
      if (page.changes.length + page.lists.length > 0) yield formatEvents(page)
      else {
        const hasRung = await bell.wait(Math.min(commentAt, expires) - Date.now())
        // Writes that change nothing ring, too: they must not keep the comment back.
        if (bell.closed || (hasRung && Date.now() < commentAt)) continue
        yield ':\n\n'
      }
      commentAt = Date.now() + HEARTBEAT_MS
    }
  } catch {
    // Erased, or the database is away: the client comes back, and its next request is told so.
  } finally {
    bell.close()
  }
}

interface Row {
  id: string
  revision: number
  reminded_at?: string | null
}

/** The changes of a page in the order of their revisions. */
function formatEvents({ changes, lists, reminded }: ToldChanges): string {
  const events = changes.map((task) => ({ event: 'change', row: task as Row }))
  if (lists.length > 0) {
    events.push(...lists.map((list) => ({ event: 'list', row: list })))
    events.sort((a, b) => a.row.revision - b.row.revision)
  }
  return events
    .map(({ event, row }) => {
      const data = JSON.stringify(row)
      const reminder = isToldNow(row, reminded) ? `event: reminder\ndata: ${data}\n\n` : ''
      return `${reminder}event: ${event}\nid: ${row.revision}\ndata: ${data}\n\n`
    })
    .join('')
}

/** Reminders older than this, in milliseconds, are told as changes only: whoever begins from 0 must not hear of all. */
const RECENT_MS = 60 * 60_000

/** Whether a listener is to be reminded of a task: once, without an id, so that a stream cut behind it tells it again. */
function isToldNow(row: Row, reminded: ReadonlySet<string> | undefined): boolean {
  return (
    row.reminded_at != null && reminded?.has(row.id) === true && Date.now() - Date.parse(row.reminded_at) < RECENT_MS
  )
}

/** The response body: pulls an event when the socket has taken the one before. */
export function eventBody(events: AsyncGenerator<string>, bell: Bell): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = await events.next()
        if (done) controller.close()
        else controller.enqueue(encoder.encode(value))
      },
      cancel() {
        bell.close()
      },
    },
    { highWaterMark: 0 },
  )
}
