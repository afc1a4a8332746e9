import { sql } from 'drizzle-orm'
import { boolean, customType, index, integer, jsonb, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core'
import { accountSessions, accounts } from './account-schema.ts'
import { doable } from './schema.ts'
import { readTexts } from './types.ts'

// The tables of Better Auth's OAuth provider, which looks up a field by its property name here. Programs
// that people give access to their tasks are its clients.

const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3 })

/** Written in PostgreSQL's text form of an array (manual, 8.15.6), which every driver takes for one parameter. */
const texts = customType<{ data: string[]; driverData: string | string[] }>({
  dataType: () => 'text[]',
  toDriver: (values) => `{${values.map((value) => `"${value.replace(/[\\"]/g, '\\$&')}"`).join(',')}}`,
  fromDriver: readTexts,
})

const ofAccount = () =>
  text('account_id')
    .notNull()
    .references(() => accounts.id, { onDelete: 'cascade' })

const ofClient = () =>
  text('client_id')
    .notNull()
    .references(() => oauthClients.clientId, { onDelete: 'cascade' })

const ofSession = () => text('session_id').references(() => accountSessions.id, { onDelete: 'set null' })

/** Programs that have registered themselves (RFC 7591). */
export const oauthClients = doable.table(
  'oauth_clients',
  {
    id: text('id').primaryKey(),
    clientId: text('client_id').notNull().unique('oauth_clients_client_id'),
    /** A hash. Programs that cannot keep a secret have none. */
    clientSecret: text('client_secret'),
    clientDiscoveryId: text('client_discovery_id'),
    disabled: boolean('disabled').default(false),
    skipConsent: boolean('skip_consent'),
    enableEndSession: boolean('enable_end_session'),
    subjectType: text('subject_type'),
    scopes: texts('scopes'),
    clientCredentialsScopes: texts('client_credentials_scopes').default(sql`'{}'`),
    userId: text('account_id').references(() => accounts.id, { onDelete: 'cascade' }),
    createdAt: time('created_at'),
    updatedAt: time('updated_at'),
    name: text('name'),
    uri: text('uri'),
    icon: text('icon'),
    contacts: texts('contacts'),
    tos: text('tos'),
    policy: text('policy'),
    softwareId: text('software_id'),
    softwareVersion: text('software_version'),
    softwareStatement: text('software_statement'),
    redirectUris: texts('redirect_uris').notNull(),
    postLogoutRedirectUris: texts('post_logout_redirect_uris'),
    backchannelLogoutUri: text('backchannel_logout_uri'),
    backchannelLogoutSessionRequired: boolean('backchannel_logout_session_required'),
    tokenEndpointAuthMethod: text('token_endpoint_auth_method'),
    applicationType: text('application_type'),
    jwks: text('jwks'),
    jwksUri: text('jwks_uri'),
    grantTypes: texts('grant_types'),
    responseTypes: texts('response_types'),
    requirePKCE: boolean('require_pkce'),
    dpopBoundAccessTokens: boolean('dpop_bound_access_tokens').default(false),
    referenceId: text('reference_id'),
    metadata: jsonb('metadata'),
  },
  (t) => [index('oauth_clients_account').on(t.userId), index('oauth_clients_created').on(t.createdAt)],
)

/** What access tokens are for (RFC 8707): `/mcp`, one row. */
export const oauthResources = doable.table('oauth_resources', {
  id: text('id').primaryKey(),
  identifier: text('identifier').notNull().unique('oauth_resources_identifier'),
  name: text('name').notNull(),
  accessTokenTtl: integer('access_token_ttl'),
  refreshTokenTtl: integer('refresh_token_ttl'),
  signingAlgorithm: text('signing_algorithm'),
  signingKeyId: text('signing_key_id'),
  allowedScopes: texts('allowed_scopes'),
  customClaims: jsonb('custom_claims'),
  dpopBoundAccessTokensRequired: boolean('dpop_bound_access_tokens_required').default(false),
  disabled: boolean('disabled').default(false),
  createdAt: time('created_at'),
  updatedAt: time('updated_at'),
  policyVersion: integer('policy_version').default(1),
  metadata: jsonb('metadata'),
})

