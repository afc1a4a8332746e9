import { describe, expect, test } from 'bun:test'
import { once } from 'node:events'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { SECRET } from '../kit/tokens.ts'
import { copyProgram, NOBODY, newFolder, type Place, run, snapshot, start } from './program.ts'

const asRoot = process.getuid?.() === 0

describe('a wrong command line prints the usage, exits 2 and does nothing', () => {
  const wrong: [name: string, args: string[], says: string][] = [
    ['unknown command', ['bogus'], 'unknown command: bogus'],
    ['name of a built-in', ['constructor'], 'unknown command: constructor'],
    ['empty command', [''], 'unknown command: '],
    ['unknown option', ['--bogus'], "'--bogus'"],
    ['unknown option of a command', ['migrate', '--force'], "'--force'"],
    ['runtime option', ['serve', '--inspect'], "'--inspect'"],
    ['argument too many', ['healthcheck', 'now'], 'unexpected argument: now'],
    ['token without a user', ['token'], 'token needs a user id'],
    ['ttl without a unit', ['token', 'alice', '--ttl', '60'], '--ttl takes'],
    ['ttl without a value', ['token', 'alice', '--ttl'], '--ttl'],
  ]
  test.each(wrong)('%s', async (_, args, says) => {
    await using folder = await newFolder()
    const { code, stdout, stderr } = await run(args, { cwd: folder.path })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr.split('\n')[0]).toContain(says)
    expect(stderr).toContain('Usage: doable [command] [options]')
    expect(await readdir(folder.path)).toEqual([])
  })
})

test('settings that are wrong are all named, and nothing is made', async () => {
  await using folder = await newFolder()
  const env = { PORT: 'http', LOG_LEVEL: 'loud', BETTER_AUTH_SECRET: 'short' }
  const { code, stderr } = await run([], { cwd: folder.path, env })
  expect(code).toBe(1)
  for (const name of Object.keys(env)) expect(stderr).toContain(name)
  expect(await readdir(folder.path)).toEqual([])
})

describe('a data directory that will not do is left as it is', () => {
  /** Runs `serve` and expects one sentence for the operator, and not a byte changed. */
  async function expectRefusal(folder: string, place: Place, sentence: RegExp): Promise<void> {
    const before = await snapshot(folder)
    const { code, stdout, stderr } = await run(['serve'], { ...place, env: { PORT: '0', ...place.env } })
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ level: 'fatal', cause: expect.stringMatching(sentence) })
    expect(stderr).toMatch(sentence)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(await snapshot(folder)).toEqual(before)
  }

  test('made by another major version', async () => {
    await using folder = await newFolder()
    const files = join(folder.path, '.doable', 'postgres')
    await mkdir(files, { recursive: true })
    await writeFile(join(files, 'PG_VERSION'), '17\n')
    await writeFile(join(folder.path, '.doable', 'lock'), '')
    await expectRefusal(folder.path, { cwd: folder.path }, /made by PostgreSQL 17, this program carries 18.*export/)
  })

  test('in use by a live process, which goes on', async () => {
    await using folder = await newFolder()
    const first = start(['serve'], { cwd: folder.path, env: { PORT: '0' } })
    const url = await first.url
    await expectRefusal(folder.path, { cwd: folder.path }, /in use by another running Doable/)
    expect((await fetch(`${url}/health/ready`)).status).toBe(200)
    expect(await first.end()).toBe(0)
  })

  test.each([
    ['not writable', '.doable', /data directory .*\.doable is not writable/],
    ['below a folder that is not writable', 'sealed/.doable', /cannot make the data directory .*sealed.*/],
  ])('%s', async (_, path, sentence) => {
    await using folder = await newFolder()
    const program = await copyProgram(join(folder.path, 'bin'))
    await mkdir(join(folder.path, path.split('/')[0] ?? ''), { mode: 0o555 })
    const env = { DATA_DIR: join(folder.path, path) }
    await expectRefusal(folder.path, { cwd: folder.path, program, env, ...(asRoot && { uid: NOBODY }) }, sentence)
  })

  test('not a directory', async () => {
    await using folder = await newFolder()
    await writeFile(join(folder.path, '.doable'), 'a file')
    await expectRefusal(folder.path, { cwd: folder.path }, /cannot make the data directory/)
  })
})

test('a data directory whose process was killed opens again, also when that was its first start', async () => {
  await using folder = await newFolder()
  const place = { cwd: folder.path, env: { PORT: '0' } }
  const data = join(folder.path, '.doable')
  const found = () => readdir(data).catch((): string[] => [])
  for (const moment of ['postgres.unpacking', 'postgres'])
    for (;;) {
      const service = start(['serve'], place)
      const isDue = async () => (await found()).some((name) => name === moment || name === 'postgres')
      let over = false
      void service.ended.then(() => {
        over = true
      })
      while (!over && !(await isDue())) await Bun.sleep(1)
      if (!over) service.signal('SIGKILL')
      expect(await service.ended).toBeNull()
      if ((await found()).includes(moment)) break
      // The start was faster than the check: try again.
      await rm(data, { recursive: true })
    }
  const service = start(['serve'], place)
  const url = await service.url
  expect((await fetch(`${url}/health/ready`)).status).toBe(200)
  expect(await service.end()).toBe(0)
  expect((await readdir(data)).sort()).toEqual(['lock', 'postgres', 'secret'])
})

test('SIGTERM during the start ends it at once, with 0', async () => {
  await using folder = await newFolder()
  // It takes connections and says nothing: the start waits for a database.
  const sockets = new Set<Socket>()
  const silent = createServer((socket) => sockets.add(socket.on('error', () => {})))
  await once(silent.listen(0, '127.0.0.1'), 'listening')
  const { port } = silent.address() as AddressInfo
  const database = { DATABASE_URL: `postgres://nobody@127.0.0.1:${port}/none`, BETTER_AUTH_SECRET: SECRET }
  const asked = once(silent, 'connection')
  const service = start(['serve'], { cwd: folder.path, env: { PORT: '0', ...database } })
  await asked
  expect(await service.end()).toBe(0)
  expect(service.output.stdout).toContain('stopping')
  for (const socket of sockets) socket.destroy()
  silent.close()
})
