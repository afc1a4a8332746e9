import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sample } from '../../bench/closed.ts'
import { EMBEDDED_LOADS, EMBEDDED_NAMES } from '../../bench/embedded.ts'
import { goalsOf } from '../../bench/goals.ts'
import { answersLoad, LOADS } from '../../bench/loads.ts'
import { describe as describeResults, type Results } from '../../bench/report.ts'
import { faultsOf, NAMES } from '../../bench/shape.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doable-bench-test-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Each service twice as fast as the next one. */
function sampleOf(contender: string, load: Sample['load'], connections: number): Sample {
  const rate = 16_000 / 2 ** NAMES.indexOf(contender)
  return {
    contender,
    load,
    connections,
    rate,
    p50: 5,
    p99: 50,
    failed: 0,
    timeouts: 0,
    cpu: 0.1,
    databaseCpu: 0.1,
    memory: 120,
  }
}

const results: Results = {
  volume: { users: 10, tasks: 1000 },
  seconds: [2, 5],
  names: [...NAMES],
  main: 32,
  samples: [1, 32, 1000].flatMap((connections) => [
    ...NAMES.flatMap((name) =>
      LOADS.filter((load) => answersLoad(name, load)).map((load) => sampleOf(name, load, connections)),
    ),
    sampleOf('Bun.serve', 'bare', connections),
  ]),
  floor: new Map(LOADS.filter((load) => load !== 'mix').map((load) => [load, [32_000, 32_000]])),
  open: NAMES.flatMap((contender) =>
    ['get', 'list', 'create'].map((load) => ({
      contender,
      load,
      rate: 200,
      reached: contender === 'FastAPI' ? 100 : 200,
      connections: 1008,
      p50: 1,
      p99: 2,
      max: 3,
      failed: 0,
    })),
  ),
  ready: [110, 130, 115],
  embedded: {
    volume: { users: 10, tasks: 1000 },
    samples: EMBEDDED_NAMES.flatMap((name) =>
      EMBEDDED_LOADS.map((load) => ({ ...sampleOf(name, load, 32), rate: 2400 })),
    ),
    ready: [490, 510, 480],
  },
  busy: 0.1,
  minutes: 40,
}

async function reportOf(of: Results): Promise<string> {
  const error: unknown = await describeResults(of, folder).catch((reason: unknown) => reason)
  const text = await Bun.file(join(folder, 'RESULTS.md')).text()
  expect(faultsOf(text).length > 0).toBe(error !== undefined)
  return text
}

