import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import manifest from '../../package.json'
import { useService } from '../kit/service.ts'

setDefaultTimeout(120_000)
const root = join(import.meta.dir, '../..')
const service = useService('embedded')
let place: string
let installed: string

async function run(cwd: string, ...command: string[]) {
  const child = Bun.spawn(command, { cwd, stdout: 'pipe', stderr: 'pipe' })
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()])
  return { status: await child.exited, output: output + errors }
}

/** The package as npm would unpack it, beside a program that uses it, outside of this checkout. */
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'doable-package-'))
  const built = await run(root, process.execPath, 'scripts/build-client.ts', '--outdir', place)
  expect(built).toMatchObject({ status: 0 })
  await cp(join(import.meta.dir, 'consumers/node'), place, { recursive: true })
  installed = join(place, 'node_modules/doable')
  await mkdir(installed, { recursive: true })
  await run(installed, 'tar', 'xzf', join(place, 'doable-client.tgz'), '--strip-components=1')
  await symlink(join(root, 'node_modules/@types'), join(place, 'node_modules/@types'))
})
afterAll(() => rm(place, { recursive: true, force: true }))

const filesOf = async (folder: string) =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))

test('the package has the client and nothing of the server', async () => {
  const names = (await filesOf(installed)).map((path) => path.slice(installed.length + 1))
  const ours = (await readdir(join(root, 'src/client'))).filter((name) => name.endsWith('.ts'))
  const of = (name: string) => name.replace(/\.ts$/, '')
  expect(names.sort()).toEqual(
    [
      ...['LICENSE', 'README.md', 'client.d.ts', 'client.js', 'client.js.map', 'package.json'],
      ...ours.map((name) => `src/${name}`),
      ...ours.flatMap((name) => [`types/${of(name)}.d.ts`, `types/${of(name)}.d.ts.map`]),
    ].sort(),
  )
  const { version, dependencies } = await Bun.file(join(installed, 'package.json')).json()
  expect({ version, dependencies }).toEqual({ version: manifest.version, dependencies: undefined })
  expect(await Bun.file(join(installed, 'LICENSE')).text()).toContain('eventsource-parser')
})

test('every map leads to a source that is there', async () => {
  const maps = (await filesOf(installed)).filter((path) => path.endsWith('.map'))
  expect(maps.length).toBeGreaterThan(5)
  for (const path of maps) {
    const { sources, sourcesContent } = (await Bun.file(path).json()) as {
      sources: string[]
      sourcesContent?: string[]
    }
    for (const [index, source] of sources.entries()) {
      const file = Bun.file(join(path, '..', source))
      // The parser's is inside the map; ours is a file of the package.
      if (source.includes('eventsource-parser')) expect(sourcesContent?.[index]).toMatch(/export (function|class)/)
      else expect(`${path} ${source} ${await file.exists()}`).toEndWith('true')
    }
  }
})

test('Node runs it as it is installed', async () => {
  const user = `user-${crypto.randomUUID()}`
  const { status, output } = await run(
    place,
    'node',
    'run.js',
    ...[service().url, user, await service().tokens.sign(user, 600)],
  )
  expect({ status, ...JSON.parse(output) }).toMatchObject({
    status: 0,
    seen: [['Buy milk', true]],
    total: 1,
    exported: true,
    refused: 'task-not-found',
  })
})

test.each(['node16', 'nodenext', 'browser'])('TypeScript reads its declarations: %s', async (settings) => {
  const tsc = join(root, 'node_modules/.bin/tsc')
  expect(await run(place, tsc, '-p', `tsconfig.${settings}.json`)).toEqual({ status: 0, output: '' })
  // And reads them in earnest: a wrong use is refused.
  const wrong = (await Bun.file(join(place, 'main.ts')).text()).replace('limit: 1', "limit: 'one'")
  const config = (await Bun.file(join(place, `tsconfig.${settings}.json`)).text()).replace('main.ts', 'wrong.ts')
  await Bun.write(join(place, 'wrong.ts'), wrong)
  await Bun.write(join(place, 'tsconfig.wrong.json'), config)
  const { output } = await run(place, tsc, '-p', 'tsconfig.wrong.json')
  expect(output).toContain("'string' is not assignable to type 'number'")
})
