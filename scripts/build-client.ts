import { cp, mkdir, readdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import manifest from '../package.json'

/**
 * Makes the package of `doable/client` in `dist/client`, and `dist/doable-client.tgz` of it;
 * `--outdir` names another folder than `dist`. With `--check`, publint and Are the types wrong? check
 * both. Everything that the client imports goes into one module: as a package, `eventsource-parser`
 * asks for Node 22.12, though its code runs on 20.
 */
const { values } = parseArgs({ options: { check: { type: 'boolean' }, outdir: { type: 'string', default: 'dist' } } })
const root = join(import.meta.dir, '..')
const source = join(root, 'src/client')
const target = resolve(root, values.outdir, 'client')
const tarball = resolve(root, values.outdir, 'doable-client.tgz')
const parser = join(root, 'node_modules/eventsource-parser')

await rm(target, { recursive: true, force: true })
await mkdir(target, { recursive: true })
await Promise.all([buildModule(), buildTypes(), copySources(), writeManifest(), writeTexts()])
await pack()
if (values.check)
  await Promise.all([run('publint', '--strict', target), run('attw', '--profile', 'esm-only', '--quiet', tarball)])
process.stdout.write(`${tarball} ${(Bun.file(tarball).size / 1e3).toFixed(1)} kB\n`)

async function buildModule() {
  await Bun.build({
    entrypoints: [join(source, 'index.ts')],
    outdir: target,
    naming: 'client.js',
    target: 'browser',
    format: 'esm',
    sourcemap: 'linked',
  })
  const map = Bun.file(join(target, 'client.js.map'))
  const content = (await map.json()) as { sources: string[] }
  // Paths must be relative to the installed package, not to this folder.
  content.sources = content.sources.map((path) =>
    path.replace(/^.*src\/client\//, './src/').replace(/^.*node_modules\//, './'),
  )
  await map.write(JSON.stringify(content))
}

/** The declarations, by the client's own settings: without the types of Bun or Node. */
async function buildTypes() {
  const types = join(target, 'types')
  await run('tsc', '-p', source, '--outDir', types)
  for (const name of await readdir(types)) {
    const file = Bun.file(join(types, name))
    // The compiler leaves the extensions of imports as they are.
    if (name.endsWith('.d.ts')) await file.write((await file.text()).replaceAll(/(from '\.\/[\w-]+)\.ts'/g, "$1.js'"))
    else await file.write((await file.text()).replace(/"sources":\["[^"]*?([\w-]+\.ts)"\]/, '"sources":["../src/$1"]'))
  }
  await Bun.write(join(target, 'client.d.ts'), "export * from './types/index.js'\n")
}

/** The sources that the source maps name. */
async function copySources() {
  await cp(source, join(target, 'src'), { recursive: true, filter: (path) => !/\.(json|md)$/.test(path) })
}

async function writeManifest() {
  const { name, version, license } = manifest
  const content = {
    name,
    version,
    description: 'A typed client of Doable, the multi-user to-do API',
    license,
    type: 'module',
    sideEffects: false,
    engines: { node: '>=20.3' },
    files: ['client.js', 'client.js.map', 'client.d.ts', 'types', 'src'],
    exports: {
      './client': { types: './client.d.ts', default: './client.js' },
      './package.json': './package.json',
    },
  }
  await Bun.write(join(target, 'package.json'), `${JSON.stringify(content, null, 2)}\n`)
}

async function writeTexts() {
  await cp(join(source, 'README.md'), join(target, 'README.md'))
  const [ours, theirs] = await Promise.all(
    [join(root, 'LICENSE'), join(parser, 'LICENSE')].map((path) => Bun.file(path).text()),
  )
  await Bun.write(join(target, 'LICENSE'), `${ours}\n---\n\nclient.js contains eventsource-parser:\n\n${theirs}`)
}

/** As `npm pack` does; Bun's own needs no npm on the machine. */
async function pack() {
  await run(process.execPath, 'pm', 'pack', '--filename', tarball, '--ignore-scripts', '--quiet')
}

/** Runs a tool of `node_modules/.bin` in the package's folder. @throws Error with its output when it fails. */
async function run(tool: string, ...args: string[]) {
  const command = tool.includes('/') ? tool : join(root, 'node_modules/.bin', tool)
  const child = Bun.spawn([command, ...args], { cwd: target, stdout: 'pipe', stderr: 'pipe' })
  const output = await Promise.all([child.stdout.text(), child.stderr.text()])
  if ((await child.exited) !== 0) throw new Error(`${tool} ${args.join(' ')}:\n${output.join('')}`)
}
