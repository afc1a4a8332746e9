import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../../src/config.ts'
import { createLog } from '../../src/log.ts'
import { startService } from '../../src/serve.ts'
import { freePort } from '../kit/postgres-server.ts'
import { SECRET } from '../kit/tokens.ts'

setDefaultTimeout(120_000)

let dataDir: string
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'doable-serve-'))
})
afterEach(() => rm(dataDir, { recursive: true, force: true }))

const listen = (port: number) =>
  Bun.serve({ port, hostname: '127.0.0.1', reusePort: false, fetch: () => new Response('mine') })

test.each(['PORT', 'ADMIN_PORT'])('a start whose %s is taken leaves nothing open', async (name) => {
  const ports: Record<string, number> = { PORT: freePort(), ADMIN_PORT: freePort() }
  const other = listen(ports[name] ?? 0)
  const env = Object.fromEntries(Object.entries(ports).map(([key, port]) => [key, String(port)]))
  const start = () =>
    startService(readConfig({ ...env, DATA_DIR: dataDir, BETTER_AUTH_SECRET: SECRET }), createLog('silent'))
  await expect(start()).rejects.toThrow(/in use/)
  await other.stop(true)
  for (const port of Object.values(ports)) await listen(port).stop(true)
  // The data directory was released too.
  const service = await start()
  expect((await fetch(`${service.url}/health`)).status).toBe(200)
  expect((await fetch(`http://127.0.0.1:${ports['ADMIN_PORT']}/health`)).status).toBe(200)
  await service.stop()
})
