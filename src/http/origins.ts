/** An origin of this machine, and its port, which may be left out (RFC 6454, 6.1). */
const LOCAL = /^(http:\/\/(?:localhost|127\.0\.0\.1|\[::1\]))(?::\d{1,5})?$/

const ANY_PORT = ':*'

export type Origins = ReturnType<typeof createOrigins>

/**
 * The origins whose pages may read answers.
 *
 * @param listed origins as browsers send them; `http://localhost:*`, `http://127.0.0.1:*` and
 * `http://[::1]:*` stand for every port; `*` alone for every origin.
 */
export function createOrigins(listed: readonly string[]) {
  const exact = new Set(listed.filter((origin) => origin !== '*' && !origin.endsWith(ANY_PORT)))
  const onAnyPort = new Set(
    listed.filter((origin) => origin.endsWith(ANY_PORT)).map((origin) => origin.slice(0, -ANY_PORT.length)),
  )
  return {
    listed,
    /** The origins that are listed without a wildcard. */
    exact: [...exact],
    any: listed.includes('*'),
    /** Whether an origin is listed, apart from `*`. Compares the whole text. */
    allows: (origin: string) => exact.has(origin) || onAnyPort.has(LOCAL.exec(origin)?.[1] ?? ''),
  }
}

/**
 * The scheme that the browser uses. `X-Forwarded-Proto` is believed from any peer: a client that
 * forges it breaks only its own cookies.
 */
export function schemeOf(request: Request): 'http' | 'https' {
  const [forwarded] = (request.headers.get('x-forwarded-proto') ?? '').split(',')
  return (forwarded?.trim() || new URL(request.url).protocol.slice(0, -1)) === 'https' ? 'https' : 'http'
}

/** The origin under which the client reaches the service, by its `Host`: a client that forges it fools only itself. */
export function originOf(request: Request): string {
  return `${schemeOf(request)}://${request.headers.get('host') ?? new URL(request.url).host}`
}

/** Refused origins that a process logs in its life, at most: a client can send any `Origin`. */
const MAX_TOLD = 100

/**
 * Reports each refused origin once, with the setting that would allow it: the browser shows its
 * user only that the request failed.
 */
export function createRefusals({ listed }: Origins, tell: (origin: string, setting: string) => void) {
  const told = new Set<string>()
  return (origin: string, request: Request): void => {
    if (told.size >= MAX_TOLD || told.has(origin) || origin.length > 255 || URL.parse(origin)?.origin !== origin) return
    // Browsers send `Origin` with same-origin POSTs, too.
    if (origin === `${schemeOf(request)}://${request.headers.get('host')}`) return
    told.add(origin)
    tell(origin, `CORS_ORIGINS=${[...listed, origin].join(',')}`)
  }
}
