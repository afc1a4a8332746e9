import type { List } from '../../src/lists/model.ts'
import type { Task } from '../../src/tasks/model.ts'
import type { Target } from './boot.ts'

export type Stream = Awaited<ReturnType<typeof openStream>>

interface Options {
  headers?: Record<string, string>
  /** Where to connect to, if not to the target itself. */
  url?: string
  token?: string
}

/** Follows a user's events as a client would; `query` begins with `?`. */
export async function openStream(target: Target, user: string, query = '', options: Options = {}) {
  const abort = new AbortController()
  const token = options.token ?? (await target.tokens.sign(user, 3600))
  const response = await fetch(`${options.url ?? target.url}/api/${encodeURIComponent(user)}/events${query}`, {
    headers: { ...options.headers, authorization: `Bearer ${token}` },
    signal: abort.signal,
  })
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
  const seen: { id: number; task: Task }[] = []
  const lists: { id: number; list: List }[] = []
  const ids: number[] = []
  const reminders: Task[] = []
  let text = ''
  let wake = () => {}
  let isOver = false

  /** Resolves when the stream is over: `end`, or `cut` where the connection broke. */
  const ended = (async () => {
    const decoder = new TextDecoder()
    try {
      for await (const chunk of response.body ?? []) {
        text += decoder.decode(chunk, { stream: true })
        const blocks = text.split('\n\n')
        text = blocks.pop() ?? ''
        for (const block of blocks) {
          const [, event, id, data] = /^event: (change|list)\nid: (\d+)\ndata: (.*)$/s.exec(block) ?? []
          const [, reminder] = /^event: reminder\ndata: (.*)$/s.exec(block) ?? []
          if (id !== undefined) ids.push(Number(id))
          if (reminder !== undefined) reminders.push(JSON.parse(reminder) as Task)
          else if (event === 'list' && data !== undefined)
            lists.push({ id: Number(id), list: JSON.parse(data) as List })
          else if (data !== undefined) seen.push({ id: Number(id), task: JSON.parse(data) as Task })
          else if (!/^(retry: \d+|:)$/.test(block)) throw new Error(`not an event of ours: ${block}`)
        }
        wake()
      }
      return 'end' as const
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('not an event')) throw error
      return 'cut' as const
    } finally {
      isOver = true
      wake()
    }
  })()

  return {
    response,
    /** Everything about tasks so far. */
    seen,
    /** Everything about lists so far. */
    lists,
    /** The revisions of both, as they came. */
    ids,
    /** The tasks of which it was told that they remind. */
    reminders,
    ended,
    /** The first `count` events, as soon as they are there. @throws Error after `ms` milliseconds, or at the end. */
    async first(count: number, ms = 20_000) {
      const late = Date.now() + ms
      while (seen.length < count) {
        if (isOver || Date.now() > late) throw new Error(`${seen.length} events instead of ${count}`)
        const { promise, resolve } = Promise.withResolvers<void>()
        wake = resolve
        await Promise.race([promise, Bun.sleep(Math.max(1, late - Date.now()))])
      }
      return seen.slice(0, count)
    },
    async close() {
      abort.abort()
      await ended
    },
  }
}
