/** How Better Auth hears of the client's address: from us, never from the client. */
export const ADDRESS_HEADER = 'x-client-address'

/** How it hears which origins it may trust in a request, likewise. */
export const TRUSTED_HEADER = 'x-trusted-origins'

/** A host that no page can have (RFC 2606): what is trusted is said in each request. */
export const NOWHERE = 'doable.invalid'

export type Scheme = 'http' | 'https'

/** What to ask Better Auth. */
export interface AccountRequest {
  request: Request
  /** The parsed body, if there is one. */
  body: unknown
  /** The client's address, if it is known. */
  address: string | undefined
}

/**
 * As the browser sees it. A proxy's word is taken from anybody: whoever lies about it only
 * spoils his own cookies.
 */
export function schemeOf(request: Request): Scheme {
  const [forwarded] = (request.headers.get('x-forwarded-proto') ?? '').split(',')
  return (forwarded?.trim() || new URL(request.url).protocol.slice(0, -1)) === 'https' ? 'https' : 'http'
}

/**
 * The request as Better Auth is to see it: it says of itself only what has been checked.
 *
 * @param origins whose pages may use cookies; `['*']`: every page may sign in, but none with cookies.
 */
export function translate({ request, body, address }: AccountRequest, origins: readonly string[]): Request {
  const scheme = schemeOf(request)
  const { pathname, search } = new URL(request.url)
  const headers = new Headers(request.headers)
  for (const name of [ADDRESS_HEADER, TRUSTED_HEADER, 'content-length', 'transfer-encoding']) headers.delete(name)
  if (address !== undefined) headers.set(ADDRESS_HEADER, address)

  const own = `${scheme}://${request.headers.get('host') ?? NOWHERE}`
  const origin = request.headers.get('origin') ?? own
  const any = origins.includes('*')
  // Open to every page, but then nothing that the browser sends along by itself may count.
  if (any && origin !== own) headers.delete('cookie')
  const trusted = [own, ...(any ? [origin] : origins)].filter((item) => URL.canParse(item))
  headers.set(TRUSTED_HEADER, trusted.join(' '))

  if (body !== undefined) headers.set('content-type', 'application/json')
  return new Request(`${scheme}://${NOWHERE}${pathname.replace(/\/+$/, '')}${search}`, {
    method: request.method === 'HEAD' ? 'GET' : request.method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}
