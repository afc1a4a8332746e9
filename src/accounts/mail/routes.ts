import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { answers } from '../../http/answer.ts'
import { jsonBody } from '../../http/body.ts'
import { documented } from '../../http/openapi/documented.ts'
import { always, badBody, broken, type Context, SESSION_OR_NONE } from '../ask.ts'
import * as model from '../model.ts'

/**
 * How long an answer takes that must not tell whether an account has the address, in milliseconds: longer than
 * looking it up and keeping a token.
 */
const ANSWER_MS = 500

type Ask = (context: Context) => Promise<never>

/** Better Auth's routes for a forgotten password and for confirming an e-mail address, below the prefix of their user. */
export function mailRoutes(ask: Ask) {
  const askEvenly: Ask = async (context) => {
    const [answer] = await Promise.all([ask(context), Bun.sleep(ANSWER_MS)])
    return answer
  }

  return new Elysia({ tags: ['accounts'] })
    .post('/request-password-reset', askEvenly, {
      ...jsonBody,
      response: {
        ...answers({ 200: model.Asked }),
        ...model.refused(...badBody, ...always, 'VALIDATION_ERROR', 'RESET_PASSWORD_DISABLED', 'INVALID_REDIRECT_URL'),
      },
      detail: documented({
        operationId: 'requestPasswordReset',
        summary: 'Ask for a new password',
        description:
          'Mails a link that works once, within an hour. Does not tell whether an account has the address, neither in words nor by the time that it takes; no mail that fails changes the answer.',
        security: [],
        body: model.ResetRequest,
      }),
    })
    .post('/reset-password', ask, {
      ...jsonBody,
      response: {
        ...answers({ 200: model.Settled }),
        ...model.refused(
          ...badBody,
          ...always,
          'VALIDATION_ERROR',
          'INVALID_TOKEN',
          'PASSWORD_TOO_SHORT',
          'PASSWORD_TOO_LONG',
        ),
      },
      detail: documented({
        operationId: 'resetPassword',
        summary: 'Set a new password',
        description:
          "By the token of a link, which then counts no more. All of the account's sessions end; tokens that were given out for them stay valid until they expire.",
        security: [],
        body: model.Reset,
      }),
    })
    .post('/send-verification-email', askEvenly, {
      ...jsonBody,
      response: {
        ...answers({ 200: model.Settled }),
        ...model.refused(
          ...badBody,
          ...always,
          'VALIDATION_ERROR',
          'VERIFICATION_EMAIL_NOT_ENABLED',
          'EMAIL_MISMATCH',
          'EMAIL_ALREADY_VERIFIED',
          'INVALID_CALLBACK_URL',
        ),
      },
      detail: documented({
        operationId: 'sendVerificationEmail',
        summary: 'Ask for the mail that confirms the address',
        description:
          'Signing up sends it as well. Without a session, does not tell whether an account has the address.',
        security: SESSION_OR_NONE,
        body: model.VerificationRequest,
      }),
    })
    .get('/verify-email', ask, {
      query: model.VerificationQuery,
      response: {
        ...answers({ 200: model.Verified, 302: Type.Void({ description: 'On to `callbackURL`' }) }),
        ...model.refused(...broken, 'validation-failed', 'TOKEN_EXPIRED', 'INVALID_CALLBACK_URL'),
      },
      detail: documented({
        operationId: 'verifyEmail',
        summary: 'Confirm the e-mail address',
        description:
          'What the link of the mail leads to. With a `callbackURL` the browser is sent on there, also where it failed (`?error=INVALID_TOKEN`, for instance); without one, failures are 401.',
        security: [],
        responseHeaders: { 302: ['Location'] },
      }),
    })
}
