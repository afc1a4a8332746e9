import { renewCredentials } from './credentials.ts'
import type { Secrets } from './versions.ts'

/** The header that tells Better Auth the client's address. `translate` sets it; a client's own is dropped. */
export const ADDRESS_HEADER = 'x-client-address'

/** The header that tells Better Auth which origins to trust, set and dropped likewise. */
export const TRUSTED_HEADER = 'x-trusted-origins'

/** A host that no page can have (RFC 2606): the trusted origins come with each request instead. */
export const NOWHERE = 'doable.invalid'

export type Scheme = 'http' | 'https'

/** A request below `/api/auth`. */
export interface AccountRequest {
  request: Request
  /** The parsed body, if there is one. */
  body: unknown
  /** The client's address; undefined where there is no socket. */
  address: string | undefined
}

/**
 * The scheme that the browser uses. `X-Forwarded-Proto` is believed from anybody: a client that
 * lies only gets cookies that it cannot use.
 */
export function schemeOf(request: Request): Scheme {
  const [forwarded] = (request.headers.get('x-forwarded-proto') ?? '').split(',')
  return (forwarded?.trim() || new URL(request.url).protocol.slice(0, -1)) === 'https' ? 'https' : 'http'
}

interface Trust {
  /** Origins whose pages may use cookies; `['*']`: every page may sign in, but none with cookies. */
  corsOrigins: readonly string[]
  secrets: Secrets
}

/** The request as Better Auth is to see it: address, origins and credentials have been checked here. */
export function translate(
  { request, body, address }: AccountRequest,
  { corsOrigins: origins, secrets }: Trust,
): Request {
  const scheme = schemeOf(request)
  const { pathname, search } = new URL(request.url)
  const headers = new Headers(request.headers)
  for (const name of [ADDRESS_HEADER, TRUSTED_HEADER, 'content-length', 'transfer-encoding']) headers.delete(name)
  if (address !== undefined) headers.set(ADDRESS_HEADER, address)

  const own = `${scheme}://${request.headers.get('host') ?? NOWHERE}`
  const origin = request.headers.get('origin') ?? own
  const any = origins.includes('*')
  // Every page may ask, so what a browser attaches without the page's doing must not count.
  if (any && origin !== own) headers.delete('cookie')
  renewCredentials(headers, secrets)
  const trusted = [own, ...(any ? [origin] : origins)].filter((item) => URL.canParse(item))
  headers.set(TRUSTED_HEADER, trusted.join(' '))

  if (body !== undefined) headers.set('content-type', 'application/json')
  return new Request(`${scheme}://${NOWHERE}${pathname.replace(/\/+$/, '')}${search}`, {
    method: request.method === 'HEAD' ? 'GET' : request.method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}
