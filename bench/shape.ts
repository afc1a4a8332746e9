/**
 * Whether a report of the bench is complete: `bun bench/shape.ts [bench/RESULTS.md]`. The bench itself fails where it
 * is not, since a table with a hole would mislead.
 */
import { join } from 'node:path'
import { answersLoad, LOADS } from './loads.ts'

/** Every service that a report must have, Doable first, the plain ones last. */
export const NAMES = ['Doable', 'Go', 'Hono', 'FastAPI', 'plain Go', 'async FastAPI']

/** The sections, and what the first column of each one's table must have, at least. */
const SECTIONS: Record<string, readonly string[]> = {
  Goals: [
    ...['get', 'list', 'create'].flatMap((load) => [`${load} ÷ FastAPI`, `${load} ÷ async FastAPI`]),
    ...LOADS.map((load) => `${load} ÷ Go`),
    ...LOADS.filter((load) => answersLoad('plain Go', load)).map((load) => `${load} ÷ plain Go`),
    'get ÷ pgbench',
    'resident memory under load, 32 connections',
    'resident memory under load, all connections',
    'ready on PostgreSQL',
    ...['get', 'list', 'create', 'complete'].map((load) => `embedded ${load} a second`),
    'resident memory under load, embedded',
    'embedded, ready on reopening',
  ],
  'Requests a second at 32 connections': LOADS,
  'CPU milliseconds a request at 32 connections': LOADS,
  'Embedded, 32 connections': ['get', 'list', 'create', 'complete'],
  Memory: ['32 connections', '1000 connections'],
  'By connections, closed loop': LOADS,
  'Latency at fixed rates': ['get', 'list', 'create'],
  'Requests without a proper answer': [],
}

/** What the columns of the main table must be, at least. */
const COLUMNS = [...NAMES, 'pgbench', ...NAMES.slice(1).map((name) => `× ${name}`), '÷ pgbench']

/** What a missing measurement looks like. */
const HOLE = /NaN|undefined|Infinity/

/** Everything that a report lacks; nothing when it is whole. */
export function faultsOf(report: string): string[] {
  const faults: string[] = []
  if (!/^Made by .+ on \d+ × .+ GB, Linux .+ Bun [\d.]+/m.test(report)) faults.push('the machine is not described')
  for (const line of report.split('\n'))
    if (!line.startsWith('|') && HOLE.test(line)) faults.push(`a value is missing: ${line}`)
  if (!report.includes('(RESULTS.svg)')) faults.push('the plot is not shown')
  const sections = new Map(
    report
      .split(/^## /m)
      .slice(1)
      .map((text) => [text.split('\n')[0] ?? '', rowsOf(text)]),
  )
  for (const [title, wanted] of Object.entries(SECTIONS)) {
    const rows = sections.get(title)
    if (!rows) faults.push(`there is no section "${title}"`)
    else
      for (const name of wanted)
        if (!rows.some(([first]) => first === name)) faults.push(`"${title}" has no row "${name}"`)
  }
  const [head = []] = sections.get('Requests a second at 32 connections') ?? []
  for (const name of COLUMNS) if (!head.includes(name)) faults.push(`the rates have no column "${name}"`)
  for (const [title, rows] of sections)
    for (const row of rows)
      for (const [at, cell] of row.entries())
        if (cell === '' || HOLE.test(cell)) faults.push(`"${title}", row "${row[0]}": column ${at + 1} is "${cell}"`)
  return faults
}

/** The cells of all tables in a section, heads included. */
function rowsOf(section: string): string[][] {
  const lines = section.split('\n').filter((line) => line.startsWith('|') && !/^[|\s:-]+$/.test(line))
  return lines.map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  )
}

if (import.meta.main) {
  const faults = faultsOf(await Bun.file(process.argv[2] ?? join(import.meta.dir, 'RESULTS.md')).text())
  process.stdout.write(faults.length === 0 ? 'The report is whole.\n' : `${faults.join('\n')}\n`)
  if (faults.length > 0) process.exitCode = 1
}
