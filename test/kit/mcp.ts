import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { Target } from './boot.ts'
import { expectProblem } from './expect-problem.ts'
import { bearer, type Headers } from './send.ts'

/** The protocol versions that are served to everybody, newest first. */
export const versions = ['2026-07-28', '2025-11-25'] as const
export type Version = (typeof versions)[number]

const NEWEST: Version = '2026-07-28'
const BOTH = { accept: 'application/json, text/event-stream' }

/** One message of JSON-RPC, with what this version of the protocol wants around it. */
export function message(method: string, params: Record<string, unknown> = {}, version: Version = NEWEST) {
  const name: unknown = params['name']
  const meta = {
    'io.modelcontextprotocol/protocolVersion': version,
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  return {
    headers: {
      ...BOTH,
      'mcp-protocol-version': version,
      ...(version === NEWEST && { 'mcp-method': method, ...(typeof name === 'string' && { 'mcp-name': name }) }),
    },
    body: { jsonrpc: '2.0', id: 1, method, params: version === NEWEST ? { ...params, _meta: meta } : params },
  }
}

/** Calls a tool by hand. @param by the user of the token, or headers of one's own. */
export function postCall(
  target: Target,
  by: string | Headers,
  name: string,
  given: unknown = {},
  version: Version = NEWEST,
): Promise<Response> {
  const { headers, body } = message('tools/call', { name, arguments: given }, version)
  const [user, own] = typeof by === 'string' ? [by, {}] : [undefined, by]
  return target.request(user, 'POST', '/mcp', body, { ...headers, ...own })
}

/** The result of a tool, as far as tests read it. */
export interface Result {
  content: { type: string; text: string }[]
  structuredContent: Record<string, unknown>
  isError?: boolean
  _meta?: Record<string, unknown>
}

/** The same, and its result. @throws Error with the answer where it has none. */
export async function callTool(...call: Parameters<typeof postCall>): Promise<Result> {
  const response = await postCall(...call)
  const text = await response.text()
  const { result } = JSON.parse(text) as { result?: Result }
  if (response.status !== 200 || result === undefined) throw new Error(`${call[2]}: ${response.status} ${text}`)
  return result
}

/** Expects the refusal that the routes give this token, of a tool that writes and of one that reads. */
export async function expectRefused(target: Target, token: string | Headers, status: number, code: string) {
  const headers = typeof token === 'string' ? bearer(token) : token
  await expectProblem(await postCall(target, headers, 'add_task', { title: 'mine' }), status, code)
  await expectProblem(await postCall(target, headers, 'list_tasks', {}, '2025-11-25'), status, code)
}

interface ClientOptions {
  /** Pinned, so that a test of a version is one. */
  version?: Version
  fetch?: typeof globalThis.fetch
}

/** The SDK's own client, connected. */
export async function connect(url: string, token: string, { version = NEWEST, fetch }: ClientOptions = {}) {
  const mode = version === NEWEST ? { pin: version } : 'legacy'
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
  const transport = new StreamableHTTPClientTransport(new URL('/mcp', url), {
    requestInit: { headers: bearer(token) },
    ...(fetch && { fetch }),
  })
  await client.connect(transport)
  return client
}
