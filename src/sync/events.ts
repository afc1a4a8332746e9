import type { Bell } from './bell.ts'
import type { ReadChanges } from './changes.ts'

/** A comment this often keeps proxies from taking a quiet stream for a dead one, in milliseconds. */
const HEARTBEAT_MS = 15_000

/** A reader that takes nothing for so long is cut off, and resumes by `Last-Event-ID`. */
const STALLED_MS = 30_000

/** Changes read at once: with the socket's own buffer, all that a stream ever holds; 45 KB each at the very most. */
const PAGE = 20

interface Options {
  user: string
  /** The last revision that the client has seen. */
  since: number
  /** When the token ends, in milliseconds since 1970. */
  expires: number
  bell: Bell
  readChanges: ReadChanges
}

/**
 * A user's changes as server-sent events (HTML standard, 9.2): replayed from `since`,
 * then as they happen. Nothing is read before the client has taken what was there, so a
 * slow reader costs one page. Ends with the token, with the service, when the client has
 * gone or stalled.
 */
export async function* streamEvents({ user, since, expires, bell, readChanges }: Options): AsyncGenerator<string> {
  let seen = since
  try {
    // Says at once that the stream stands; and how soon to come back when it is cut, in milliseconds.
    yield 'retry: 1000\n\n'
    while (!bell.closed && Date.now() < expires) {
      const { changes, next } = await readChanges(user, seen, PAGE)
      seen = next
      if (changes.length > 0) yield changes.map(formatEvent).join('')
      else if (!(await bell.wait(Math.min(HEARTBEAT_MS, expires - Date.now()))) && !bell.closed) yield ':\n\n'
    }
  } catch {
    // Erased, or the database is away: the client comes back, and its next request is told so.
  } finally {
    bell.close()
  }
}

function formatEvent(task: { revision: number }): string {
  return `event: change\nid: ${task.revision}\ndata: ${JSON.stringify(task)}\n\n`
}

/** The response body: pulls an event when the socket has taken the one before. */
export function eventBody(events: AsyncGenerator<string>, bell: Bell): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let waitingSince: number | undefined
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        waitingSince = undefined
        const { value, done } = await events.next()
        if (done) return controller.close()
        controller.enqueue(encoder.encode(value))
        waitingSince = Date.now()
      },
      cancel() {
        bell.close()
      },
    },
    { highWaterMark: 0 },
  )
  bell.watch = () => {
    if (waitingSince !== undefined && Date.now() - waitingSince > STALLED_MS) {
      bell.close()
      void events.return(undefined)
    }
  }
  return body
}
