import { Elysia } from 'elysia'
import { pathOf } from './address.ts'
import { originOf } from './origins.ts'

/** The protected resource that programs get tokens for. */
const RESOURCE = '/mcp'

const METADATA = '/.well-known/oauth-protected-resource'

export interface ProtectedResource {
  /** Who gives out tokens (RFC 8414), by the origin that a client has asked. */
  serversOf(own: string): readonly string[]
  scopes: readonly string[]
}

/** The metadata of `/mcp` as a protected resource (RFC 9728, 2), at its own address and at the root's. */
export function protectedResourceRoutes({ serversOf, scopes }: ProtectedResource) {
  const answer = ({ request }: { request: Request }) => {
    const own = originOf(request)
    return Response.json({
      resource: own + RESOURCE,
      resource_name: 'Doable',
      authorization_servers: serversOf(own),
      scopes_supported: scopes,
      bearer_methods_supported: ['header'],
    })
  }
  const hidden = { detail: { hide: true } }
  return new Elysia({ name: 'protected-resource' })
    .get(METADATA, answer, hidden)
    .get(METADATA + RESOURCE, answer, hidden)
}

/**
 * Adds to a refusal at `/mcp` where its metadata is (RFC 9728, 5.1): from there a client that knows nothing but
 * the address finds out where to get a token.
 */
export function withResourceMetadata<Handle extends (request: Request) => Promise<Response>>(handle: Handle) {
  return async (request: Request): Promise<Response> => {
    const response = await handle(request)
    const challenge =
      response.status === 401 || response.status === 403 ? response.headers.get('www-authenticate') : null
    if (challenge === null || pathOf(request.url).replace(/\/$/, '') !== RESOURCE) return response
    const parameter = `resource_metadata="${originOf(request)}${METADATA}${RESOURCE}"`
    response.headers.set('www-authenticate', `${challenge}${challenge === 'Bearer' ? ' ' : ', '}${parameter}`)
    return response
  }
}
