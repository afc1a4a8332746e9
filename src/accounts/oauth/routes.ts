import { Elysia } from 'elysia'
import type { Db } from '../../db/database.ts'
import { readTextBody, unreadBody } from '../../http/body.ts'
import type { Limits } from '../../http/limits.ts'
import { originOf } from '../../http/origins.ts'
import { html, pageOf } from '../pages/layout.ts'
import { readForm } from '../request.ts'
import type { Ask, Context } from './ask.ts'
import { AUTHORIZE_PATH, errorOf, hasFault, OAUTH_SCOPES, outward, translateResource } from './names.ts'
import { createWaitingRoom, MAX_REGISTRATION, readMetadata } from './registration.ts'

/** Bytes of a form that a program sends, at most. */
const MAX_FORM = 8 * 1024

/** RFC 6749, 5.1: no answer with a token is kept by caches. */
const HEADERS = { 'content-type': 'application/json', 'cache-control': 'no-store' }

const AUTH_METHODS = ['none', 'client_secret_basic', 'client_secret_post']

/** The metadata of the authorisation server (RFC 8414, 2), under the origin that the client has asked. */
export function serverMetadata(own: string) {
  return {
    issuer: own,
    authorization_endpoint: own + AUTHORIZE_PATH,
    token_endpoint: `${own}/api/auth/oauth2/token`,
    registration_endpoint: `${own}/api/auth/oauth2/register`,
    revocation_endpoint: `${own}/api/auth/oauth2/revoke`,
    scopes_supported: OAUTH_SCOPES,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_methods_supported: AUTH_METHODS,
    revocation_endpoint_auth_methods_supported: AUTH_METHODS,
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
  }
}

/**
 * OAuth 2.1 for programs, by Better Auth's provider: registration (RFC 7591), codes with PKCE, tokens for `/mcp`,
 * revocation (RFC 7009). Errors are those of the protocol (RFC 6749, 5.2), in words of ours.
 *
 * @param counts whether a refresh token was made under a secret that counts.
 */
export function oauthRoutes(ask: Ask, limits: Limits, db: Db, counts: (refreshToken: string) => boolean) {
  const checkRoom = createWaitingRoom(db)
  const hidden = { detail: { hide: true } }

  /** Passes a program's form on. */
  async function passForm(context: Context, path: string): Promise<Response> {
    const form = await readForm(context.request, MAX_FORM)
    if (hasFault(form)) return refuse(400, 'invalid_request')
    const refreshToken = form.get('refresh_token')
    if (refreshToken && !counts(refreshToken)) return refuse(400, 'invalid_grant')
    if (path.endsWith('/token')) translateResource(form, originOf(context.request))
    const answer = await finish(await ask(context, { path, kind: 'oauth', method: 'POST', body: form, by: 'program' }))
    // A token that is unknown needs no revoking (RFC 7009, 2.2); the provider calls it a fault of the request.
    const isUnknown = path.endsWith('/revoke') && form.get('token') && (await isFault(answer, 'invalid_request'))
    return isUnknown ? new Response(null, { headers: { 'cache-control': 'no-store' } }) : answer
  }

  return new Elysia({ tags: ['accounts'] })
    .get(
      '/.well-known/oauth-authorization-server',
      ({ request }) => Response.json(serverMetadata(originOf(request))),
      hidden,
    )
    .derive(async ({ request, server }) => {
      // `limitStage` leaves requests with credentials to the user plugin, which these routes do without.
      if (request.headers.has('authorization')) await limits.countAddress(request, server)
    })
    .get(AUTHORIZE_PATH, (context) => authorize(ask, context), hidden)
    .post('/api/auth/oauth2/token', (context) => passForm(context, '/api/auth/oauth2/token'), {
      ...unreadBody,
      ...hidden,
    })
    .post('/api/auth/oauth2/revoke', (context) => passForm(context, '/api/auth/oauth2/revoke'), {
      ...unreadBody,
      ...hidden,
    })
    .post(
      '/api/auth/oauth2/register',
      async (context) => {
        const text = await readTextBody(context.request, ['application/json'], MAX_REGISTRATION)
        const body = readMetadata(text)
        if (typeof body === 'string') return refuse(400, body)
        await checkRoom()
        const path = '/api/auth/oauth2/register'
        return await finish(await ask(context, { path, kind: 'oauth', method: 'POST', body, by: 'stranger' }))
      },
      { ...unreadBody, ...hidden },
    )
}

/** Asks the provider what an authorisation request leads to: a page of ours, or back to the client. */
export async function authorize(ask: Ask, context: Context): Promise<Response> {
  const own = originOf(context.request)
  const params = new URL(context.request.url).searchParams
  if (hasFault(params)) return notAuthorized('invalid_request')
  translateResource(params, own)
  return follow(await ask(context, { path: `${AUTHORIZE_PATH}?${params}`, kind: 'oauth', by: 'person' }), own)
}

/** The provider's answer as a redirect, whether it is one or holds an address. */
export async function follow(answer: Response, own: string): Promise<Response> {
  const { url } = answer.ok ? ((await answer.json()) as { url?: string }) : {}
  const location = answer.headers.get('location') ?? url
  const target = location === undefined ? undefined : outward(location, own)
  if (target === undefined) {
    const error = URL.parse(location ?? '')?.searchParams.get('error')
    return notAuthorized(error === 'client_disabled' ? 'invalid_client' : error)
  }
  return redirect(target, answer)
}

/** @param answer whose cookies go along. */
export function redirect(location: string, answer?: Response): Response {
  const headers = new Headers({ location, 'cache-control': 'no-store' })
  for (const cookie of answer?.headers.getSetCookie() ?? []) headers.append('set-cookie', cookie)
  return new Response(null, { status: 303, headers })
}

/** For people, since the client cannot be told: it is unknown, or what it asks for leads elsewhere (RFC 6749, 4.1.2.1). */
export function notAuthorized(code: string | null | undefined): Response {
  const { error, error_description } = errorOf(code)
  return pageOf({
    title: 'This program cannot be let in',
    status: 400,
    body: html`<p>${error_description}</p>
<p class="faint">What the program asked for is not well-formed, so that you cannot be sent back to it. Its makers may want to know: <code>${error}</code>.</p>`,
  })
}

async function isFault(answer: Response, error: string): Promise<boolean> {
  return answer.status === 400 && ((await answer.clone().json()) as { error: string }).error === error
}

function refuse(status: number, code: string | undefined): Response {
  return new Response(JSON.stringify(errorOf(code)), { status, headers: HEADERS })
}

/** Better Auth's answer to a program: its own words of a refusal could repeat what was sent. */
async function finish(answer: Response): Promise<Response> {
  if (answer.ok) return new Response(answer.body, { status: answer.status, headers: HEADERS })
  const { error } = (await answer.json().catch(() => ({}))) as { error?: string }
  // The provider has 401 `invalid_request` for a verifier that does not fit; RFC 7636, 4.6 wants this.
  if (answer.status === 401 && error !== 'invalid_client') return refuse(400, 'invalid_grant')
  const refusal = refuse(answer.status, error)
  if (answer.status === 401) refusal.headers.set('www-authenticate', 'Basic realm="Doable"')
  return refusal
}