/** What a user has given a program access to. A token of the program counts while this row is there. */
export const oauthConsents = doable.table(
  'oauth_consents',
  {
    id: text('id').primaryKey(),
    clientId: ofClient(),
    userId: ofAccount(),
    referenceId: text('reference_id'),
    resources: texts('resources'),
    requestedUserInfoClaims: texts('requested_user_info_claims'),
    scopes: texts('scopes').notNull(),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (t) => [
    uniqueIndex('oauth_consents_account').on(t.userId, t.clientId),
    index('oauth_consents_client').on(t.clientId),
  ],
)

/** What a program gets its next access token with, as a hash; used once, and then kept to tell a stolen one. */
export const oauthRefreshTokens = doable.table(
  'oauth_refresh_tokens',
  {
    id: text('id').primaryKey(),
    token: text('token').notNull().unique('oauth_refresh_tokens_token'),
    clientId: ofClient(),
    sessionId: ofSession(),
    userId: ofAccount(),
    referenceId: text('reference_id'),
    authorizationCodeId: text('authorization_code_id'),
    resources: texts('resources'),
    requestedUserInfoClaims: texts('requested_user_info_claims'),
    expiresAt: time('expires_at').notNull(),
    createdAt: time('created_at').notNull(),
    revoked: time('revoked'),
    rotatedAt: time('rotated_at'),
    rotationReplayResponse: text('rotation_replay_response'),
    rotationReplayExpiresAt: time('rotation_replay_expires_at'),
    authTime: time('auth_time'),
    confirmation: jsonb('confirmation'),
    scopes: texts('scopes').notNull(),
  },
  (t) => [
    index('oauth_refresh_tokens_account').on(t.userId, t.clientId),
    index('oauth_refresh_tokens_client').on(t.clientId),
    index('oauth_refresh_tokens_session').on(t.sessionId),
    index('oauth_refresh_tokens_code').on(t.authorizationCodeId),
    index('oauth_refresh_tokens_expires').on(t.expiresAt),
  ],
)

/** Access tokens that are no JWT. None is given out here; the provider deletes from this table all the same. */
export const oauthAccessTokens = doable.table(
  'oauth_access_tokens',
  {
    id: text('id').primaryKey(),
    token: text('token').unique('oauth_access_tokens_token'),
    clientId: ofClient(),
    sessionId: ofSession(),
    userId: text('account_id').references(() => accounts.id, { onDelete: 'cascade' }),
    referenceId: text('reference_id'),
    authorizationCodeId: text('authorization_code_id'),
    resources: texts('resources'),
    requestedUserInfoClaims: texts('requested_user_info_claims'),
    refreshId: text('refresh_id').references(() => oauthRefreshTokens.id, { onDelete: 'cascade' }),
    expiresAt: time('expires_at').notNull(),
    createdAt: time('created_at').notNull(),
    revoked: time('revoked'),
    confirmation: jsonb('confirmation'),
    scopes: texts('scopes').notNull(),
  },
  (t) => [
    index('oauth_access_tokens_client').on(t.clientId),
    index('oauth_access_tokens_session').on(t.sessionId),
    index('oauth_access_tokens_account').on(t.userId),
    index('oauth_access_tokens_code').on(t.authorizationCodeId),
    index('oauth_access_tokens_refresh').on(t.refreshId),
  ],
)

/** Which client may ask for which resource. The provider wants the table; whoever may have a token may have one for `/mcp`. */
export const oauthClientResources = doable.table(
  'oauth_client_resources',
  {
    id: text('id').primaryKey(),
    clientId: ofClient(),
    resourceId: text('resource_id')
      .notNull()
      .references(() => oauthResources.identifier, { onDelete: 'cascade' }),
    metadata: jsonb('metadata'),
    createdAt: time('created_at'),
  },
  (t) => [
    uniqueIndex('oauth_client_resources_pair').on(t.clientId, t.resourceId),
    index('oauth_client_resources_resource').on(t.resourceId),
  ],
)

/** JWTs by which clients have said who they are. The provider wants the table; no client can register that way. */
export const oauthClientAssertions = doable.table('oauth_client_assertions', {
  id: text('id').primaryKey(),
  expiresAt: time('expires_at').notNull(),
})
