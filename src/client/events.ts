import { createParser } from 'eventsource-parser'
import type { List } from './list.ts'
import type { Task } from './task.ts'

/** The service sends something every 15 s: a stream that is quiet for this long is dead. */
const SILENCE_MS = 45_000

export interface StreamEvent {
  /** The task, where it is an event about one. */
  task?: Task
  /** The list, where it is an event about one. */
  list?: List
  /** The task that reminds, where it is an event about that. It has no `id`: the task's change follows. */
  reminder?: Task
  /** The revision of what the event is about. */
  id?: number
  /** How long to wait before connecting again, in milliseconds. */
  retry?: number
}

/**
 * The server-sent events of an answer (HTML standard, 9.2), until it ends or is cut.
 *
 * @param quiet called when nothing has come for too long: it must abort the request.
 */
export async function* eventsIn(response: Response, quiet: () => void): AsyncGenerator<StreamEvent> {
  const events: StreamEvent[] = []
  const parser = createParser({
    onEvent: ({ event, id, data }) => {
      const row =
        event === 'change'
          ? { task: JSON.parse(data) as Task }
          : event === 'list'
            ? { list: JSON.parse(data) as List }
            : event === 'reminder'
              ? { reminder: JSON.parse(data) as Task }
              : {}
      events.push({ ...row, ...(id !== undefined && /^\d+$/.test(id) && { id: Number(id) }) })
    },
    onRetry: (retry) => events.push({ retry }),
  })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  const read = async () => {
    const timer = setTimeout(quiet, SILENCE_MS)
    try {
      return (await reader?.read())?.value
    } catch {
      // The connection was cut. The stream is resumed then, as after its end.
      return undefined
    } finally {
      clearTimeout(timer)
    }
  }
  try {
    for (let text = await read(); text !== undefined; text = await read()) {
      parser.feed(text)
      yield* events.splice(0)
    }
  } finally {
    await reader?.cancel().catch(() => {})
  }
}
