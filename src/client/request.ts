import { refusalIn } from './problem.ts'
import { createTokens, type TokenOptions } from './token.ts'

export interface Options extends TokenOptions {
  /** Where Doable is, such as `https://api.example.com`; a path prefix may follow. */
  url: string
  /** The user whose tasks these are. */
  userId: string
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
  /** Sent as JSON. */
  body?: unknown
  /** Sent as it is, in place of `body`. */
  file?: { type: string; content: string | Blob }
  headers?: Record<string, string>
  signal?: AbortSignal | undefined
  /** False where doing it twice is not the same as once: it is then tried again only where it was certainly not done. */
  repeatable?: boolean
}

/** What came of one attempt: an answer, or the error of a network that failed. */
export type Attempt = { response: Response } | { failure: unknown }

export interface Transport {
  /** @throws DoableError for a refused token, or the error of the token callback. */
  attempt(call: Call): Promise<Attempt>
  /** Tries again after failures that may pass. @throws DoableError, or the network's error after the last attempt. */
  send(call: Call): Promise<Response>
}

/** The first wait where the service does not say how long, in milliseconds. Each further one is twice as long. */
const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 30_000

/** Statuses after which it is unknown whether the request was done. */
const PERHAPS = [502, 503, 504]

/**
 * Sends with the user's token. A request that failed on the way, or that the service asked to send
 * again later, is tried again where that cannot do anything twice.
 *
 * @throws TypeError when `url` or `userId` cannot be used.
 */
export function createTransport(options: Options): Transport {
  const base = baseOf(options)
  const fetchIt = options.fetch ?? ((request: Request) => fetch(request))
  const attempts = options.attempts ?? 4
  const tokens = createTokens(options)

  async function sendWith(token: string, call: Call): Promise<Attempt> {
    // Outside of `try`: a request that cannot be built is no failure of the network.
    const request = build(base, call, token)
    try {
      return { response: await fetchIt(request) }
    } catch (failure) {
      call.signal?.throwIfAborted()
      return { failure }
    }
  }

  async function attempt(call: Call): Promise<Attempt> {
    for (let isRenewed = false; ; isRenewed = true) {
      const used = tokens.current()
      const outcome = await sendWith(await used, call)
      if ('failure' in outcome) return outcome
      if (outcome.response.status !== 401) {
        tokens.accept()
        return outcome
      }
      const challenge = outcome.response.headers.get('www-authenticate') ?? ''
      const refusal = await refusalIn(outcome.response)
      // A gateway may have refused it, whose answer names no code of ours: after
      // `invalid_token` a client may ask for another token and try again (RFC 6750, 3.1).
      const isStale =
        refusal.code === 'token-expired' || (refusal.code === 'unknown' && /\binvalid_token\b/.test(challenge))
      if (isRenewed || !isStale) {
        tokens.reject(used, refusal)
        throw refusal
      }
      tokens.forget(used)
    }
  }

  async function send(call: Call): Promise<Response> {
    const { signal, repeatable = true } = call
    for (let tried = 1; ; tried++) {
      const outcome = await attempt(call)
      let wait = Math.min(FIRST_WAIT_MS * 2 ** (tried - 1), LONGEST_WAIT_MS)
      if ('failure' in outcome) {
        if (!repeatable || tried === attempts) throw outcome.failure
      } else {
        const { response } = outcome
        if (isAnswer(response)) return response
        const again = response.status === 429 || (repeatable && isPassing(response))
        if (!again || tried === attempts) throw await refusalIn(response)
        wait = retryAfter(response) ?? wait
        await response.body?.cancel()
      }
      await pause(wait, signal)
    }
  }

  return { attempt, send }
}

/** The address of the user's resources. */
function baseOf({ url, userId }: Options): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  // `localhost:8000` does parse: as the scheme `localhost:`.
  if (!parsed || !/^https?:$/.test(parsed.protocol))
    throw new TypeError(`url must begin with http:// or https://, such as https://api.example.com; it is ${show(url)}`)
  if (typeof userId !== 'string' || userId === '')
    throw new TypeError(`userId must be the id of a user; it is ${show(userId)}`)
  return `${parsed.origin}${parsed.pathname.replace(/\/+$/, '')}/api/${encodeURIComponent(userId)}`
}

/** For error messages: callers without TypeScript may give anything. */
const show = (value: unknown) => JSON.stringify(value) ?? String(value)

function build(base: string, call: Call, token: string): Request {
  const { method = 'GET', path, query = {}, body, file, headers = {}, signal } = call
  const address = new URL(base + path)
  for (const [name, value] of Object.entries(query))
    for (const item of Array.isArray(value) ? value : [value])
      if (item !== undefined) address.searchParams.append(name, String(item))
  const content = file ?? (body === undefined ? undefined : { type: 'application/json', content: JSON.stringify(body) })
  return new Request(address.href, {
    method,
    headers: { ...headers, authorization: `Bearer ${token}`, ...(content && { 'content-type': content.type }) },
    ...(content && { body: content.content }),
    ...(signal && { signal }),
  })
}

export function isAnswer({ ok, status }: Response): boolean {
  return ok || status === 304
}

/** Whether the same request may succeed later. A 409 says so where the first one under its key is still running. */
function isPassing({ status, headers }: Response): boolean {
  return PERHAPS.includes(status) || (status === 409 && headers.has('retry-after'))
}

/** Seconds, or a date (RFC 9110, 10.2.3), in milliseconds from now. */
export function retryAfter(response: Response): number | undefined {
  const value = response.headers.get('retry-after')
  if (value === null) return undefined
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), LONGEST_WAIT_MS) : undefined
}

/** Waits. @throws what `signal` gives as its reason, when it is aborted. */
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
