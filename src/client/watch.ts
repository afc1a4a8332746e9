import { eventsIn } from './events.ts'
import type { List } from './list.ts'
import { DoableError, refusalIn } from './problem.ts'
import { type Call, isAnswer, pause, retryAfter, type Transport } from './request.ts'
import type { Task } from './task.ts'

/**
 * Asks for the user's counter without reading any task: `*` matches every list, so the answer is a
 * 304 with its entity tag (RFC 9110, 13.1.2). A HEAD would give the same, but its refusals have no
 * body that says why.
 */
export const revisionCall: Call = { path: '/tasks', query: { limit: 1 }, headers: { 'if-none-match': '*' } }

/** The user's counter, from the entity tag of an answer. */
export function revisionIn({ headers }: Response): number {
  return Number(/\d+/.exec(headers.get('etag') ?? '')?.[0] ?? 0)
}

export interface WatchOptions {
  /** The revision after which to begin; without it, now. */
  since?: number
  signal?: AbortSignal
  /**
   * A list has changed; a deleted one has `deleted_at`. Awaited, in its place between the tasks: a list comes before
   * the tasks that were put into it later.
   */
  onList?: (list: List) => void | Promise<void>
  /**
   * A task's `remind_at` has come: the moment for a notification. Awaited; then the task follows, with its
   * `reminded_at`. Told once, but again where the connection is cut in between.
   */
  onReminder?: (task: Task) => void | Promise<void>
  /**
   * The user's history has begun anew (everything was erased, or a backup was restored), and
   * no revision from before means anything now: forget all tasks and lists. Awaited; then everything
   * of the new history follows. Without it `watch` throws the refusal (410, `history-gone`).
   */
  onReset?: () => void | Promise<void>
}

/** How soon to come back when the stream is cut, in milliseconds, until the service says otherwise. */
const RETRY_MS = 1000
const LONGEST_RETRY_MS = 30_000

/**
 * Changes as they happen, each task in its latest state, deleted ones with `deleted_at`.
 * While the network or the service fails, from the start or later, it comes back by itself
 * and goes on where it was (`Last-Event-ID`, HTML standard, 9.2): nothing is missed and
 * nothing comes twice. Ends when `signal` is aborted or the loop is left.
 *
 * @throws DoableError when the service refuses, or the error of the token callback.
 */
export async function* watch(
  { attempt }: Transport,
  { since, signal, onList, onReminder, onReset }: WatchOptions,
): AsyncGenerator<Task, void, void> {
  let seen = since
  let retry = RETRY_MS
  let failures = 0
  while (!signal?.aborted) {
    const left = new AbortController()
    const both = signal ? AbortSignal.any([signal, left.signal]) : left.signal
    let wait: number | undefined
    try {
      const outcome = await attempt({ ...(seen === undefined ? revisionCall : eventsAfter(seen)), signal: both })
      const response = 'response' in outcome ? outcome.response : undefined
      if (!response || !isAnswer(response)) {
        failures++
        wait = response && (await waitAfter(response))
      } else {
        failures = 0
        if (seen === undefined) {
          seen = revisionIn(response)
          continue
        }
        for await (const event of eventsIn(response, () => left.abort())) {
          if (event.retry !== undefined) retry = event.retry
          if (event.reminder) await onReminder?.(event.reminder)
          if (event.id === undefined || event.id <= seen) continue
          seen = event.id
          if (event.list) await onList?.(event.list)
          if (event.task) yield event.task
        }
      }
    } catch (error) {
      if (signal?.aborted) return
      if (!onReset || seen === 0 || !(error instanceof DoableError) || error.status !== 410) throw error
      await onReset()
      seen = 0
      continue
    } finally {
      left.abort()
    }
    await pauseOffline(wait ?? Math.min(retry * 2 ** Math.max(failures - 1, 0), LONGEST_RETRY_MS), signal)
  }
}

function eventsAfter(revision: number): Call {
  return { path: '/events', headers: { accept: 'text/event-stream', 'last-event-id': String(revision) } }
}

/** How long the service asks to wait, in milliseconds. @throws DoableError for a refusal that cannot pass. */
async function waitAfter(response: Response): Promise<number | undefined> {
  if (response.status < 500 && response.status !== 429) throw await refusalIn(response)
  await response.body?.cancel()
  return retryAfter(response)
}

/** Waits until the time is over, the signal is aborted, or a browser says that the network is back. */
async function pauseOffline(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const online = new AbortController()
  const wake = () => online.abort()
  globalThis.addEventListener?.('online', wake)
  await pause(ms, signal ? AbortSignal.any([signal, online.signal]) : online.signal).catch(() => {})
  globalThis.removeEventListener?.('online', wake)
}
