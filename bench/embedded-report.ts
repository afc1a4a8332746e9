import { count, rateCell, table, times } from './cells.ts'
import { EMBEDDED_LOADS, EMBEDDED_NAMES, type Embedded, type EmbeddedSample } from './embedded.ts'
import { median } from './statistics.ts'

/** The table of the embedded database: rates, their ratios, CPU a request; then memory and the time to ready. */
export function describeEmbedded({ volume, samples, ready }: Embedded): string {
  const values = (name: string, load: string, of: (sample: EmbeddedSample) => number) =>
    samples.filter((sample) => sample.contender === name && sample.load === load).map(of)
  const rates = (name: string, load: string) => values(name, load, ({ rate }) => rate)
  const [doable, engine, peer] = EMBEDDED_NAMES
  const rows = EMBEDDED_LOADS.map((load) => [
    load,
    ...EMBEDDED_NAMES.flatMap((name) => [
      rateCell(rates(name, load)),
      median(values(name, load, ({ cpu }) => cpu)).toFixed(3),
    ]),
    ...[engine, peer].map((name) => times(median(rates(doable, load)) / median(rates(name, load)))),
  ])
  const head = ['load', ...EMBEDDED_NAMES.flatMap((name) => [`${name} /s`, 'CPU ms']), `÷ ${engine}`, `× ${peer}`]
  const memory = (name: string) =>
    Math.max(...samples.filter(({ contender }) => contender === name).map((sample) => sample.memory)).toFixed(0)
  return [
    `${count(volume.users)} users, ${count(volume.tasks)} tasks. PGlite alone is Doable's engine in a process that has it to itself: the same prepared statements, no HTTP, no tokens. bun:sqlite is the kind of stack that PocketBase is: HTTP, tokens (by jose) and SQLite (WAL, \`synchronous = normal\`) in one process, one table of seven columns, no counter and no sync. None of them waits for the disk at a commit.`,
    table(head, rows),
    `Resident memory, at most: ${EMBEDDED_NAMES.map((name) => `${name} ${memory(name)} MB`).join(', ')}. Doable is ready ${median(ready).toFixed(0)} ms after its start on this database.`,
  ].join('\n\n')
}
