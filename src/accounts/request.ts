import { readTextBody } from '../http/body.ts'
import { type Origins, schemeOf } from '../http/origins.ts'
import { Problem } from '../problem.ts'
import { renewCredentials } from './credentials.ts'
import type { Secrets } from './versions.ts'

/** The header that tells Better Auth the client's address. `translate` sets it; a client's own is dropped. */
export const ADDRESS_HEADER = 'x-client-address'

/** The header that tells Better Auth which origins to trust, set and dropped likewise. */
export const TRUSTED_HEADER = 'x-trusted-origins'

/** A host that no page can have (RFC 2606): the trusted origins come with each request instead. */
export const NOWHERE = 'doable.invalid'

const FORM = 'application/x-www-form-urlencoded'

export type Scheme = 'http' | 'https'

/** Reads a form. @param bytes that it may have. @throws Problem `unsupported-media-type`, `body-too-large`. */
export async function readForm(request: Request, bytes: number): Promise<URLSearchParams> {
  return new URLSearchParams(await readTextBody(request, [FORM], bytes))
}

/** @param answer Better Auth's 429. */
export function tooManyAttempts(answer: Response): Problem {
  const wait = answer.headers.get('x-retry-after') ?? '1'
  return new Problem('rate-limited', 'Too many attempts. Please wait a little.', { headers: { 'retry-after': wait } })
}

/** A request below `/api/auth`. */
export interface AccountRequest {
  request: Request
  /** The parsed body, if there is one: a form, or anything that is to be sent as JSON. */
  body: unknown
  /** The client's address; undefined where there is no socket. */
  address: string | undefined
}

/**
 * The request as Better Auth is to see it: address, origins and credentials have been checked here.
 *
 * @param origins whose pages may use cookies; with `any`, every page may sign in, but none with cookies.
 * @param page the origin of the page that a link may lead to.
 */
export function translate(
  { request, body, address }: AccountRequest,
  origins: Origins,
  secrets: Secrets,
  page?: string,
): Request {
  const scheme = schemeOf(request)
  const { pathname, search } = new URL(request.url)
  const headers = new Headers(request.headers)
  for (const name of [ADDRESS_HEADER, TRUSTED_HEADER, 'content-length', 'transfer-encoding']) headers.delete(name)
  if (address !== undefined) headers.set(ADDRESS_HEADER, address)

  const own = `${scheme}://${request.headers.get('host') ?? NOWHERE}`
  const origin = request.headers.get('origin') ?? own
  // Every page may ask, so what a browser attaches without the page's doing must not count.
  if (origins.any && origin !== own) headers.delete('cookie')
  renewCredentials(headers, secrets)
  const trusted = [
    own,
    ...origins.exact,
    ...(origins.any || origins.allows(origin) ? [origin] : []),
    ...(page ? [page] : []),
  ]
  headers.set(TRUSTED_HEADER, trusted.filter((item) => URL.canParse(item)).join(' '))

  const isForm = body instanceof URLSearchParams
  if (body !== undefined) headers.set('content-type', isForm ? FORM : 'application/json')
  return new Request(`${scheme}://${NOWHERE}${pathname.replace(/\/+$/, '')}${search}`, {
    method: request.method === 'HEAD' ? 'GET' : request.method,
    headers,
    ...(body === undefined ? {} : { body: isForm ? body.toString() : JSON.stringify(body) }),
  })
}
