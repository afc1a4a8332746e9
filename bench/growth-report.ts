import { count, machine, table } from './cells.ts'
import type { Sample } from './closed.ts'
import { LOADS, type Load } from './loads.ts'
import { median } from './statistics.ts'

export const CONNECTIONS = 32

/** As many users ask at any size, so that only the data grows; each has a hundred tasks. */
export const CALLERS = 10_000
export const EACH = 100

/** How much dearer a get or a list may be in the largest table than in the smallest. */
const DEARER = 1.3

export interface Measured {
  readonly label: string
  /** Tasks, where only the size differs from the other ways of this kind. */
  readonly size: number | undefined
  readonly samples: readonly Sample[]
}

const both = ({ cpu, databaseCpu }: Sample) => cpu + databaseCpu
const fixed = (value: number) => value.toFixed(3)

/** The text of `GROWTH.md`. */
export function describe(ways: readonly Measured[], poolerVersion: string): string {
  const middle = (way: Measured, load: Load, of: (sample: Sample) => number) =>
    median(way.samples.filter((sample) => sample.load === load).map(of))
  const grid = (of: (sample: Sample) => number, form: (value: number) => string) =>
    table(
      ['load', ...ways.map(({ label }) => label)],
      LOADS.map((load) => [load, ...ways.map((way) => form(middle(way, load, of)))]),
    )
  const sizes = ways.filter(({ size }) => size !== undefined).sort((a, b) => Number(a.size) - Number(b.size))
  const [least, most] = [sizes[0], sizes.at(-1)]
  const failed = ways.flatMap(({ samples }) => samples).reduce((sum, sample) => sum + sample.failed, 0)
  const rounds = ways.map(({ samples }) => samples.length / LOADS.length)
  return `${[
    '# Growth',
    `Made by \`bun bench/growth.ts\` on ${machine()}. ${CONNECTIONS} connections, medians of ${Math.min(...rounds)} to ${Math.max(...rounds)} rounds in turn, reads from memory, writes with \`fsync = on\`; ${EACH} tasks for each user, at most ${count(CALLERS)} of whom ask.`,
    `PgBouncer ${poolerVersion} in transaction mode with \`max_prepared_statements = 200\`. \`WORKERS\` share these cores with PostgreSQL and the load generator: more of them than cores only shows what they cost.`,
    '## Requests a second',
    grid(({ rate }) => rate, count),
    '## CPU milliseconds a request, service and database together',
    grid(both, fixed),
    '## Of that, the database',
    grid(({ databaseCpu }) => databaseCpu, fixed),
    ...(least && most && least !== most
      ? [
          `## Dearer with ${most.label} than with ${least.label}`,
          table(
            ['load', 'times', 'goal'],
            LOADS.map((load) => {
              const times = middle(most, load, both) / middle(least, load, both)
              const over = times / DEARER - 1
              const verdict = over <= 0 ? 'met' : `missed by ${Math.ceil(over * 100)} %`
              const goal = load === 'get' || load === 'list' ? `at most ${DEARER}: ${verdict}` : 'none'
              return [load, times.toFixed(2), goal]
            }),
          ),
        ]
      : []),
    failed === 0 ? 'Every request had a proper answer.' : `${failed} requests had no proper answer.`,
  ].join('\n\n')}\n`
}
