import { cors } from '@elysiajs/cors'
import { Elysia } from 'elysia'
import type { Logger } from 'pino'
import { pathOf } from './address.ts'
import { createRefusals, type Origins } from './origins.ts'

/** Request ids that are taken over from the client: harmless in logs and headers. */
const REQUEST_ID = /^[\w.:-]{1,128}$/

/** Requests slower than this are logged, in milliseconds. */
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
  'X-Partial',
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
  'MCP-Protocol-Version',
  'Mcp-Method',
  'Mcp-Name',
  'X-Request-Id',
]

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

/**
 * The first stage: gives a request its id, which answer and log carry, and sets the headers that
 * every answer has, errors included.
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
      // So that the client opens another connection for its next request: this one is about to be closed.
      if (isStopping()) set.headers['connection'] = 'close'
      const given = request.headers.get('x-request-id')
      set.headers['x-request-id'] = given !== null && REQUEST_ID.test(given) ? given : Bun.randomUUIDv7()
      if (request.method === 'OPTIONS' && !request.headers.has('access-control-request-method')) {
        // Not a browser's preflight: asks for the methods of the address (RFC 9110, 9.3.7).
        const allow = allowedMethods(pathOf(request.url))
        if (allow !== undefined) return new Response(null, { status: 204, headers: { allow } })
      }
      return undefined
    })
}

/**
 * Cross-origin answers, by @elysiajs/cors, for the listed origins only; a refused origin is logged
 * once. Headers for browsers are sent only to requests with `Origin`, and those for preflights only
 * to preflights: on every answer they would be half of its headers.
 */
export function corsStage(origins: Origins, log: Logger) {
  const { any } = origins
  const refused = createRefusals(origins, (origin, setting) =>
    log.warn({ origin }, `refused a page of another origin; to let it in, set ${setting}`),
  )
  const exposed = {
    'access-control-expose-headers': EXPOSED.join(', '),
    ...(any ? {} : { 'access-control-allow-credentials': 'true' }),
  }
  const allowed = {
    'access-control-allow-headers': ALLOWED.join(', '),
    'access-control-allow-methods': METHODS.join(', '),
  }
  const byPlugin = cors({
    // Compared here: given texts, the plugin would also accept an origin that only ends like a listed one
    // (`evil://https://app.example.com`), and every name in Object.prototype.
    origin: any ? '*' : ({ headers }) => origins.allows(headers.get('origin') ?? ''),
    maxAge: 600,
    credentials: false,
    methods: false,
    // The plugin takes `false` for none; its types do not say so.
    allowedHeaders: false as never,
    exposeHeaders: false as never,
  })
  return new Elysia({ name: 'cors' })
    .onRequest(({ request, set }) => {
      const origin = request.headers.get('origin')
      if (origin === null) return
      if (!any && !origins.allows(origin)) refused(origin, request)
      Object.assign(set.headers, exposed, request.method === 'OPTIONS' ? allowed : undefined)
    })
    .use(byPlugin)
}

/**
 * Writes a line for each request at `debug`, and for slow and failed ones at `warn`. The
 * query is left out, since `q` holds text of tasks.
 *
 * @param answered is called for every answer (metrics).
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
    answered?.(request.method, pathOf(request.url), response.status, elapsed / 1000)
    const level = response.status >= 500 || ms >= SLOW_MS ? 'warn' : 'debug'
    if (log.isLevelEnabled(level))
      log[level](
        {
          request_id: response.headers.get('x-request-id'),
          ...trace(request),
          method: request.method,
          path: pathOf(request.url),
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
