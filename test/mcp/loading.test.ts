import { expect, test } from 'bun:test'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

const src = join(import.meta.dir, '../../src')

test('a start loads nothing of the protocol: one module is imported, and the others by its first call', async () => {
  const transpiler = new Bun.Transpiler({ loader: 'ts' })
  const importsOf = async (path: string) => transpiler.scanImports(await Bun.file(join(src, path)).text())
  const files = (await readdir(src, { recursive: true })).filter((path) => /(?<!\.d)\.ts$/.test(path))
  const outside = files.filter((path) => !path.startsWith('mcp/'))
  expect(outside.length).toBeGreaterThan(100)

  const entries = (await Promise.all(outside.map(importsOf))).flat().filter(({ path }) => path.includes('/mcp/'))
  expect(entries.map(({ path }) => path)).toEqual(['./mcp/routes.ts'])
  const own = (await importsOf('mcp/routes.ts')).filter(({ path }) => path.startsWith('./'))
  expect(own).toEqual([{ kind: 'dynamic-import', path: './server.ts' }])
})
