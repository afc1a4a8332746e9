import { drizzleAdapter } from 'better-auth/adapters/drizzle'
import { isAPIError } from 'better-auth/api'
import { type BetterAuthOptions, betterAuth } from 'better-auth/minimal'
import { bearer } from 'better-auth/plugins/bearer'
import { jwt } from 'better-auth/plugins/jwt'
import type { PgTable } from 'drizzle-orm/pg-core'
import {
  accountCredentials,
  accountKeys,
  accountRateLimits,
  accountSessions,
  accounts,
  accountVerifications,
} from '../db/account-schema.ts'
import { markToken } from './credentials.ts'
import { readKeys } from './keys.ts'
import type { AccountOptions } from './options.ts'
import { ADDRESS_HEADER, NOWHERE, type Scheme, TRUSTED_HEADER } from './request.ts'
import { endOtherAccess, FRESH_S } from './sessions.ts'
import { versionOf } from './versions.ts'

/** Attempts of one address in a minute, over all replicas: enough for a household, too few to guess a password. */
const ATTEMPTS = { window: 60, max: 10 }

const tables = {
  user: accounts,
  session: accountSessions,
  account: accountCredentials,
  verification: accountVerifications,
  jwks: accountKeys,
  rateLimit: accountRateLimits,
}

export type BetterAuthPlugin = NonNullable<BetterAuthOptions['plugins']>[number]

/**
 * Better Auth over Doable's database. No module but this one and the OAuth provider's imports Better Auth. The first request
 * below `/api/auth` loads it: loading takes longer than all the rest of a start.
 *
 * @param scheme as the browser sees it: cookies are `Secure` under https only.
 * @param more tables by Better Auth's names, and what needs them.
 */
export function createEngine(...asked: Parameters<typeof createAuth>) {
  return createAuth(...asked).handler
}

/** Better Auth with its functions, for callers inside Doable: what they ask for is neither limited nor checked. */
export function createAuth(
  options: AccountOptions,
  scheme: Scheme,
  more: { tables: Record<string, PgTable>; plugins: BetterAuthPlugin[] } = { tables: {}, plugins: [] },
) {
  const { db, secrets, issuer, audience, log, post, erase } = options
  const [secret] = secrets
  return betterAuth({
    appName: 'Doable',
    baseURL: `${scheme}://${NOWHERE}`,
    basePath: '/api/auth',
    secret,
    // Given a version, Better Auth writes it before what it encrypts.
    secrets: [{ version: versionOf(secret), value: secret }],
    database: drizzleAdapter(db, { provider: 'pg', schema: { ...tables, ...more.tables }, transaction: true }),
    trustedOrigins: (request) => request?.headers.get(TRUSTED_HEADER)?.split(' ') ?? [],
    emailAndPassword: {
      enabled: true,
      // Whoever resets a password may have lost it to somebody who is signed in.
      revokeSessionsOnPasswordReset: true,
      onPasswordReset: ({ user }) => endOtherAccess(db, user.id),
      ...(post && {
        sendResetPassword: async ({ user, url, token }) => post.resetPassword(user.email, token, pageOf(url)),
      }),
    },
    ...(post && {
      emailVerification: {
        sendOnSignUp: true,
        sendVerificationEmail: async ({ user, url, token }) => post.verifyEmail(user.email, token, pageOf(url)),
      },
    }),
    session: { freshAge: FRESH_S },
    databaseHooks: {
      session: {
        create: { before: async ({ token, ...rest }) => ({ data: { ...rest, token: markToken(token, secret) } }) },
      },
    },
    user: {
      deleteUser: {
        enabled: true,
        // Deletes the account in the same transaction as its tasks: neither outlives the other.
        beforeDelete: ({ id }) => erase(id),
      },
    },
    plugins: [
      // Besides the user id, only the session's id: whoever reads a token needs neither name nor e-mail address.
      jwt({
        jwt: { issuer, audience, expirationTime: '15m', definePayload: ({ session }) => ({ sid: session.id }) },
        adapter: { getJwks: () => readKeys(db, secrets) },
      }),
      bearer(),
      ...more.plugins,
    ],
    rateLimit: {
      enabled: true,
      storage: 'database',
      customRules: {
        '/sign-in/*': ATTEMPTS,
        '/sign-up/*': ATTEMPTS,
        '/change-password': ATTEMPTS,
        '/request-password-reset': ATTEMPTS,
        '/reset-password': ATTEMPTS,
        '/send-verification-email': ATTEMPTS,
        '/delete-user': ATTEMPTS,
        // Asked at every page load, and an answer helps nobody to guess.
        '/get-session': false,
        '/token': false,
        '/jwks': false,
      },
    },
    advanced: {
      useSecureCookies: scheme === 'https',
      ipAddress: { ipAddressHeaders: [ADDRESS_HEADER] },
      // Without these two lines Better Auth checks nothing where NODE_ENV is test.
      disableOriginCheck: false,
      disableCSRFCheck: false,
    },
    telemetry: { enabled: false },
    // Log the message only, with e-mail addresses masked: its parameters can hold anything.
    logger: { level: 'info', log: (_, message) => log.debug({ said: message.replace(/\S+@\S+/g, '…') }, 'accounts') },
    onAPIError: {
      onError(error) {
        // Thrown on, so that `problemBoundary` answers and logs it; Better Auth would print it.
        if (!isAPIError(error)) throw error
      },
    },
  })
}

/** The page in a link that Better Auth has made: an address in full, which `createLinks` has settled. */
function pageOf(url: string): string {
  return new URL(url).searchParams.get('callbackURL') ?? ''
}