describe('a report', () => {
  test('of all measurements is whole, and has a plot', async () => {
    expect(faultsOf(await reportOf(results))).toEqual([])
    expect(await Bun.file(join(folder, 'RESULTS.svg')).text()).toStartWith('<svg')
  })

  test('says of each goal whether it is met, or by how much it is missed', async () => {
    const verdicts = new Map(goalsOf(results).map(({ what, verdict }) => [what, verdict]))
    expect(verdicts.get('get ÷ Go')).toBe('met')
    expect(verdicts.get('list ÷ FastAPI')).toBe('missed by 87 %')
    expect(verdicts.get('get ÷ pgbench')).toBe('met')
    expect(verdicts.get('p99 of get, 1008 connections at 200/s')).toBe('met')
    expect(verdicts.get('resident memory under load, all connections')).toBe('met')
    const heavy = results.samples.map((sample) => ({ ...sample, memory: 168 }))
    const missed = new Map(goalsOf({ ...results, samples: heavy }).map(({ what, verdict }) => [what, verdict]))
    expect(missed.get('resident memory under load, all connections')).toBe('missed by 5 %')
  })

  test('has the goals beside each service, and none that a closed loop cannot meet', () => {
    const wanted = (peer: string) =>
      goalsOf(results)
        .filter(({ what }) => what.endsWith(` ÷ ${peer}`))
        .map(({ what, wanted }) => `${what.split(' ')[0]} ${wanted}`)
    const least = (times: number, ...loads: string[]) => loads.map((load) => `${load} at least ${times}`)
    expect(wanted('plain Go')).toEqual([
      ...least(1.2, 'get', 'list', 'list-304'),
      ...least(1, 'create', 'update', 'complete'),
    ])
    expect(wanted('Go')).toEqual(least(1.3, ...LOADS))
    expect(wanted('async FastAPI')).toEqual(['get at least 10', 'list at least 6', 'create at least 8'])
    expect(goalsOf(results).filter(({ what }) => what.includes('closed loop'))).toEqual([])
  })

  test('has the goals of the embedded database, and of both when they start', () => {
    const goals = new Map(goalsOf(results).map(({ what, wanted, verdict }) => [what, `${wanted}: ${verdict}`]))
    expect(goals.get('embedded get a second')).toBe('at least 6000: missed by 60 %')
    expect(goals.get('embedded list a second')).toBe('at least 2000: met')
    expect(goals.get('embedded create a second')).toBe('at least 2500: missed by 4 %')
    expect(goals.get('embedded complete a second')).toBe('at least 2500: missed by 4 %')
    expect(goals.get('resident memory under load, embedded')).toBe('at most 220 MB: met')
    expect(goals.get('embedded, ready on reopening')).toBe('at most 500 ms: met')
    expect(goals.get('ready on PostgreSQL')).toBe('at most 120 ms: met')
  })

  test('shows a load that a peer does not have as "–", and not as zero', async () => {
    const text = await reportOf(results)
    const [, rates = ''] = text.split('## Requests a second')
    const cells = (load: string) =>
      new RegExp(`^\\| ${load} \\|.*$`, 'm')
        .exec(rates)?.[0]
        .split('|')
        .slice(2, 2 + NAMES.length)
        .map((cell) => cell.trim())
    expect(cells('changes')?.map((cell) => cell === '–')).toEqual(NAMES.map((name) => !answersLoad(name, 'changes')))
    expect(cells('list-304')?.at(NAMES.indexOf('async FastAPI'))).toBe('–')
    expect(cells('list-304')?.at(NAMES.indexOf('plain Go'))).toBe('1,000 ±0 %')
    expect(text).toContain('"–"')
  })

  test('says that a commit waits for the disk', async () => {
    const text = await reportOf(results)
    expect(text).toContain('`fsync = on`')
    expect(text).not.toContain('`synchronous_commit')
  })

  test('has the CPU of a request for each service and for the database, in milliseconds', async () => {
    const [, text = ''] = (await reportOf(results)).split('## CPU milliseconds a request at 32 connections')
    expect(text).toContain(`| load | ${NAMES.flatMap((name) => [`${name} CPU`, 'database CPU']).join(' | ')} |`)
    expect(text).toContain(`| mix |${' 0.100 |'.repeat(8)}${' – |'.repeat(4)}`)
  })

  const without = (drop: (sample: Sample) => boolean): Results => ({
    ...results,
    samples: results.samples.filter((sample) => !drop(sample)),
  })
  const holes: [what: string, of: Results][] = [
    ['one load of one peer', without((s) => s.contender === 'Go' && s.load === 'update' && s.connections === 32)],
    ['the thousand connections', without((s) => s.connections === 1000)],
    ['the bare server', without((s) => s.contender === 'Bun.serve')],
    ['the floor of a get', { ...results, floor: new Map() }],
    ['the load before it', { ...results, busy: Number.NaN }],
    ['the embedded database', { ...results, embedded: { ...results.embedded, samples: [] } }],
    ['the time to ready', { ...results, ready: [] }],
    ['a plain service', { ...results, names: NAMES.filter((name) => name !== 'plain Go') }],
    ['one load of a plain one', without((s) => s.contender === 'plain Go' && s.load === 'get')],
    ['a peer', { ...results, names: NAMES.filter((name) => name !== 'Hono') }],
  ]
  test.each(holes)('without %s is not whole', async (_, of) => {
    expect(faultsOf(await reportOf(of))).not.toBeEmpty()
  })

  const cuts: [what: string, cut: (text: string) => string][] = [
    ['a section', (text) => text.replace('## Memory', 'Memory')],
    ['the plot', (text) => text.replace('![Requests a second](RESULTS.svg)', '')],
    ['the machine', (text) => text.replace(/ GB, Linux/, '')],
    ['a cell', (text) => text.replace('| 0.100 |', '|  |')],
    ['a row', (text) => text.replace(/^\| complete .*$/m, '')],
  ]
  test.each(cuts)('that has lost %s is not whole', async (_, cut) => {
    const text = await reportOf(results)
    expect(cut(text)).not.toBe(text)
    expect(faultsOf(cut(text))).not.toBeEmpty()
  })
})
