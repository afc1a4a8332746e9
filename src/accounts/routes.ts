import { Elysia } from 'elysia'
import { answers } from '../http/answer.ts'
import { jsonBody, optionalJsonBody } from '../http/body.ts'
import type { Limits } from '../http/limits.ts'
import { documented } from '../http/openapi/documented.ts'
import type { Accounts } from './accounts.ts'
import { always, badBody, broken, createAsk, SESSION_OR_NONE } from './ask.ts'
import { mailRoutes } from './mail/routes.ts'
import * as model from './model.ts'

/**
 * Better Auth's endpoints, one by one rather than all below a path: `auth` stays a user id
 * like any other, an unknown address stays 404, a wrong method 405.
 */
export function accountRoutes(accounts: Accounts, limits: Limits) {
  const ask = createAsk(accounts, limits)
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
    .use(mailRoutes(ask))
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
