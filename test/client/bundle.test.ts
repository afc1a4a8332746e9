import { expect, test } from 'bun:test'
import { join } from 'node:path'

const entry = join(import.meta.dir, '../../src/client/index.ts')

test('the client pulls in one parser and nothing of the server, and is small', async () => {
  const { outputs, success } = await Bun.build({
    entrypoints: [entry],
    target: 'browser',
    minify: true,
    sourcemap: 'external',
  })
  expect(success).toBe(true)
  const map = outputs.find(({ kind }) => kind === 'sourcemap')
  const { sources } = JSON.parse((await map?.text()) ?? '{}') as { sources: string[] }
  const foreign = sources.filter((path) => !/(^|\/)src\/client\/[\w-]+\.ts$/.test(path))
  expect(foreign.filter((path) => !path.includes('node_modules/eventsource-parser/'))).toEqual([])
  const script = await outputs.find(({ kind }) => kind === 'entry-point')?.text()
  expect(script).toContain('last-event-id')
  expect(Bun.gzipSync(script ?? '').length).toBeLessThan(6144)
})

test('the package offers it as doable/client', async () => {
  expect(import.meta.resolve('doable/client')).toBe(`file://${entry}`)
})
