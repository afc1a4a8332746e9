import { cors } from '@elysiajs/cors'
import { Elysia } from 'elysia'
import type { Logger } from 'pino'

/** A caller's id is taken up when it can do no harm in a log or a header. */
const REQUEST_ID = /^[\w.:-]{1,128}$/

/** Slower than this is worth a line in the log, in milliseconds. */
const SLOW_MS = 1000

/** What browsers may read of an answer beside its body (Fetch standard, 3.3.5). */
const EXPOSED = [
  'Allow',
  'ETag',
  'Idempotency-Replayed',
  'Link',
  'Location',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'Set-Auth-Jwt',
  'Set-Auth-Token',
  'WWW-Authenticate',
  'X-Request-Id',
  'X-Total-Count',
]

/** What browsers may send. */
const ALLOWED = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-Match',
  'If-None-Match',
  'Last-Event-ID',
  'X-Request-Id',
]

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

/**
 * What every request meets first: an id, which the answer and the log carry, and the
 * headers that hold for every answer, errors included.
 */
export function requestStage(
  allowedMethods: (path: string) => string | undefined,
  isStopping: () => boolean = () => false,
) {
  return new Elysia({ name: 'request' })
    .headers({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'private, no-cache',
    })
    .onRequest(({ request, set }) => {
      // The client takes its next request elsewhere, rather than to a connection that is about to end.
      if (isStopping()) set.headers['connection'] = 'close'
      const given = request.headers.get('x-request-id')
      set.headers['x-request-id'] = given !== null && REQUEST_ID.test(given) ? given : Bun.randomUUIDv7()
      if (request.method === 'OPTIONS' && !request.headers.has('access-control-request-method')) {
        // A question about the address rather than a browser's preflight (RFC 9110, 9.3.7).
        const allow = allowedMethods(new URL(request.url).pathname)
        if (allow !== undefined) return new Response(null, { status: 204, headers: { allow } })
      }
      return undefined
    })
}

/**
 * Cross-origin answers, by @elysiajs/cors, for the listed origins only. What only a browser
 * reads goes to requests that name their origin, and what only a preflight can use to
 * preflights: sent with everything, it would be half of the headers of an answer.
 */
export function corsStage(origins: readonly string[]) {
  const any = origins.includes('*')
  const exposed = {
    'access-control-expose-headers': EXPOSED.join(', '),
    ...(any ? {} : { 'access-control-allow-credentials': 'true' }),
  }
  const allowed = {
    'access-control-allow-headers': ALLOWED.join(', '),
    'access-control-allow-methods': METHODS.join(', '),
  }
  const byPlugin = cors({
    // Compared here: of a text, the plugin would also take what only ends like a listed origin
    // (`evil://https://app.example.com`), and every member of Object.prototype.
    origin: any ? '*' : ({ headers }) => origins.includes(headers.get('origin') ?? ''),
    maxAge: 600,
    credentials: false,
    methods: false,
    // What turns these off for the plugin, though its types do not say so.
    allowedHeaders: false as never,
    exposeHeaders: false as never,
  })
  return new Elysia({ name: 'cors' })
    .onRequest(({ request, set }) => {
      if (!request.headers.has('origin')) return
      Object.assign(set.headers, exposed, request.method === 'OPTIONS' ? allowed : undefined)
    })
    .use(byPlugin)
}

/**
 * Writes a line for each request at `debug`, and for slow and failed ones at `warn`. The
 * query is left out: a search there is a task's text.
 *
 * @param answered is told of every answer, for those who count.
 * @param trace the fields that join a line to a trace.
 */
export function accessLog(
  log: Logger,
  answered?: (method: string, path: string, status: number, seconds: number) => void,
  trace: TraceFields = traceOf,
) {
  // Elysia's type for a wrapper knows no more than `Function`.
  return (handle: (...args: unknown[]) => unknown) => async (request: Request) => {
    const start = performance.now()
    const response = (await handle(request)) as Response
    const elapsed = performance.now() - start
    const ms = Math.round(elapsed)
    answered?.(request.method, new URL(request.url).pathname, response.status, elapsed / 1000)
    const level = response.status >= 500 || ms >= SLOW_MS ? 'warn' : 'debug'
    if (log.isLevelEnabled(level))
      log[level](
        {
          request_id: response.headers.get('x-request-id'),
          ...trace(request),
          method: request.method,
          path: new URL(request.url).pathname,
          status: response.status,
          ms,
        },
        'request',
      )
    return response
  }
}

/** Version 00 of a `traceparent` (W3C Trace Context, 3.2); a trace or a parent of zeros is none. */
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}$/

/** The fields of a log line that say whose request it is about: the client's address, and the trace it belongs to. */
export type TraceFields = (request: Request) => {
  client?: string | undefined
  trace_id?: string
  parent_id?: string
  span_id?: string
}

/** Joins a log line to the caller's trace, where the request belongs to one. */
export function traceOf(request: Request): { trace_id?: string; parent_id?: string } {
  const [, trace_id, parent_id] = TRACEPARENT.exec(request.headers.get('traceparent') ?? '') ?? []
  return trace_id === undefined || parent_id === undefined ? {} : { trace_id, parent_id }
}
