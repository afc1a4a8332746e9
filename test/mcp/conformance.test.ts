import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startProgram } from '../kit/program.ts'
import { useService } from '../kit/service.ts'

const SUITE = join(import.meta.dir, '../../node_modules/@modelcontextprotocol/conformance/dist/index.js')
const BASELINE = join(import.meta.dir, 'conformance-baseline.yml')

/** What the suite can ask of a server whose tools it does not know. */
const PASSING = ['dns-rebinding-protection', 'ping', 'server-initialize', 'tools-list']

const service = useService('embedded')
let proxy: Bun.Server<undefined>
let cwd: string

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'doable-conformance-'))
  const authorization = `Bearer ${await service().tokens.sign('ann', 3600)}`
  // The suite sends no token.
  proxy = Bun.serve({
    hostname: 'localhost',
    port: 0,
    async fetch({ url, method, headers, body }) {
      const all = new Headers(headers)
      all.set('authorization', authorization)
      return fetch(service().url + new URL(url).pathname, { method, headers: all, body })
    },
  })
})
afterAll(async () => {
  await proxy?.stop(true)
  await rm(cwd, { recursive: true, force: true })
})

test('every server scenario of the public suite that can apply passes, and no other is expected to', async () => {
  const ask = ['server', '--url', `http://localhost:${proxy.port}/mcp`, '--suite', 'all']
  const program = startProgram([SUITE, ...ask, '--expected-failures', BASELINE], { command: [process.execPath], cwd })
  const status = await program.ended
  const { stdout, stderr } = program.output
  const passed = [...stdout.matchAll(/^✓ ([\w-]+): [1-9]\d* passed, 0 failed/gm)].map(([, name]) => name)
  expect(passed.sort(), stderr.slice(-2000)).toEqual(PASSING)
  expect(status, stdout.slice(-2000)).toBe(0)
})
