import { AsyncLocalStorage } from 'node:async_hooks'
import { type Context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core'
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { Logger } from 'pino'
import type { Tracing as TracingOptions } from '../settings/tracing.ts'

export interface Tracing {
  /**
   * Runs a request within a span of its own, which continues the caller's trace where there is
   * one (W3C Trace Context).
   *
   * @param route its pattern: ids of users and tasks do not leave the service.
   */
  request(request: Request, route: string, work: () => Promise<Response>): Promise<Response>
  /**
   * Runs what the database does within a span, as part of the request that it belongs to.
   *
   * @param text the statement's SQL, or `begin` for a transaction. Only its verb is exported.
   */
  statement<T>(work: PromiseLike<T>, text: string): Promise<T>
  /** The span under way, for the log. */
  ids(): { trace_id: string; span_id: string } | undefined
  /** Sends the spans that are left, for 3 s at most. */
  close(): Promise<void>
}

/** How long a stop waits for the collector to take the last spans, in milliseconds. */
const CLOSE_MS = 3000

/** Failures of the export leave one line in the log in this time, in milliseconds. */
const LOG_EVERY_MS = 60_000

/** The request under way. */
interface Running {
  readonly context: Context
  /** Whether its trace has ended, though work for it goes on. */
  isOver: boolean
}

/** Methods that may stand in a span (OpenTelemetry, HTTP semantic conventions). */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/**
 * Traces of requests and of what the database does for them, exported by OpenTelemetry's own
 * SDK. Spans wait in a queue of 2048 and are dropped beyond it: a slow collector costs neither
 * a request nor memory.
 */
export async function createTracing(options: TracingOptions, version: string, log: Logger): Promise<Tracing> {
  const { url, protocol, serviceName } = options
  logExportFailures(log)
  const { OTLPTraceExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto')
  const given = detectResources({ detectors: [envDetector] })
  const provider = new TracerProvider({
    resource: given.merge(resourceFromAttributes({ 'service.name': serviceName, 'service.version': version })),
    sampler: samplerOf(options),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url }) })],
  })
  const tracer = provider.getTracer('doable', version)
  const propagator = new W3CTraceContextPropagator()
  const running = new AsyncLocalStorage<Running>()

  return {
    request(request, route, work) {
      const caller = propagator.extract(ROOT_CONTEXT, request.headers, {
        get: (headers: Headers, name) => headers.get(name) ?? undefined,
        keys: (headers: Headers) => [...headers.keys()],
      })
      const method = METHODS.has(request.method) ? request.method : '_OTHER'
      const attributes = { 'http.request.method': method, 'http.route': route, 'url.scheme': 'http' }
      const name = `${method === '_OTHER' ? 'HTTP' : method} ${route}`
      const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, caller)
      const here: Running = { context: trace.setSpan(caller, span), isOver: false }
      return running.run(here, async () => {
        try {
          const response = await work()
          // A stream lives for hours: its trace ends with the head of the answer.
          here.isOver = response.headers.get('content-type') === 'text/event-stream'
          const id = response.headers.get('x-request-id')
          span.setAttribute('http.response.status_code', response.status)
          if (id !== null) span.setAttribute('http.response.header.x-request-id', [id])
          if (response.status >= 500) {
            span.setAttribute('error.type', String(response.status))
            span.setStatus({ code: SpanStatusCode.ERROR })
          }
          return response
        } finally {
          span.end()
        }
      })
    },
    async statement(work, text) {
      const at = running.getStore()
      if (at === undefined || at.isOver) return work
      const verb = verbOf(text)
      const attributes = { 'db.system.name': 'postgresql', 'db.operation.name': verb }
      const span = tracer.startSpan(verb, { kind: SpanKind.CLIENT, attributes }, at.context)
      try {
        return await work
      } catch (error) {
        // Not the error's message, which may quote what was sent.
        span.setAttribute('error.type', error instanceof Error ? error.name : typeof error)
        span.setStatus({ code: SpanStatusCode.ERROR })
        throw error
      } finally {
        span.end()
      }
    },
    ids() {
      const at = running.getStore()
      const span = at && !at.isOver ? trace.getSpanContext(at.context) : undefined
      return span && { trace_id: span.traceId, span_id: span.spanId }
    },
    async close() {
      await Promise.race([provider.shutdown().catch(() => {}), Bun.sleep(CLOSE_MS)])
    },
  }
}

const VERBS = /[()]|\b(?:select|insert|update|delete)\b|'(?:[^']|'')*'|"[^"]*"/gi

/**
 * The operation of a statement: its first word, or behind `with` the verb that follows the common
 * table expressions (OpenTelemetry, database conventions: `db.operation.name`).
 */
export function verbOf(text: string): string {
  const [first = ''] = /^[a-z]+/i.exec(text.trimStart()) ?? []
  if (first.toLowerCase() !== 'with') return first.toUpperCase() || 'OTHER'
  let depth = 0
  for (const [token] of text.matchAll(VERBS)) {
    if (token === '(') depth++
    else if (token === ')') depth--
    else if (depth === 0 && /^[a-z]/i.test(token)) return token.toUpperCase()
  }
  return 'WITH'
}

function samplerOf({ sampler, ratio }: TracingOptions): Sampler {
  const kind = sampler.replace('parentbased_', '')
  const root =
    kind === 'always_on'
      ? new AlwaysOnSampler()
      : kind === 'always_off'
        ? new AlwaysOffSampler()
        : new TraceIdRatioBasedSampler(ratio)
  return sampler.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root
}

function logExportFailures(log: Logger): void {
  let last = Number.NEGATIVE_INFINITY
  setGlobalErrorHandler((error) => {
    const now = performance.now()
    if (now - last < LOG_EVERY_MS) return
    last = now
    log.warn({ cause: error instanceof Error ? error.message : String(error) }, 'exporting traces failed')
  })
}
