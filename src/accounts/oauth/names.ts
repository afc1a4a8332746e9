import { MCP_AUDIENCE, MCP_ISSUER } from '../../auth/audience.ts'
import { SCOPES } from '../../auth/scope.ts'

export const SIGN_IN_PATH = '/account/sign-in'
export const SIGN_UP_PATH = '/account/sign-up'
export const SIGN_OUT_PATH = '/account/sign-out'
export const CONSENT_PATH = '/account/consent'
export const ACCESS_PATH = '/account/access'
export const AUTHORIZE_PATH = '/api/auth/oauth2/authorize'

/** What programs may ask for; the last one is a refresh token. */
export const OAUTH_SCOPES = [...SCOPES, 'offline_access'] as const

/** What a resource is replaced by that is none of ours: the provider refuses it. */
const NO_RESOURCE = 'https://doable.invalid/none'

/** The address of `/mcp` as clients know it, under the origin by which they reach the service. */
export const mcpOf = (own: string): string => `${own}/mcp`

/**
 * Puts in place of the resource's address (RFC 8707) the audience that stands for it inside. Without a resource,
 * there is only one that can be meant. Any other one is refused by the provider: `invalid_target`.
 */
export function translateResource(params: URLSearchParams, own: string): void {
  const asked = params.get('resource')
  const isOurs = asked === null || asked.replace(/\/$/, '') === mcpOf(own)
  params.set('resource', isOurs ? MCP_AUDIENCE : NO_RESOURCE)
}

/** An authorisation request as the client sent it, of one that the provider has signed for a page of ours. */
export function unsigned(params: URLSearchParams, own: string): URLSearchParams {
  const copy = new URLSearchParams(params)
  for (const name of [...copy.keys()]) if (/^(sig|exp|ba_.*)$/.test(name)) copy.delete(name)
  if (copy.get('resource') === MCP_AUDIENCE) copy.set('resource', mcpOf(own))
  return copy
}

/** Faults that parameters must not have (RFC 6749, 3.1), and that the tables cannot store. */
export function hasFault(params: URLSearchParams): boolean {
  const names = [...params.keys()]
  return new Set(names).size !== names.length || [...params.values()].some((value) => value.includes('\0'))
}

/** What the protocol's errors mean. The provider's own words could repeat what was sent. */
const WORDS: Record<string, string> = {
  access_denied: 'The user did not allow it.',
  consent_required: 'The user has to be asked.',
  invalid_client: 'There is no such client, or its credentials are not right.',
  invalid_client_metadata: 'The metadata of the client cannot be registered here.',
  invalid_grant: 'The code or refresh token is not valid: it was used, has expired, or is for another client.',
  invalid_redirect: 'The redirect_uri is none that this client has registered.',
  invalid_redirect_uri:
    'Every redirect_uri must be https, http on localhost, 127.0.0.1 or [::1], or of a scheme like com.example.app.',
  invalid_request: 'The request lacks a parameter, repeats one, or has one that is malformed; PKCE needs S256.',
  invalid_scope: 'The scopes are tasks:read, tasks:write and offline_access.',
  invalid_target: 'The resource must be the address of /mcp here.',
  login_required: 'The user has to sign in.',
  unauthorized_client: 'The client may not do this.',
  unsupported_grant_type: 'The grant types are authorization_code and refresh_token.',
  unsupported_response_type: 'The only response type is code.',
  unsupported_token_type: 'Only refresh tokens can be revoked here; access tokens end within 15 minutes.',
}

/** An error of the protocol and its words. */
export function errorOf(code: string | null | undefined): { error: string; error_description: string } {
  const error = code != null && code in WORDS ? code : 'invalid_request'
  return { error, error_description: WORDS[error] ?? '' }
}

/**
 * Where the provider sends the browser, as it is to be seen from outside: the issuer (RFC 9207) under its address,
 * errors in our words. Undefined where the client cannot be told, since it is unknown or its redirect is.
 */
export function outward(location: string, own: string): string | undefined {
  if (location.startsWith('/account/')) return location
  const url = URL.parse(location)
  // The provider's own error page.
  if (url === null || url.host === new URL(MCP_ISSUER).host) return undefined
  // The provider answers other response types in the fragment; the only mode that is supported is the query.
  for (const [name, value] of new URLSearchParams(url.hash.slice(1))) url.searchParams.set(name, value)
  url.hash = ''
  if (url.searchParams.has('iss')) url.searchParams.set('iss', own)
  if (url.searchParams.has('error')) {
    const { error, error_description } = errorOf(url.searchParams.get('error'))
    url.searchParams.set('error', error)
    url.searchParams.set('error_description', error_description)
  }
  return url.href
}
