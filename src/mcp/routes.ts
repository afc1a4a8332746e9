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
  /** The address of the protected resource's metadata (RFC 9728), where there is one. */
  metadataOf?: ((request: Request) => string | undefined) | undefined
}

/**
 * `POST /mcp`: the Model Context Protocol (Streamable HTTP, stateless). Tools, protocol and their
 * libraries are loaded by the first call.
 */
export function mcpRoutes(gate: Gate, { origins, metadataOf, ...options }: McpRouteOptions) {
  let serve: Promise<Serve> | undefined
  const load = async () => (await import('./server.ts')).createServe(options)
  return new Elysia({ name: 'mcp' })
    .use(gate.tokens.plugin)
    .derive(async ({ request, server, set }) => {
      const user = await admitCaller(gate, request, server, set).catch((error: unknown) => {
        throw challenged(error, metadataOf?.(request))
      })
      checkOrigin(request, origins)
      return { user }
    })
    .post(
      '/mcp',
      async ({ request, body, user, set }) => {
        serve ??= load()
        const requestId = String(set.headers['x-request-id'] ?? '')
        const answer = await (await serve)(request, body, { user, requestId }).catch((error: unknown) => {
          throw challenged(error, metadataOf?.(request))
        })
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

/** A 401, or a 403 for want of scope, that also says where the metadata of the resource are (RFC 9728, 5.1). */
function challenged(error: unknown, metadata: string | undefined): unknown {
  const challenge = error instanceof Problem ? error.headers['www-authenticate'] : undefined
  if (!(error instanceof Problem) || challenge === undefined || metadata === undefined) return error
  const parameters = challenge === 'Bearer' ? ' ' : `${challenge.slice('Bearer'.length)}, `
  return new Problem(error.code, error.message, {
    headers: { ...error.headers, 'www-authenticate': `Bearer${parameters}resource_metadata="${metadata}"` },
    cause: error.cause,
  })
}
