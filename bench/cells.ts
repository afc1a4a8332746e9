import { cpus, release, totalmem } from 'node:os'
import { median, spread } from './statistics.ts'

/** A median with half the distance from the least to the greatest. A service that has answered nothing in time has none. */
export function rateCell(rates: readonly number[]): string {
  return median(rates) === 0 ? '0' : `${count(median(rates))} ±${Math.round(spread(rates) * 100)} %`
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, at) => (at === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n')
}

export function machine(): string {
  const all = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  return `${all.length} × ${all[0]?.model.trim()}, ${memory} GB, Linux ${release()}, Bun ${Bun.version}`
}

export const count = (value: number) => Math.round(value).toLocaleString('en')
/** A service that has answered nothing in time has no latency. */
export const ms = (value: number) => (value === 0 ? '–' : value.toFixed(value < 10 ? 2 : 0))
export const times = (value: number) => (!Number.isFinite(value) ? '–' : value.toFixed(value < 10 ? 2 : 0))
