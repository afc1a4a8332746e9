import { Elysia } from 'elysia'
import { answers } from '../http/answer.ts'
import { jsonBody, optionalJsonBody } from '../http/body.ts'
import type { Limits } from '../http/limits.ts'
import { documented } from '../http/openapi/documented.ts'
import { MAX_FAULTS } from '../http/validation.ts'
import { type Fault, invalid, Problem } from '../problem.ts'
import type { Accounts } from './accounts.ts'
import * as model from './model.ts'

/** Better Auth says only `Invalid origin`. */
const ORIGIN_REFUSED = 'Pages of this origin may not sign in here: the origin must be listed in CORS_ORIGINS.'

/** Header fields of Better Auth's answers that go out. CORS and caching are decided by Doable. */
const PASSED = ['content-type', 'location', 'set-auth-jwt', 'set-auth-token']

const broken = ['rate-limited', 'internal-error', 'database-unavailable'] as const
const badBody = ['malformed-json', 'body-too-large', 'unsupported-media-type', 'validation-failed'] as const
const always = [...broken, 'INVALID_ORIGIN'] as const

interface Context {
  request: Request
  set: { headers: Record<string, string | number> }
  server: { requestIP(request: Request): { address: string } | null } | null
  body?: unknown
}

/**
 * Better Auth's endpoints, one by one rather than all below a path: `auth` stays a user id
 * like any other, an unknown address stays 404, a wrong method 405.
 */
export function accountRoutes(accounts: Accounts, limits: Limits) {
  // Elysia's types know only the declared answers; a Response passes through as it is.
  const ask = async ({ request, set, server, body }: Context): Promise<never> => {
    checkTexts(body)
    const address = limits.addressOf(request, server)
    const answer = await accounts.ask({ request, body, address })
    return (await finish(answer, String(set.headers['x-request-id'] ?? ''))) as never
  }
  const hidden = { detail: { hide: true } }

  return new Elysia({ prefix: '/api/auth', tags: ['accounts'] })
    .derive(async ({ request, server }) => {
      // `limitStage` leaves requests with a token to the user plugin, which these routes do without.
      if (request.headers.has('authorization')) await limits.countAddress(request, server)
    })
    .post('/sign-up/email', ask, {
      ...jsonBody,
      response: {
        ...answers({ 200: model.SignedIn }),
        ...model.refused(
          ...badBody,
          ...always,
          'VALIDATION_ERROR',
          'INVALID_EMAIL',
          'PASSWORD_TOO_SHORT',
          'PASSWORD_TOO_LONG',
          'INVALID_CALLBACK_URL',
          'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL',
        ),
      },
      detail: documented({
        operationId: 'signUp',
        summary: 'Sign up',
        description: 'Makes an account and signs it in: by a cookie, and by the `token` that comes back.',
        security: [],
        body: model.SignUp,
        responseHeaders: { 200: ['Set-Auth-Token'] },
      }),
    })
    .post('/sign-in/email', ask, {
      ...jsonBody,
      response: {
        ...answers({ 200: model.SignedIn }),
        ...model.refused(
          ...badBody,
          ...always,
          'VALIDATION_ERROR',
          'INVALID_EMAIL',
          'PASSWORD_TOO_LONG',
          'INVALID_CALLBACK_URL',
          'INVALID_EMAIL_OR_PASSWORD',
        ),
      },
      detail: documented({
        operationId: 'signIn',
        summary: 'Sign in',
        description: 'By a cookie, and by the `token` that comes back. Does not tell which of the two was wrong.',
        security: [],
        body: model.SignIn,
        responseHeaders: { 200: ['Set-Auth-Token'] },
      }),
    })
    .get('/token', ask, {
      response: { ...answers({ 200: model.Token }), ...model.refused('UNAUTHORIZED', ...broken) },
      detail: documented({
        operationId: 'getToken',
        summary: 'Get a token',
        description: "The JWT that everything else asks for, for the session of the cookie or of the session's token.",
        security: SESSION,
      }),
    })
    .get('/get-session', ask, {
      response: { ...answers({ 200: model.Session }), ...model.refused('FAILED_TO_GET_SESSION', ...broken) },
      detail: documented({
        operationId: 'getSession',
        summary: 'Get the session',
        description: '`null` without a session. 401 only where the session ends during the request.',
        security: SESSION_OR_NONE,
        responseHeaders: { 200: ['Set-Auth-Jwt'] },
      }),
    })
    .post('/sign-out', ask, {
      ...optionalJsonBody,
      response: { ...answers({ 200: model.Done }), ...model.refused(...badBody, ...always, 'VALIDATION_ERROR') },
      detail: documented({
        operationId: 'signOut',
        summary: 'Sign out',
        description:
          'Ends the session, if there is one. Tokens that were given out for it stay valid until they expire.',
        security: SESSION_OR_NONE,
        body: model.Nothing,
        optionalBody: true,
      }),
    })
    .post('/delete-user', ask, {
      ...optionalJsonBody,
      response: {
        ...answers({ 200: model.Done }),
        ...model.refused(
          ...badBody,
          ...always,
          'VALIDATION_ERROR',
          'PASSWORD_TOO_LONG',
          'INVALID_PASSWORD',
          'SESSION_EXPIRED',
          'UNAUTHORIZED',
        ),
      },
      detail: documented({
        operationId: 'deleteAccount',
        summary: 'Delete the account',
        description: 'And everything of the user: tasks, trash, tombstones, sessions. At once and for good.',
        security: SESSION,
        body: model.Deletion,
        optionalBody: true,
      }),
    })
    .get('/jwks', ask, {
      response: answers({ 200: model.KeySet }, ...broken),
      detail: documented({
        operationId: 'getKeys',
        summary: 'Get the public keys',
        description: 'The JWK Set (RFC 7517) that the tokens are signed by.',
        security: [],
      }),
    })
    .get('/ok', ask, hidden)
    .get('/list-sessions', ask, hidden)
    .get('/list-accounts', ask, hidden)
    .post('/sign-in/social', ask, { ...jsonBody, ...hidden })
    .post('/revoke-session', ask, { ...jsonBody, ...hidden })
    .post('/revoke-sessions', ask, { ...optionalJsonBody, ...hidden })
    .post('/revoke-other-sessions', ask, { ...optionalJsonBody, ...hidden })
    .post('/update-user', ask, { ...jsonBody, ...hidden })
    .post('/change-password', ask, { ...jsonBody, ...hidden })
}

