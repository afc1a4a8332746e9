import { describe, expect, test } from 'bun:test'
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { databases } from '../kit/boot.ts'
import { newDatabase } from '../kit/postgres-server.ts'
import { SECRET } from '../kit/tokens.ts'
import { copyProgram, NOBODY, newFolder, type Place, run, start } from './program.ts'

const asRoot = process.getuid?.() === 0

/** Writes and reads a task, fetches the page's script, and ends the service by SIGTERM. */
async function expectService(place: Place): Promise<void> {
  const env: Record<string, string> = { PORT: '0', ...place.env }
  const service = start(['serve'], { ...place, env })
  const url = await service.url
  const { stdout } = await run(['token', 'alice'], { ...place, env })
  const headers = { authorization: `Bearer ${stdout.trim()}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ title: 'Buy milk' })
  const made = await fetch(`${url}/api/alice/tasks`, { method: 'POST', headers, body })
  expect(made.status).toBe(201)
  const list = await fetch(`${url}/api/alice/tasks`, { headers })
  expect(await list.json()).toEqual([await made.json()])
  const script = await fetch(`${url}/swagger/scalar.js`)
  expect(script.headers.get('content-type')).toStartWith('text/javascript')
  expect((await script.text()).length).toBeGreaterThan(1e6)
  expect(await service.end()).toBe(0)
}

describe.each([...databases])('over %s', (kind) => {
  const settings = async (): Promise<Record<string, string>> =>
    kind === 'postgres' ? { DATABASE_URL: await newDatabase(), BETTER_AUTH_SECRET: SECRET, SHUTDOWN_DELAY_MS: '0' } : {}

  test('an empty folder is all it needs, and only DATA_DIR is written', async () => {
    await using folder = await newFolder()
    await expectService({ cwd: folder.path, env: await settings() })
    expect(await readdir(folder.path)).toEqual(kind === 'postgres' ? [] : ['.doable'])
  })

  test('it runs from a path with spaces, from another working directory, without a file beside it', async () => {
    await using folder = await newFolder()
    const program = await copyProgram(join(folder.path, 'my programs', 'ünder (here)'))
    const cwd = join(folder.path, 'else where')
    await mkdir(cwd)
    await expectService({ cwd, program, env: await settings() })
    expect(await readdir(join(program, '..'))).toEqual(['doable'])
  })
})

test('with DATABASE_URL a read-only folder will do', async () => {
  await using folder = await newFolder()
  const program = await copyProgram(join(folder.path, 'bin'))
  const cwd = join(folder.path, 'sealed')
  await mkdir(cwd)
  await chmod(cwd, 0o555)
  const env = { DATABASE_URL: await newDatabase(), BETTER_AUTH_SECRET: SECRET, SHUTDOWN_DELAY_MS: '0' }
  await expectService({ cwd, program, env, ...(asRoot && { uid: NOBODY }) })
  expect(await readdir(cwd)).toEqual([])
})

test('no .env, bunfig.toml, tsconfig.json or package.json of the working directory is read', async () => {
  await using folder = await newFolder()
  const files = {
    '.env': 'LOG_LEVEL=none-such\n',
    '.env.local': 'LOG_LEVEL=none-such\n',
    '.env.production': 'LOG_LEVEL=none-such\n',
    'bunfig.toml': 'preload = ["./preload.ts"]\n[run]\npreload = ["./preload.ts"]\n',
    'preload.ts': 'await Bun.write("preloaded", "")\n',
    'tsconfig.json': '{ not json',
    'package.json': '{ not json',
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder.path, name), text)
  await expectService({ cwd: folder.path })
  expect((await readdir(folder.path)).sort()).toEqual(['.doable', ...Object.keys(files)].sort())
})

test('it says what it is: the version and the OpenAPI document of the source', async () => {
  await using folder = await newFolder()
  const place = { cwd: folder.path }
  const source = join(import.meta.dir, '../../src/main.ts')
  for (const command of ['--version', '--help', 'openapi']) {
    const compiled = await run([command], place)
    const here = await run([source, command], { ...place, program: process.execPath })
    expect(compiled).toEqual(here)
    expect(compiled.code).toBe(0)
    expect(compiled.stdout).not.toBe('')
  }
  expect(await readdir(folder.path)).toEqual([])
})

test('the command it proposes can be pasted into a shell', async () => {
  await using folder = await newFolder()
  const program = await copyProgram(join(folder.path, "it's here"))
  const service = start(['serve'], { cwd: folder.path, program, env: { PORT: '0' } })
  await service.url
  await service.end()
  const command = /Try it +(.+)/.exec(service.output.stderr)?.[1] ?? ''
  const pasted = await run(['-c', command], { cwd: folder.path, program: '/bin/sh' })
  expect(pasted).toMatchObject({ code: 0, stderr: '' })
  expect(pasted.stdout).toMatch(/^eyJ/)
})
