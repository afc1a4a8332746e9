import { expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { newPlace } from '../kit/program.ts'

setDefaultTimeout(120_000)

/** Failures outside of any request. SIGHUP triggers them. */
const faults = {
  'a rejection that nobody handles': `Promise.reject(new Error('Zanzibar'))`,
  'an error that nobody catches': `setTimeout(() => { throw new Error('Zanzibar') })`,
  'a rejection that is no error': `Promise.reject('Zanzibar')`,
}

test.each(Object.entries(faults))('%s is logged and ends the process', async (_, fault) => {
  await using place = await newPlace()
  const preload = join(place.dir, 'fault.ts')
  await Bun.write(preload, `process.on('SIGHUP', () => { ${fault} })`)
  const served = await place.serve({ BUN_OPTIONS: `--preload=${preload}` })
  expect((await fetch(`${served.url}/health`)).status).toBe(200)
  served.signal('SIGHUP')
  expect(await served.ended).toBe(1)
  const { level, msg } = JSON.parse(served.output.stdout.split('\n').find((line) => line.includes('fatal')) ?? '{}')
  expect([level, msg]).toEqual(['fatal', 'ending after a failure'])
  expect(served.output.stdout + served.output.stderr).not.toContain('Zanzibar')
  // The lock of the data directory is released: the next start succeeds.
  const next = await place.serve()
  expect((await fetch(`${next.url}/health/ready`)).status).toBe(200)
  expect(await next.end()).toBe(0)
})
