import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

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

await Bun.build({
  entrypoints: ['src/main.ts', 'src/db/pglite/engine.ts'],
  root: '.',
  target: 'bun',
  format: 'esm',
  // Parsing is most of a start; with bytecode it is done here.
  bytecode: true,
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
