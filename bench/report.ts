import { join } from 'node:path'
import { count, machine, ms, rateCell, table, times } from './cells.ts'
import type { Sample } from './closed.ts'
import { SETTINGS } from './database.ts'
import type { Embedded } from './embedded.ts'
import { describeEmbedded } from './embedded-report.ts'
import { goalsOf } from './goals.ts'
import { answersLoad, isPlain, LOADS, type Load, type Volume } from './loads.ts'
import type { OpenSample } from './open.ts'
import { plot } from './plot.ts'
import { faultsOf } from './shape.ts'
import { median } from './statistics.ts'

export interface Results {
  volume: Volume
  /** How long each measurement took, by level, in seconds. */
  seconds: readonly number[]
  /** The services in the order of the tables, Doable first. */
  names: string[]
  /** The connections of the main table. */
  main: number
  samples: Sample[]
  /** pgbench's rates for the loads that are one statement. */
  floor: Map<Load, number[]>
  open: OpenSample[]
  /** From Doable's spawn to ready on the PostgreSQL with all of this in it, in milliseconds. */
  ready: number[]
  embedded: Embedded
  /** The machine's load average over the minute before the run. */
  busy: number
  minutes: number
}

type Of = (sample: Sample) => number

/** Stands for a value that cannot be measured: the floor of a mix, a load that a plain service does not have. */
const NONE = '–'

