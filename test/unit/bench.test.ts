import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sample } from '../../bench/closed.ts'
import { goalsOf } from '../../bench/goals.ts'
import { describe as describeGrowth } from '../../bench/growth-report.ts'
import { LOADS } from '../../bench/loads.ts'
import { checkRoom, findPrograms } from '../../bench/programs.ts'
import { describe as describeResults, type Results } from '../../bench/report.ts'
import { faultsOf, NAMES } from '../../bench/shape.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doable-bench-test-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('a bench refuses to start', () => {
  test('without its programs, and names all that are missing', async () => {
    const names = ['wrk', 'oha', 'go', 'python3', 'pgbench', 'pgbouncer'] as const
    const error: unknown = await findPrograms(names, folder).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(Error)
    const [first, ...lines] = String(error).split('\n')
    expect(first).toContain('The bench cannot start. Missing:')
    expect(lines.map((line) => /^ {2}- (\w+), .+/.exec(line)?.[1])).toEqual([...names])
  })

  const old = ['1.18.0', '1.20.1', '0.99.0']
  test.each(old)('with PgBouncer %s, which loses prepared statements', async (version) => {
    await placePgbouncer(version)
    await expect(findPrograms(['pgbouncer'], folder)).rejects.toThrow(`is PgBouncer ${version.replace(/\.\d+$/, '')}`)
  })

  test.each(['1.21.0', '1.24.1', '2.0.0'])('but not with PgBouncer %s', async (version) => {
    await placePgbouncer(version)
    expect(await findPrograms(['pgbouncer'], folder)).toEqual({ pgbouncer: join(folder, 'pgbouncer') })
  })

  async function placePgbouncer(version: string): Promise<void> {
    const path = join(folder, 'pgbouncer')
    await Bun.write(path, `#!/bin/sh\necho PgBouncer ${version}\n`)
    await chmod(path, 0o755)
  }

  test.each(['main', 'growth'])('on the command line too, before anything is started: %s', async (name) => {
    const child = Bun.spawn([process.execPath, join(import.meta.dir, `../../bench/${name}.ts`)], {
      env: { PATH: folder },
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
    expect(code).toBe(1)
    expect(output).toBe('')
    expect(errors).toStartWith('The bench cannot start. Missing:\n  - wrk, the load generator: apt install wrk\n')
  })

  test('on a disk without room', async () => {
    await expect(checkRoom(folder, 1e18)).rejects.toThrow(/of room, 1000000000 GB are needed/)
    await checkRoom(folder, 1)
  })
})

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
    ...NAMES.flatMap((name) => LOADS.map((load) => sampleOf(name, load, connections))),
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
    expect(verdicts.get('p99 of get, 1000 connections in a closed loop')).toBe('met')
    expect(verdicts.get('resident memory under load, all connections')).toBe('met')
    const heavy = results.samples.map((sample) => ({ ...sample, memory: 168, p99: 100.1 }))
    const missed = new Map(goalsOf({ ...results, samples: heavy }).map(({ what, verdict }) => [what, verdict]))
    expect(missed.get('resident memory under load, all connections')).toBe('missed by 5 %')
    expect(missed.get('p99 of mix, 1000 connections in a closed loop')).toBe('missed by 1 %')
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
    ['a peer', { ...results, names: ['Doable', 'Go', 'FastAPI'] }],
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

  test('of growth has a column for each way, and says whether a list has become too dear', () => {
    const samples = LOADS.map((load) => sampleOf('Doable', load, 32))
    const dear = samples.map((sample) => ({ ...sample, databaseCpu: 0.18 }))
    const text = describeGrowth(
      [
        { label: '10 tasks', size: 10, samples },
        { label: 'PgBouncer', size: undefined, samples },
        { label: '1,000 tasks', size: 1000, samples: dear },
      ],
      '1.24.1',
    )
    expect(text).toContain('| load | 10 tasks | PgBouncer | 1,000 tasks |')
    expect(text).toContain('| list | 1.40 | at most 1.3: missed by 8 % |')
    expect(text).toContain('| mix | 1.40 | none |')
    expect(text).not.toContain('NaN')
  })
})
