import type { Sample } from './closed.ts'
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
const AGAINST_FASTAPI: Partial<Record<Load, number>> = { get: 30, list: 60, create: 25 }
const AGAINST_GO = 1.2
/** Of what the database itself gives for a get. */
const OF_PGBENCH = 0.45
/** The connections at which latency is a goal. */
const CROWD = 1000
const P99_MS = 100
const MEMORY_MB = 160

/** The goals, and how far each was reached. Rates are medians at the connections of the main table. */
export function goalsOf({ names, main, samples, floor, open }: Results): Goal[] {
  const [doable = ''] = names
  const of = (name: string, load: Load, connections: number, value: (sample: Sample) => number) =>
    median(samples.filter((s) => s.contender === name && s.load === load && s.connections === connections).map(value))
  const rate = (name: string, load: Load) => of(name, load, main, (sample) => sample.rate)
  const against = (peer: string, load: Load, wanted: number) =>
    atLeast(`${load} ÷ ${peer}`, wanted, rate(doable, load) / rate(peer, load))
  const own = samples.filter(({ contender }) => contender === doable)
  const crowded = own.some(({ connections }) => connections === CROWD)
  const memoryAt = (what: string, of: readonly Sample[]) =>
    atMost(`resident memory under load, ${what}`, MEMORY_MB, Math.max(...of.map(({ memory }) => memory)), false, 'MB')
  const asked = open.filter(({ contender }) => contender === doable)
  return [
    ...LOADS.flatMap((load) => {
      const wanted = AGAINST_FASTAPI[load]
      return wanted === undefined ? [] : [against('FastAPI', load, wanted)]
    }),
    ...LOADS.map((load) => against('Go', load, AGAINST_GO)),
    atLeast('get ÷ pgbench', OF_PGBENCH, rate(doable, 'get') / median(floor.get('get') ?? [])),
    ...(crowded
      ? LOADS.map((load) =>
          atMost(
            `p99 of ${load}, ${CROWD} connections in a closed loop`,
            P99_MS,
            of(doable, load, CROWD, (s) => s.p99),
          ),
        )
      : []),
    ...asked.map(({ load, rate: pace, reached, p99, connections }) =>
      // Where the rate is not reached, the queue only grows.
      atMost(`p99 of ${load}, ${connections} connections at ${pace}/s`, P99_MS, p99, reached < 0.95 * pace),
    ),
    memoryAt(
      `${main} connections`,
      own.filter(({ connections }) => connections === main),
    ),
    memoryAt('all connections', own),
  ]
}

function atLeast(what: string, wanted: number, reached: number): Goal {
  return {
    what,
    wanted: `at least ${wanted}`,
    reached: reached.toFixed(2),
    verdict: reached >= wanted ? 'met' : `missed by ${percent(1 - reached / wanted)}`,
  }
}

function atMost(what: string, wanted: number, reached: number, overrun = false, unit = 'ms'): Goal {
  return {
    what,
    wanted: `below ${wanted} ${unit}`,
    reached: `${reached.toFixed(1)} ${unit}`,
    verdict: overrun ? 'rate not reached' : reached < wanted ? 'met' : `missed by ${percent(reached / wanted - 1)}`,
  }
}

/** Never 0 %: a goal that is missed by little is missed. */
function percent(part: number): string {
  return `${Math.max(1, Math.round(part * 100))} %`
}
