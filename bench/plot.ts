import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import { answersLoad, LOADS } from './loads.ts'
import type { Results } from './report.ts'
import { median } from './statistics.ts'

/**
 * Requests a second, by load and service, at the connections of the main table. On a logarithmic scale, since they
 * differ by a factor of up to 100.
 */
export async function plot({ samples, floor, main, names }: Results): Promise<string> {
  const bars = LOADS.flatMap((load) => [
    ...names
      .filter((name) => answersLoad(name, load))
      .map((service) => {
        const found = samples.filter((s) => s.contender === service && s.load === load && s.connections === main)
        return { load, service, rate: median(found.map(({ rate }) => rate)) }
      }),
    ...(floor.has(load) ? [{ load, service: 'pgbench', rate: median(floor.get(load) ?? []) }] : []),
  ])
  const spec: TopLevelSpec = {
    background: 'white',
    width: 760,
    height: 320,
    data: { values: bars },
    mark: 'bar',
    encoding: {
      x: { field: 'load', sort: [...LOADS], title: null, axis: { labelAngle: 0 } },
      xOffset: { field: 'service', sort: [...names, 'pgbench'] },
      y: {
        field: 'rate',
        type: 'quantitative',
        scale: { type: 'log', domainMin: 50 },
        title: `requests a second, ${main} connections`,
      },
      color: { field: 'service', sort: [...names, 'pgbench'], title: null },
    },
  }
  return new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG()
}
