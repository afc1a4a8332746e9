import { Elysia } from 'elysia'
import { admitCaller, type Gate } from '../auth/user.ts'
import { writeJson } from '../http/answer.ts'
import { jsonBody } from '../http/body.ts'
import type { Origins } from '../http/origins.ts'
import { Problem } from '../problem.ts'
import type { McpOptions, Serve } from './server.ts'

export interface McpRouteOptions extends McpOptions {
  /** Whose pages may call. */
  origins: Origins
}

/**
 * `POST /mcp`: the Model Context Protocol (Streamable HTTP, stateless). Tools, protocol and their
 * libraries are loaded by the first call.
 */
export function mcpRoutes(gate: Gate, { origins, ...options }: McpRouteOptions) {
  let serve: Promise<Serve> | undefined
  const load = async () => (await import('./server.ts')).createServe(options)
  return new Elysia({ name: 'mcp' })
    .use(gate.tokens.plugin)
    .derive(async ({ request, server, set }) => {
      const user = await admitCaller(gate, request, server, set)
      checkOrigin(request, origins)
      return { user }
    })
    .post(
      '/mcp',
      async ({ request, body, user, set }) => {
        serve ??= load()
        const requestId = String(set.headers['x-request-id'] ?? '')
        const answer = await (await serve)(request, body, { user, requestId })
        if (answer.headers.get('content-type') !== 'application/json') return answer
        set.status = answer.status
        return writeJson(await answer.text(), set)
      },
      { ...jsonBody, detail: { hide: true } },
    )
}

/**
 * Refuses pages of origins that are not listed, against DNS rebinding (MCP, transports): a page that is
 * at our address by a trick has an origin of its own all the same.
 */
function checkOrigin(request: Request, origins: Origins): void {
  const origin = request.headers.get('origin')
  if (origin === null || origins.any || origins.allows(origin)) return
  throw new Problem(
    'invalid-origin',
    'Pages of this origin may not call this address: the origin must be listed in CORS_ORIGINS.',
  )
}
