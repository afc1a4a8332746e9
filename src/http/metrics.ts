import { Counter, collectDefaultMetrics, Gauge, Histogram, type MetricObject, Registry } from 'prom-client'

/** Seconds: what the service promises lies within the first half, what a client waits for at all within the rest. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** A method of the client's own invention must not become a label. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

export interface Metrics {
  /** A request has been answered; `route` is its pattern. */
  answered(method: string, route: string, status: number, seconds: number): void
  /** A refusal, by its problem code. */
  refused(code: string): void
  /** Times what the database does. */
  statement<T>(work: PromiseLike<T>): Promise<T>
  /** The Prometheus text format, version 0.0.4. */
  print(): Promise<{ type: string; text: string }>
  /** The same for a process that adds up several. */
  values(): Promise<MetricObject[]>
}

/**
 * What the operator sees, by prom-client.
 *
 * @param streams how many event streams are open.
 */
export function createMetrics(version: string, pool: number, streams: () => number): Metrics {
  const registers = [new Registry()]
  const [registry] = registers as [Registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({
    name: 'doable_http_request_duration_seconds',
    help: 'Requests by method, route and status',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS,
    registers,
  })
  const problems = new Counter({
    name: 'doable_problems_total',
    help: 'Refusals by problem code; the reasons of refused tokens are token-missing, token-invalid and token-expired',
    labelNames: ['code'],
    registers,
  })
  const statements = new Histogram({
    name: 'doable_database_statement_duration_seconds',
    help: 'Statements and transactions, waiting for a connection included',
    labelNames: ['outcome'],
    buckets: BUCKETS,
    registers,
  })
  const running = new Gauge({
    name: 'doable_database_statements_running',
    help: 'Statements and transactions under way, those that wait for a connection included',
    registers,
  })
  new Gauge({ name: 'doable_database_pool_size', help: 'DB_POOL', registers }).set(pool)
  new Gauge({ name: 'doable_build_info', help: 'The version', labelNames: ['version'], registers }).set({ version }, 1)
  new Gauge({
    name: 'doable_event_streams',
    help: 'Open event streams',
    registers,
    collect() {
      this.set(streams())
    },
  })
  const series = new Map<string, Histogram.Internal<'method' | 'route' | 'status'>>()
  const outcomes = { done: statements.labels({ outcome: 'done' }), failed: statements.labels({ outcome: 'failed' }) }
  return {
    answered(method, route, status, seconds) {
      const name = METHODS.has(method) ? method : 'other'
      const key = `${name} ${status} ${route}`
      // prom-client would sort and hash the labels at every answer.
      const known = series.get(key) ?? requests.labels({ method: name, route, status: String(status) })
      series.set(key, known)
      known.observe(seconds)
    },
    refused(code) {
      problems.inc({ code })
    },
    async statement(work) {
      const start = performance.now()
      let outcome: keyof typeof outcomes = 'failed'
      running.inc()
      try {
        const result = await work
        outcome = 'done'
        return result
      } finally {
        running.dec()
        outcomes[outcome].observe((performance.now() - start) / 1000)
      }
    },
    print: async () => ({ type: registry.contentType, text: await registry.metrics() }),
    values: () => registry.getMetricsAsJSON() as Promise<MetricObject[]>,
  }
}
