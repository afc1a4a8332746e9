import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildPeers, checkContenders } from '../../bench/contenders.ts'
import { checkRoom, findPrograms } from '../../bench/programs.ts'
import { NAMES } from '../../bench/shape.ts'
import { runProgram } from '../kit/program.ts'

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
    const { code, stdout, stderr } = await runProgram([join(import.meta.dir, `../../bench/${name}.ts`)], {
      command: [process.execPath],
      cwd: folder,
      env: { PATH: folder },
    })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toStartWith('The bench cannot start. Missing:\n  - wrk, the load generator: apt install wrk\n')
  })

  test('without one of the services that a report has, and names it', () => {
    const contenders = NAMES.map((name) => ({ name, command: [name] }))
    checkContenders(contenders)
    const without = (...names: string[]) => contenders.filter(({ name }) => !names.includes(name))
    expect(() => checkContenders(without('plain Go', 'async FastAPI'))).toThrow(
      'The bench cannot start. Missing:\n  - plain Go\n  - async FastAPI',
    )
  })

  test('when a peer cannot be built, and says which', async () => {
    const failing = join(folder, 'fails')
    await Bun.write(failing, '#!/bin/sh\nexit 1\n')
    await chmod(failing, 0o755)
    await expect(buildPeers({ go: failing, python3: failing }, folder)).rejects.toThrow(`${failing} build`)
  })

  test('on a disk without room', async () => {
    await expect(checkRoom(folder, 1e18)).rejects.toThrow(/of room, 1000000000 GB are needed/)
    await checkRoom(folder, 1)
  })
})
