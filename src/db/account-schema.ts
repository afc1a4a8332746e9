import { bigint, boolean, index, integer, text, timestamp } from 'drizzle-orm/pg-core'
import { doable } from './schema.ts'

// Better Auth's tables. Better Auth looks up a field by its property name here and works with dates; columns
// are named in snake_case, as in all other tables.

const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3 })

const ofAccount = () =>
  text('account_id')
    .notNull()
    .references(() => accounts.id, { onDelete: 'cascade' })

/** The users who have signed up. */
export const accounts = doable.table('accounts', {
  id: text('id').primaryKey(),
  name: text('name').notNull(),
  /** In lower case. */
  email: text('email').notNull().unique('accounts_email'),
  emailVerified: boolean('email_verified').notNull().default(false),
  image: text('image'),
  createdAt: time('created_at').notNull(),
  updatedAt: time('updated_at').notNull(),
})

/** How an account signs in: by a password, kept as a hash. */
export const accountCredentials = doable.table(
  'account_credentials',
  {
    id: text('id').primaryKey(),
    userId: ofAccount(),
    providerId: text('provider_id').notNull(),
    accountId: text('provider_account_id').notNull(),
    accessToken: text('access_token'),
    refreshToken: text('refresh_token'),
    idToken: text('id_token'),
    accessTokenExpiresAt: time('access_token_expires_at'),
    refreshTokenExpiresAt: time('refresh_token_expires_at'),
    scope: text('scope'),
    password: text('password'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (t) => [index('account_credentials_account').on(t.userId)],
)

export const accountSessions = doable.table(
  'account_sessions',
  {
    id: text('id').primaryKey(),
    userId: ofAccount(),
    token: text('token').notNull().unique('account_sessions_token'),
    expiresAt: time('expires_at').notNull(),
    ipAddress: text('ip_address'),
    userAgent: text('user_agent'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (t) => [index('account_sessions_account').on(t.userId), index('account_sessions_expires').on(t.expiresAt)],
)

/** Short-lived values, such as those of an e-mail to be confirmed. */
export const accountVerifications = doable.table(
  'account_verifications',
  {
    id: text('id').primaryKey(),
    identifier: text('identifier').notNull(),
    value: text('value').notNull(),
    expiresAt: time('expires_at').notNull(),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (t) => [index('account_verifications_identifier').on(t.identifier)],
)

/** Key pairs that tokens are signed with. The private halves are encrypted under the secret. */
export const accountKeys = doable.table('account_keys', {
  id: text('id').primaryKey(),
  publicKey: text('public_key').notNull(),
  privateKey: text('private_key').notNull(),
  alg: text('alg'),
  crv: text('crv'),
  createdAt: time('created_at').notNull(),
  expiresAt: time('expires_at'),
})

/** How often an address has tried to sign in, for instance: in the database, so that all replicas count together. */
export const accountRateLimits = doable.table('account_rate_limits', {
  id: text('id').primaryKey(),
  key: text('key').notNull().unique('account_rate_limits_key'),
  count: integer('count').notNull(),
  lastRequest: bigint('last_request', { mode: 'number' }).notNull(),
})
