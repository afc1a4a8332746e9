import { createParser } from 'eventsource-parser'
import { DoableError } from './problem.ts'
import { pause, type Send } from './request.ts'
import type { Task } from './types.ts'

/** The user's counter as it stands. */
export async function currentRevision(send: Send, signal: AbortSignal | undefined): Promise<number> {
  const { headers } = await send({ method: 'HEAD', path: '/tasks', query: { limit: 1 }, signal })
  return Number(/\d+/.exec(headers.get('etag') ?? '')?.[0] ?? 0)
}

export interface WatchOptions {
  /** The revision after which to begin; without it, now. */
  since?: number
  signal?: AbortSignal
}

/** How soon to come back when the stream is cut, in milliseconds, until the service says otherwise. */
const RETRY_MS = 1000
const LONGEST_RETRY_MS = 30_000

/** The service says something every 15 s: a stream that has been quiet for so long is dead. */
const SILENCE_MS = 45_000

/**
 * Changes as they happen, each task in its latest state, deleted ones with `deleted_at`.
 * Comes back by itself when the stream is cut and goes on where it was (`Last-Event-ID`,
 * HTML standard, 9.2): nothing is missed and nothing comes twice. Ends when `signal` says
 * so or the loop is left; throws when the service refuses.
 */
export async function* watch(send: Send, { since, signal }: WatchOptions): AsyncGenerator<Task, void, void> {
  // Also before the first event: a stream that is cut by then must go on from here.
  let seen = since ?? (await currentRevision(send, signal))
  let retry = RETRY_MS
  let failures = 0
  while (!signal?.aborted) {
    const left = new AbortController()
    const both = signal ? AbortSignal.any([signal, left.signal]) : left.signal
    try {
      const response = await send({
        path: '/events',
        headers: { accept: 'text/event-stream', 'last-event-id': String(seen) },
        signal: both,
      })
      for await (const event of eventsIn(response, () => left.abort())) {
        failures = 0
        if (event.retry !== undefined) retry = event.retry
        if (event.task === undefined || event.task.revision <= seen) continue
        seen = event.task.revision
        yield event.task
      }
    } catch (error) {
      if (signal?.aborted) return
      if (error instanceof DoableError && error.status < 500 && error.status !== 429) throw error
      failures++
    } finally {
      left.abort()
    }
    await pause(Math.min(retry * 2 ** failures, LONGEST_RETRY_MS), signal).catch(() => {})
  }
}

interface Event {
  task?: Task
  retry?: number
}

async function* eventsIn(response: Response, quiet: () => void): AsyncGenerator<Event> {
  const events: Event[] = []
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event === 'change') events.push({ task: JSON.parse(data) as Task })
    },
    onRetry: (retry) => events.push({ retry }),
  })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let timer: ReturnType<typeof setTimeout> | undefined
  try {
    for (;;) {
      timer = setTimeout(quiet, SILENCE_MS)
      const { value, done = true } = (await reader?.read()) ?? {}
      clearTimeout(timer)
      if (done) return
      parser.feed(value ?? '')
      yield* events.splice(0)
    }
  } finally {
    clearTimeout(timer)
    await reader?.cancel().catch(() => {})
  }
}
