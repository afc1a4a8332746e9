import { AggregatorRegistry } from 'prom-client'
import type { Measured } from './protocol.ts'

/**
 * Adds up what workers have counted. A counter never falls when a worker ends: its last values
 * stay in the sum. What it counted between them and a crash is lost.
 */
export class Totals {
  #ended: Measured[] = []

  /** A worker has ended: its counters stay, its gauges go. */
  keep(last: Measured[]): void {
    // What prom-client adds up has its values, which its type for these objects leaves out.
    this.#ended = AggregatorRegistry.aggregate([this.#ended, countersOf(last)]).getMetricsAsArray() as Measured[]
  }

  /**
   * The Prometheus text format of all workers together.
   *
   * @param answers what each running worker counts now, or the last that is known of it.
   */
  async print(answers: readonly { now: Measured[] | undefined; last: Measured[] }[], own: Measured[]) {
    const all = [own, this.#ended, ...answers.map(({ now, last }) => now ?? countersOf(last))]
    const registry = AggregatorRegistry.aggregate(all)
    return { type: registry.contentType, text: await registry.metrics() }
  }
}

/** prom-client names types in lower case where metrics are read for adding up; its types know an enum. */
const COUNTERS = new Set<string>(['counter', 'histogram'])

function countersOf(metrics: Measured[]): Measured[] {
  return metrics.filter(({ type }) => COUNTERS.has(String(type)))
}
