import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { YAML } from 'bun'
import { createMetrics } from '../../src/http/metrics.ts'

const folder = join(import.meta.dir, '../../docs/operations')
const read = (name: string) => Bun.file(join(folder, name)).text()
const printed = (await createMetrics('0', 1, () => 0).print()).text

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
