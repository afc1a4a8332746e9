import { drizzleAdapter } from 'better-auth/adapters/drizzle'
import { isAPIError } from 'better-auth/api'
import { betterAuth } from 'better-auth/minimal'
import { bearer } from 'better-auth/plugins/bearer'
import { jwt } from 'better-auth/plugins/jwt'
import {
  accountCredentials,
  accountKeys,
  accountRateLimits,
  accountSessions,
  accounts,
  accountVerifications,
} from '../db/account-schema.ts'
import type { Db } from '../db/open.ts'
import type { AccountOptions } from './accounts.ts'
import { ADDRESS_HEADER, NOWHERE, type Scheme, TRUSTED_HEADER } from './request.ts'

/** Attempts of one address, over all replicas: enough for a household, too few to guess a password. */
const ATTEMPTS = { window: 60, max: 10 }

const tables = {
  user: accounts,
  session: accountSessions,
  account: accountCredentials,
  verification: accountVerifications,
  jwks: accountKeys,
  rateLimit: accountRateLimits,
}

/**
 * Better Auth over our database. This is the only module that imports it; it is loaded
 * when the first request wants it, since it takes longer than all the rest of a start.
 *
 * @param scheme as the browser sees it: cookies are `Secure` under https only.
 */
export function createEngine(options: AccountOptions, scheme: Scheme) {
  const { db, secret, issuer, audience, log, erase } = options
  const version = versionOf(secret)
  const { handler } = betterAuth({
    appName: 'Doable',
    baseURL: `${scheme}://${NOWHERE}`,
    basePath: '/api/auth',
    secret,
    // So that what is encrypted says under which secret.
    secrets: [{ version, value: secret }],
    database: drizzleAdapter(db, { provider: 'pg', schema: tables, transaction: true }),
    trustedOrigins: (request) => request?.headers.get(TRUSTED_HEADER)?.split(' ') ?? [],
    emailAndPassword: { enabled: true },
    user: {
      deleteUser: {
        enabled: true,
        // The account goes in the same statement: nobody is left without tasks, no tasks without anybody.
        beforeDelete: ({ id }) => erase(id),
      },
    },
    plugins: [
      // A token says who, and no more: who reads it has no use for name and e-mail address.
      jwt({
        jwt: { issuer, audience, expirationTime: '15m', definePayload: () => ({}) },
        adapter: { getJwks: () => readKeys(db, version) },
      }),
      bearer(),
    ],
    rateLimit: {
      enabled: true,
      storage: 'database',
      customRules: {
        '/sign-in/*': ATTEMPTS,
        '/sign-up/*': ATTEMPTS,
        '/change-password': ATTEMPTS,
        '/delete-user': ATTEMPTS,
        // Read at every page load, and nothing to be guessed there.
        '/get-session': false,
        '/token': false,
        '/jwks': false,
      },
    },
    advanced: {
      useSecureCookies: scheme === 'https',
      ipAddress: { ipAddressHeaders: [ADDRESS_HEADER] },
      // Off by itself where NODE_ENV is test.
      disableOriginCheck: false,
      disableCSRFCheck: false,
    },
    telemetry: { enabled: false },
    // What it says besides its sentence can be anything, and even there stand e-mail addresses.
    logger: { level: 'info', log: (_, message) => log.debug({ said: message.replace(/\S+@\S+/g, '…') }, 'accounts') },
    onAPIError: {
      onError(error) {
        // Ours to answer and to log; by itself it would print it.
        if (!isAPIError(error)) throw error
      },
    },
  })
  return handler
}

/**
 * All keys. One whose private half is encrypted under another secret signs no more, as if it
 * had expired, and a new one takes its place: a new secret brings a new key, and nobody needs
 * the old secret for it. Its public half stays published.
 */
async function readKeys(db: Db, version: number) {
  const keys = await db.select().from(accountKeys)
  return keys.map(({ id, publicKey, privateKey, createdAt, expiresAt }) => {
    const until = privateKey.startsWith(`"$ba$${version}$`) ? expiresAt : new Date(Date.now() - 1)
    const kind = { alg: 'EdDSA', crv: 'Ed25519' } as const
    return { id, publicKey, privateKey, createdAt, ...kind, ...(until && { expiresAt: until }) }
  })
}

/** Stays with a secret when others come and go. */
function versionOf(secret: string): number {
  return new Bun.CryptoHasher('sha256').update(`version of ${secret}`).digest().readUInt32BE(0) >>> 1
}
