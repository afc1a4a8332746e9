/**
 * What a list by MCP costs beside the same list by REST, in CPU of the service:
 *
 *     bun bench/mcp.ts [--rounds 8] [--requests 300] [--tasks 25]
 *
 * Over PostgreSQL, from source or by the program that `DOABLE_BINARY` names. The kinds of requests take
 * turns in short rounds, so that a busy machine disturbs all of them alike.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { stopAll } from '../test/kit/boot.ts'
import { newDatabase } from '../test/kit/postgres-server.ts'
import { startProgram } from '../test/kit/program.ts'
import { SECRET, secretTokens } from '../test/kit/tokens.ts'
import { cpuOf } from './usage.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '8' },
    requests: { type: 'string', default: '300' },
    tasks: { type: 'string', default: '25' },
  },
})
const [rounds, requests, tasks] = [values.rounds, values.requests, values.tasks].map(Number) as [number, number, number]
const IN_FLIGHT = 8

const cwd = await mkdtemp(join(tmpdir(), 'doable-bench-'))
const service = startProgram(['serve'], {
  cwd,
  env: { PORT: '0', RATE_LIMIT: '0', BETTER_AUTH_SECRET: SECRET, DATABASE_URL: await newDatabase(), DATA_DIR: cwd },
})
try {
  const url = await service.url
  const token = await (await secretTokens(SECRET)).sign('alice', 3600)
  const common = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }

  const send = async (path: string, init: RequestInit): Promise<void> => {
    const response = await fetch(url + path, init)
    const text = await response.text()
    if (!response.ok || text.includes('"isError"')) throw new Error(`${path} answered ${response.status} ${text}`)
  }
  for (let i = 0; i < tasks; i++) {
    const task = {
      title: `Task ${i} of the bench`,
      description: 'Two litres, oat',
      tags: ['home'],
      due_date: '2026-11-24',
    }
    await send('/api/alice/tasks', { method: 'POST', headers: common, body: JSON.stringify(task) })
  }

  const call = { name: 'list_tasks', arguments: { limit: tasks } }
  const both = { ...common, accept: 'application/json, text/event-stream' }
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const rpc = (params: object) => JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
  const newest = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'list_tasks' }
  const kinds: Record<string, () => Promise<void>> = {
    REST: () => send(`/api/alice/tasks?limit=${tasks}`, { headers: common }),
    'MCP 2026-07-28': () =>
      send('/mcp', { method: 'POST', headers: { ...both, ...newest }, body: rpc({ ...call, _meta: meta }) }),
    'MCP 2025-11-25': () =>
      send('/mcp', { method: 'POST', headers: { ...both, 'mcp-protocol-version': '2025-11-25' }, body: rpc(call) }),
  }

  const round = async (ask: () => Promise<void>): Promise<number> => {
    const before = await cpuOf(service.pid)
    let sent = 0
    const work = async () => {
      while (sent++ < requests) await ask()
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, work))
    return (((await cpuOf(service.pid)) - before) / requests) * 1000
  }
  const used = new Map(Object.keys(kinds).map((name) => [name, [] as number[]]))
  // The first round warms up.
  for (let n = 0; n <= rounds; n++)
    for (const [name, ask] of Object.entries(kinds)) {
      const ms = await round(ask)
      if (n > 0) used.get(name)?.push(ms)
    }

  const mean = (list: number[] = []) => list.reduce((sum, ms) => sum + ms, 0) / list.length
  const rest = mean(used.get('REST'))
  const say = (line: string) => process.stdout.write(`${line}\n`)
  say(`${tasks} tasks, ${rounds} rounds of ${requests}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}`)
  for (const [name, list] of used)
    say(`${name.padEnd(16)} ${mean(list).toFixed(3)} ms of CPU a request, ${(mean(list) / rest).toFixed(2)} times REST`)
} finally {
  await service.end()
  await stopAll()
  await rm(cwd, { recursive: true, force: true })
}
