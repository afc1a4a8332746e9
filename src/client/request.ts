import { refusalIn } from './problem.ts'

export interface Options {
  /** Where Doable is, such as `https://api.example.com`; a path prefix may follow. */
  url: string
  /** The user whose tasks these are. */
  userId: string
  /**
   * Gives a JWT. Called when there is none yet, and again, once, when the service says that
   * it has expired: then with `expired` true, so that a cache is passed by.
   */
  token(why: { expired: boolean }): string | Promise<string>
  /** Another `fetch`, for tests and platforms. */
  fetch?: (request: Request) => Promise<Response>
  /** How often a request is tried in all: 4. */
  attempts?: number
}

export interface Call {
  method?: string
  /** Below the user's path: `/tasks`. */
  path: string
  query?: Record<string, string | number | boolean | readonly (string | number)[] | undefined>
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal | undefined
  /** False where a second time would not do the same as the first: then only what was surely not done is tried again. */
  repeatable?: boolean
}

export type Send = (call: Call) => Promise<Response>

/** Doubling from here up, in milliseconds, where the service does not say how long. */
const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 30_000

/** Behind these a request may have been done, or not. */
const PERHAPS = [502, 503, 504]

/**
 * Sends with the user's token. What failed on the way, or was told to come back, is tried
 * again where that cannot do anything twice.
 */
export function createSend(options: Options): Send {
  const send = options.fetch ?? ((request: Request) => fetch(request))
  const attempts = options.attempts ?? 4
  let token: Promise<string> | undefined

  const currentToken = (expired = false) => {
    token ??= Promise.resolve(options.token({ expired })).catch((error: unknown) => {
      token = undefined
      throw error
    })
    return token
  }

  async function sendOnce(call: Call): Promise<Response> {
    const used = currentToken()
    const response = await send(build(options, call, await used))
    if (response.status !== 401) return response
    const refusal = await refusalIn(response)
    if (refusal.code !== 'token-expired') throw refusal
    // Whoever comes first renews it, for all.
    if (token === used) token = undefined
    return send(build(options, call, await currentToken(true)))
  }

  return async (call) => {
    const { signal, repeatable = true } = call
    for (let attempt = 1; ; attempt++) {
      let wait = Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS)
      try {
        const response = await sendOnce(call)
        if (response.ok || response.status === 304) return response
        const again = response.status === 429 || (repeatable && isPassing(response))
        if (!again || attempt === attempts) throw await refusalIn(response)
        wait = retryAfter(response) ?? wait
        await response.body?.cancel()
      } catch (error) {
        // What `fetch` throws is a network's failure, unless someone has given up.
        if (!(error instanceof TypeError) || !repeatable || attempt === attempts || signal?.aborted) throw error
      }
      await pause(wait, signal)
    }
  }
}

function build({ url, userId }: Options, call: Call, token: string): Request {
  const { method = 'GET', path, query = {}, body, headers = {}, signal } = call
  const address = new URL(`${url.replace(/\/+$/, '')}/api/${encodeURIComponent(userId)}${path}`)
  for (const [name, value] of Object.entries(query))
    for (const item of Array.isArray(value) ? value : [value])
      if (item !== undefined) address.searchParams.append(name, String(item))
  return new Request(address.href, {
    method,
    headers: {
      ...headers,
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  })
}

/** Whether the same request can go well later. A 409 says so where its first twin is still running. */
function isPassing({ status, headers }: Response): boolean {
  return PERHAPS.includes(status) || (status === 409 && headers.has('retry-after'))
}

/** Seconds, or a date (RFC 9110, 10.2.3), in milliseconds from now. */
function retryAfter(response: Response): number | undefined {
  const value = response.headers.get('retry-after')
  if (value === null) return undefined
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), LONGEST_WAIT_MS) : undefined
}

/** Waits, unless it is told to give up. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted()
  await new Promise<void>((done, fail) => {
    const giveUp = () => {
      clearTimeout(timer)
      fail(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', giveUp)
      done()
    }, ms)
    signal?.addEventListener('abort', giveUp, { once: true })
  })
}
