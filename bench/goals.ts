import { EMBEDDED_LOADS, EMBEDDED_NAMES } from './embedded.ts'
import { LOADS, type Load } from './loads.ts'
import type { Results } from './report.ts'
import { median } from './statistics.ts'

export interface Goal {
  readonly what: string
  readonly wanted: string
  readonly reached: string
  /** `met`, or by how much it is not. */
  readonly verdict: string
}

/** How many times a peer's rate Doable's should be. */
const AGAINST: Readonly<Record<string, Partial<Record<Load, number>>>> = {
  'plain Go': { get: 1.2, list: 1.2, 'list-304': 1.2, create: 1, update: 1, complete: 1 },
  Go: { get: 1.3, list: 1.3, 'list-304': 1.3, create: 1.3, update: 1.3, complete: 1.3, changes: 1.3, mix: 1.3 },
  'async FastAPI': { get: 10, list: 6, create: 8 },
  FastAPI: { get: 30, list: 60, create: 25 },
}
/** Of what the database itself gives for a get. */
const OF_PGBENCH = 0.45
/** At a fixed rate: in a closed loop, how long a request waits is only how many others do, by the rate. */
const P99_MS = 100
const MEMORY_MB = 160
const READY_MS = 120
/** Requests a second on the embedded database. */
const EMBEDDED: Readonly<Record<(typeof EMBEDDED_LOADS)[number], number>> = {
  get: 6000,
  list: 2000,
  create: 2500,
  complete: 2500,
}
const EMBEDDED_MEMORY_MB = 220
const REOPENING_MS = 500

/** The goals, and how far each was reached. Rates are medians at the connections of the main table. */
export function goalsOf({ names, main, samples, floor, open, ready, embedded }: Results): Goal[] {
  const [doable = ''] = names
  const rate = (name: string, load: Load) =>
    median(
      samples
        .filter((s) => s.contender === name && s.load === load && s.connections === main)
        .map((sample) => sample.rate),
    )
  const own = samples.filter(({ contender }) => contender === doable)
  const inside = embedded.samples.filter(({ contender }) => contender === EMBEDDED_NAMES[0])
  const memoryAt = (what: string, wanted: number, of: readonly { memory: number }[]) =>
    atMost(`resident memory under load, ${what}`, wanted, Math.max(...of.map(({ memory }) => memory)), false, 'MB')
  const asked = open.filter(({ contender }) => contender === doable)
  return [
    ...Object.entries(AGAINST).flatMap(([peer, wanted]) =>
      LOADS.flatMap((load) => {
        const times = wanted[load]
        return times === undefined ? [] : [atLeast(`${load} ÷ ${peer}`, times, rate(doable, load) / rate(peer, load))]
      }),
    ),
    atLeast('get ÷ pgbench', OF_PGBENCH, rate(doable, 'get') / median(floor.get('get') ?? [])),
    ...asked.map(({ load, rate: pace, reached, p99, connections }) =>
      // Where the rate is not reached, the queue only grows.
      atMost(`p99 of ${load}, ${connections} connections at ${pace}/s`, P99_MS, p99, reached < 0.95 * pace),
    ),
    memoryAt(
      `${main} connections`,
      MEMORY_MB,
      own.filter(({ connections }) => connections === main),
    ),
    memoryAt('all connections', MEMORY_MB, own),
    atMost('ready on PostgreSQL', READY_MS, median(ready)),
    ...EMBEDDED_LOADS.map((load) => {
      const rates = inside.filter((sample) => sample.load === load).map((sample) => sample.rate)
      return atLeast(`embedded ${load} a second`, EMBEDDED[load], median(rates), 0)
    }),
    memoryAt('embedded', EMBEDDED_MEMORY_MB, inside),
    atMost('embedded, ready on reopening', REOPENING_MS, median(embedded.ready)),
  ]
}

function atLeast(what: string, wanted: number, reached: number, digits = 2): Goal {
  return {
    what,
    wanted: `at least ${wanted}`,
    reached: reached.toFixed(digits),
    verdict: reached >= wanted ? 'met' : `missed by ${percent(1 - reached / wanted)}`,
  }
}

function atMost(what: string, wanted: number, reached: number, overrun = false, unit = 'ms'): Goal {
  return {
    what,
    wanted: `at most ${wanted} ${unit}`,
    reached: `${reached.toFixed(1)} ${unit}`,
    verdict: overrun ? 'rate not reached' : reached <= wanted ? 'met' : `missed by ${percent(reached / wanted - 1)}`,
  }
}

/** Never 0 %: a goal that is missed by little is missed. */
function percent(part: number): string {
  return `${Math.max(1, Math.round(part * 100))} %`
}
