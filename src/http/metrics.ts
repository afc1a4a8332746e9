import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from 'prom-client'
import { catalogue } from '../problem.ts'

/** Upper bounds in seconds: narrow where most requests are answered, wide up to the longest that clients wait. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Gauges under the name of a counter: `nodejs_active_resources` and its like say the same, by kind. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total']

/** Other methods share one label: a client that invents methods must not make series. */
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
  /** The same values, for a parent that adds up several processes. */
  values(): Promise<Values>
}

type Values = MetricObjectWithValues<MetricValue<string>>[]

export interface MetricsOptions {
  version: string
  /** `DB_POOL`. */
  pool: number
  /** How many event streams are open. */
  streams(): number
  /** Whether the service can answer, as far as is known without waking a database that sleeps. */
  isReady(): Promise<boolean>
  /** One of several processes: the parent says how many there should be. */
  isWorker?: boolean
}

/** The metrics of this process, by prom-client. */
export function createMetrics({ version, pool, streams, isReady, isWorker = false }: MetricsOptions): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  for (const name of MISNAMED) registry.removeSingleMetric(name)
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
  // Prometheus sees no increase in a counter that is missing until its first refusal.
  for (const code of Object.keys(catalogue)) problems.inc({ code }, 0)
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
  new Gauge({
    name: 'doable_build_info',
    help: 'The version',
    labelNames: ['version'],
    aggregator: 'first',
    registers,
  }).set({ version }, 1)
  new Gauge({
    ...WORKERS_READY,
    registers,
    async collect() {
      this.set((await isReady().catch(() => false)) ? 1 : 0)
    },
  })
  if (!isWorker) new Gauge({ ...WORKERS, registers }).set(1)
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
    values: () => registry.getMetricsAsJSON() as Promise<Values>,
  }
}

const WORKERS = { name: 'doable_workers', help: 'WORKERS: processes that there should be' }
const WORKERS_READY = { name: 'doable_workers_ready', help: 'Processes that can answer requests' }

/** What the parent of several processes counts itself. */
export function createWorkersMetrics(count: number) {
  const registry = new Registry()
  const registers = [registry]
  new Gauge({ ...WORKERS, registers }).set(count)
  // The workers' values are added to this one. Without any worker it is 0 and not missing.
  new Gauge({ ...WORKERS_READY, registers }).set(0)
  const deaths = new Counter({
    name: 'doable_worker_deaths_total',
    help: 'Workers that ended by themselves',
    registers,
  })
  return {
    died: () => deaths.inc(),
    values: () => registry.getMetricsAsJSON() as Promise<Values>,
  }
}