const SESSION = [{ session: [] }]
const SESSION_OR_NONE = [...SESSION, {}]

/**
 * Bounds every text of a body at MAX_TEXT, and refuses what the tables cannot store: NUL, lone surrogates, and
 * a name of null.
 *
 * @throws Problem `validation-failed`.
 */
function checkTexts(body: unknown): void {
  // Better Auth would hand it to the table, whose error would be a 500.
  if (typeof body === 'object' && body !== null && 'name' in body && body.name === null)
    throw invalid([{ pointer: '/name', detail: 'must be text' }])
  const faults: Fault[] = []
  const look = (value: unknown, pointer: string) => {
    if (typeof value === 'string') {
      const isLong = value.length > model.MAX_TEXT && [...value].length > model.MAX_TEXT
      if (isLong || value.includes('\0') || !value.isWellFormed())
        faults.push({
          pointer,
          detail: `must be text of at most ${model.MAX_TEXT} characters, without NUL or a lone surrogate`,
        })
    } else if (typeof value === 'object' && value !== null)
      for (const [name, part] of Object.entries(value))
        look(part, `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`)
  }
  look(body, '')
  if (faults.length > 0)
    throw invalid(faults.slice(0, MAX_FAULTS), `Every text must have at most ${model.MAX_TEXT} characters, and no NUL.`)
}

async function finish(answer: Response, requestId: string): Promise<Response> {
  const headers = new Headers({ 'cache-control': 'no-store' })
  for (const name of PASSED) {
    const value = answer.headers.get(name)
    if (value !== null) headers.set(name, value)
  }
  for (const cookie of answer.headers.getSetCookie()) headers.append('set-cookie', cookie)
  if (answer.status < 400) return new Response(answer.body, { status: answer.status, headers })

  if (answer.status === 429) {
    const wait = answer.headers.get('x-retry-after') ?? '1'
    throw new Problem('rate-limited', 'Too many attempts. Please wait a little.', { headers: { 'retry-after': wait } })
  }
  const { code, message } = (await answer.json().catch(() => ({}))) as { code?: string; message?: string }
  headers.set('content-type', 'application/problem+json')
  if (answer.status === 401) headers.set('www-authenticate', 'Bearer')
  const words = code === 'INVALID_ORIGIN' ? ORIGIN_REFUSED : message
  const document = model.refusal(answer.status, code ?? 'REFUSED', words ?? 'This was refused.')
  return new Response(JSON.stringify({ ...document, request_id: requestId }), { status: answer.status, headers })
}
