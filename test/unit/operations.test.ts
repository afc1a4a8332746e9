import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { YAML } from 'bun'
import { createMetrics, createWorkersMetrics } from '../../src/http/metrics.ts'
import { catalogue } from '../../src/problem.ts'
import { Totals } from '../../src/workers/totals.ts'

const folder = join(import.meta.dir, '../../docs/operations')
const read = (name: string) => Bun.file(join(folder, name)).text()
const metrics = createMetrics({ version: '0', pool: 1, streams: () => 0, isReady: async () => true })
const printed =
  (await metrics.print()).text + (await new Totals().print([], await createWorkersMetrics(2).values())).text

/** Everything in a query that looks like a metric of ours. */
const metricsIn = (text: string) => [...new Set(text.match(/\b(doable|nodejs|process)_\w+/g) ?? [])]
const known = (name: string) =>
  printed.includes(`# TYPE ${name.replace(/_(bucket|count|sum)$/, '')} `) || printed.includes(`# TYPE ${name} `)

test.each(['alerts.yml', 'dashboard.json'])('%s asks for metrics that there are', async (name) => {
  const asked = metricsIn(await read(name))
  expect(asked.length).toBeGreaterThan(5)
  expect(asked.filter((metric) => !known(metric))).toEqual([])
})

test('there is a paragraph of what to do for every alert, and for no other', async () => {
  const { groups } = YAML.parse(await read('alerts.yml')) as { groups: { rules: { alert: string }[] }[] }
  const alerts = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert))
  const paragraphs = [...(await read('README.md')).matchAll(/^\*\*(Doable\w+)\.\*\*/gm)].map(([, name]) => name)
  expect(paragraphs).toEqual(alerts)
})

test('every test that SECURITY.md refers to is there', async () => {
  const text = await Bun.file(join(folder, '../../SECURITY.md')).text()
  const named = [...new Set(text.match(/test\/[\w/.-]+\.ts/g))]
  expect(named.length).toBeGreaterThan(15)
  const there = await Promise.all(named.map((name) => Bun.file(join(folder, '../..', name)).exists()))
  expect(named.filter((_, i) => !there[i])).toEqual([])
})

test('no gauge is named as a counter', () => {
  const types = [...printed.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = '', type = '']) => ({ name, type }))
  expect(types.length).toBeGreaterThan(20)
  expect(types.filter(({ name, type }) => name.endsWith('_total') && type !== 'counter')).toEqual([])
})

test('alerts hold where metrics are scraped once a minute', async () => {
  const SCRAPE_S = 60
  const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 }
  const seconds = (text: string) => Number.parseInt(text, 10) * (UNITS[text.at(-1) ?? ''] ?? Number.NaN)
  const { groups } = YAML.parse(await read('alerts.yml')) as { groups: { rules: { expr: string; for: string }[] }[] }
  const rules = groups.flatMap(({ rules }) => rules)
  const windows = rules.flatMap(({ expr }) => [...expr.matchAll(/\[(\w+)\]/g)].map(([, window = '']) => window))
  expect(windows.length).toBeGreaterThan(3)
  // A rate needs two samples, of which one may be lost and another late; a state must be seen twice.
  for (const window of windows) expect([window, seconds(window) >= 4 * SCRAPE_S]).toEqual([window, true])
  for (const rule of rules) expect([rule.expr, seconds(rule.for) >= 2 * SCRAPE_S]).toEqual([rule.expr, true])
})

test('every refusal is counted from the start, so that the first one is an increase', () => {
  for (const code of Object.keys(catalogue)) expect(printed).toContain(`doable_problems_total{code="${code}"} 0`)
})
