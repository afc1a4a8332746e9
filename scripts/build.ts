import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { BunPlugin } from 'bun'
import { readScript } from '../src/http/openapi/script.ts'
import { buildWeb } from '../web/build.ts'

/** Processors by the names that Node and the OCI image format give them. */
const TARGETS: Record<string, Bun.Build.CompileTarget> = {
  x64: 'bun-linux-x64',
  amd64: 'bun-linux-x64',
  arm64: 'bun-linux-arm64',
}

const { values } = parseArgs({
  options: { arch: { type: 'string' }, outfile: { type: 'string', default: 'dist/doable' } },
})
const target = values.arch === undefined ? undefined : TARGETS[values.arch]
if (values.arch !== undefined && target === undefined)
  throw new Error(`--arch takes one of ${Object.keys(TARGETS).join(', ')}`)

/** Puts the bundled task application in the place of `src/web/files.ts`, which would bundle it at run time. */
async function bundledWeb(): Promise<BunPlugin> {
  const folder = resolve('dist/web')
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const files = await buildWeb()
  for (const { name, packed } of files) await Bun.write(join(folder, `${name}.gz`), packed)
  const contents = [
    ...files.map(
      ({ name }, i) => `import file${i} from ${JSON.stringify(join(folder, `${name}.gz`))} with { type: 'file' }`,
    ),
    'export const openFiles = () => Promise.all([',
    ...files.map(({ name, type }, i) => `  read(${JSON.stringify(name)}, ${JSON.stringify(type)}, file${i}),`),
    '])',
    'const read = async (name, type, path) => ({ name, type, packed: await Bun.file(path).bytes() })',
  ].join('\n')
  return {
    name: 'bundled web',
    setup: (build) => void build.onLoad({ filter: /src\/web\/files\.ts$/ }, () => ({ contents, loader: 'js' })),
  }
}

/** Puts the compressed script of the page in the place of `openapi/script.ts`, which would compress it at run time. */
async function packedScript(): Promise<BunPlugin> {
  const path = resolve('dist/scalar.js.gz')
  await Bun.write(path, await readScript())
  const contents = `import path from ${JSON.stringify(path)} with { type: 'file' }
export const readScript = () => Bun.file(path).bytes()`
  return {
    name: 'packed script',
    setup: (build) =>
      void build.onLoad({ filter: /src\/http\/openapi\/script\.ts$/ }, () => ({ contents, loader: 'js' })),
  }
}

await Bun.build({
  plugins: [await bundledWeb(), await packedScript()],
  entrypoints: ['src/main.ts', 'src/db/pglite/engine.ts'],
  root: '.',
  target: 'bun',
  format: 'esm',
  // Parsing is most of a start; with bytecode it is done here.
  bytecode: true,
  // What is imported on demand stays out of a start's time and memory.
  splitting: true,
  // Never identifiers: Elysia reads the text of handlers to learn what of a request they use.
  minify: { whitespace: true, syntax: true, identifiers: false },
  // `define` replaces `process.env.NODE_ENV`; the banner sets the variable for code that reads `Bun.env`.
  define: { 'process.env.NODE_ENV': '"production"' },
  banner: 'Bun.env.NODE_ENV="production";',
  compile: {
    ...(target && { target }),
    outfile: values.outfile,
    // Settings come from the environment alone, not from files in the working directory.
    autoloadDotenv: false,
    autoloadBunfig: false,
  },
})
const { size } = Bun.file(values.outfile)
process.stdout.write(`${resolve(values.outfile)} ${(size / 1e6).toFixed(1)} MB\n`)
