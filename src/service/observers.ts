import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Time } from '../db/database.ts'
import type { Metrics, MetricsOptions } from '../http/metrics.ts'
import type { Tracing } from '../http/tracing.ts'
import type { Activity } from './activity.ts'

export interface Observers {
  /** Undefined where nobody looks at them. */
  readonly metrics: Metrics | undefined
  /** Undefined where no traces are exported. */
  readonly tracing: Tracing | undefined
  /** Sees every statement and transaction, as it begins. */
  readonly time: Time
}

/** Metrics and traces as configured. Each is loaded only where it is asked for: a start would pay for it. */
export async function openObservers(
  config: Config,
  log: Logger,
  activity: Activity,
  options: Omit<MetricsOptions, 'pool'>,
): Promise<Observers> {
  const metrics =
    config.adminPort === undefined
      ? undefined
      : (await import('../http/metrics.ts')).createMetrics({ ...options, pool: config.pool })
  const tracing =
    config.tracing && (await (await import('../http/tracing.ts')).createTracing(config.tracing, options.version, log))
  const time: Time = (work, text) => {
    activity.touch()
    const traced = tracing?.statement(work, text) ?? work
    return metrics?.statement(traced) ?? Promise.resolve(traced)
  }
  return { metrics, tracing, time }
}