/** Writes `RESULTS.md` and `RESULTS.svg` into a folder. @throws Error when a measurement is missing. */
export async function describe(results: Results, folder: string): Promise<void> {
  const { samples, main, names } = results
  const levels = [...new Set(samples.map(({ connections }) => connections))]
  const values = (name: string, load: string, connections: number, of: Of) =>
    samples.filter((s) => s.contender === name && s.load === load && s.connections === connections).map(of)
  const middle = (name: string, load: string, connections: number, of: Of) =>
    median(values(name, load, connections, of))
  const rateOf: Of = ({ rate }) => rate
  const others = names.slice(1)

  const rates = table(
    ['load', ...names, 'pgbench', ...others.map((name) => `× ${name}`), '÷ pgbench'],
    LOADS.map((load) => {
      const own = middle(names[0] ?? '', load, main, rateOf)
      const floor = results.floor.get(load)
      return [
        load,
        ...names.map((name) => where(name, load, () => rateCell(values(name, load, main, rateOf)))),
        floor ? rateCell(floor) : NONE,
        ...others.map((name) => times(own / middle(name, load, main, rateOf))),
        floor ? times(own / median(floor)) : NONE,
      ]
    }),
  )
  const byLevel = levels.map((connections) =>
    [
      `### ${connections} connections`,
      table(
        ['load', ...names.flatMap((name) => [`${name} /s`, 'p50', 'p99']), ...others.map((name) => `× ${name}`)],
        LOADS.map((load) => [
          load,
          ...names.flatMap((name) => [
            where(name, load, () => rateCell(values(name, load, connections, rateOf))),
            where(name, load, () => ms(middle(name, load, connections, ({ p50 }) => p50))),
            where(name, load, () => ms(middle(name, load, connections, ({ p99 }) => p99))),
          ]),
          ...others.map((name) =>
            times(middle(names[0] ?? '', load, connections, rateOf) / middle(name, load, connections, rateOf)),
          ),
        ]),
      ),
    ].join('\n\n'),
  )
  const cost = table(
    ['load', ...names.flatMap((name) => [`${name} CPU`, 'database CPU'])],
    LOADS.map((load) => [
      load,
      ...names.flatMap((name) => [
        where(name, load, () => middle(name, load, main, ({ cpu }) => cpu).toFixed(3)),
        where(name, load, () => middle(name, load, main, ({ databaseCpu }) => databaseCpu).toFixed(3)),
      ]),
    ]),
  )
  const memory = table(
    ['resident memory, MB, at most', ...names],
    levels.map((connections) => [
      `${connections} connections`,
      ...names.map((name) =>
        Math.max(...LOADS.flatMap((load) => values(name, load, connections, (s) => s.memory))).toFixed(0),
      ),
    ]),
  )
  const open = table(
    ['load', 'asked for /s', ...names.flatMap((name) => [`${name} p50`, 'p99', 'max'])],
    groups(results.open).map(([load, rate, found]) => [
      load,
      String(rate),
      ...names.flatMap((name) => openCells(found.find(({ contender }) => contender === name))),
    ]),
  )
  const goals = table(
    ['goal', 'wanted', 'reached', 'verdict'],
    goalsOf(results).map(({ what, wanted, reached, verdict }) => [what, wanted, reached, verdict]),
  )
  const trouble = [
    ...samples,
    ...results.embedded.samples.map((sample) => ({ ...sample, contender: `${sample.contender}, embedded` })),
  ].filter(({ failed, timeouts }) => failed + timeouts > 0)
  const troubles = trouble.map(
    ({ contender, load, connections, failed, timeouts }) =>
      `- ${contender}, ${load}, ${connections} connections: ${failed} failed, ${timeouts} timed out`,
  )
  const ground = levels.map((level) => `${count(middle('Bun.serve', 'bare', level, rateOf))} at ${level}`).join(', ')

  const text = [
    '# Results',
    `Made by \`bun run bench\` on ${machine()}; its load average before was ${results.busy.toFixed(2)}. Services, PostgreSQL and load generator share these cores; the services on Bun go by a memory limit of 1 GB, that of \`compose.yaml\`. ${count(results.volume.users)} users with their own tokens, ${count(results.volume.tasks)} tasks; one run of ${Math.round(results.minutes)} minutes, the services in turn, ${Math.min(...results.seconds)} to ${Math.max(...results.seconds)} s for each measurement. PostgreSQL 18 with ${SETTINGS.map((line) => `\`${line}\``).join(', ')}: a commit waits for the disk. Doable is ready ${median(results.ready).toFixed(0)} ms after its start on it.`,
    `${listed(names.filter((name) => !isPlain(name)))} answer the same requests from the same tables with the same fields and raise the same counter. The plain services (${listed(names.filter(isPlain))}) do less: one table of seven columns with the same tasks, no counter, no sync, no quota. What they do not have is "${NONE}". The 304 of plain Go is by an ETag that it makes of the list's body each time: it saves bytes, and no work. That all answers agree, as far as they go, is checked before anything is measured.`,
    '![Requests a second](RESULTS.svg)',
    '## Goals',
    `Ratios of medians at ${main} connections.`,
    goals,
    `## Requests a second at ${main} connections`,
    `Medians, and half the distance from the least to the greatest. \`pgbench\` runs Doable's own prepared statements (the mix is not one statement). A bare \`Bun.serve\` with a fixed answer reaches, a second: ${ground} connections.`,
    rates,
    `## CPU milliseconds a request at ${main} connections`,
    'Of the process that serves, and of all of PostgreSQL for it.',
    cost,
    `## Embedded, ${main} connections`,
    describeEmbedded(results.embedded),
    '## Memory',
    memory,
    '## By connections, closed loop',
    'Latencies in milliseconds; in a closed loop a stalled service is asked less, so those of the next section are the ones to trust.',
    ...byLevel,
    '## Latency at fixed rates',
    'In milliseconds from when each request was due. A rate in brackets is what was reached instead: there the latencies only say that it is too much.',
    open,
    '## Requests without a proper answer',
    troubles.length === 0 ? 'None.' : troubles.join('\n'),
  ]
  const report = `${text.join('\n\n')}\n`
  // Written even where a figure is missing, so that the others are not lost.
  await Bun.write(join(folder, 'RESULTS.md'), report)
  await Bun.write(join(folder, 'RESULTS.svg'), await plot(results))
  const faults = faultsOf(report)
  if (faults.length > 0) throw new Error(`The report is not whole:\n${faults.join('\n')}`)
}

/** The cell of a load that a service has; a measurement that is missing there is a fault of the report. */
function where(name: string, load: Load, cell: () => string): string {
  return answersLoad(name, load) ? cell() : NONE
}

function listed(names: readonly string[]): string {
  return new Intl.ListFormat('en').format(names)
}

function openCells(sample: OpenSample | undefined): string[] {
  if (!sample) throw new Error('a measurement is missing')
  const { reached, rate, p50, p99, max } = sample
  return [reached < 0.95 * rate ? `${ms(p50)} (${count(reached)}/s)` : ms(p50), ms(p99), ms(max)]
}

function groups(open: readonly OpenSample[]): [string, number, OpenSample[]][] {
  const byKey = Map.groupBy(open, ({ load, rate }) => `${load} ${rate}`)
  return [...byKey.values()].map((found) => [found[0]?.load ?? '', found[0]?.rate ?? 0, found])
}
