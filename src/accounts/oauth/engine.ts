import { oauthProvider } from '@better-auth/oauth-provider'
import { MCP_AUDIENCE, MCP_ISSUER } from '../../auth/audience.ts'
import { newSecret } from '../../auth/secret.ts'
import {
  oauthAccessTokens,
  oauthClientAssertions,
  oauthClientResources,
  oauthClients,
  oauthConsents,
  oauthRefreshTokens,
  oauthResources,
} from '../../db/oauth-schema.ts'
import { markToken } from '../credentials.ts'
import { type BetterAuthPlugin, createEngine } from '../engine.ts'
import type { AccountOptions } from '../options.ts'
import type { Scheme } from '../request.ts'
import { CONSENT_PATH, OAUTH_SCOPES, SIGN_IN_PATH } from './names.ts'

/** As long as the tokens of sessions, in seconds. */
const ACCESS_TOKEN_S = 15 * 60

/** How long a program may rest before its user has to let it in again, in seconds. Each use begins anew. */
const REFRESH_TOKEN_S = 30 * 24 * 60 * 60

const CODE_S = 5 * 60

/**
 * Better Auth with its OAuth 2.1 provider: codes with PKCE by S256, refresh tokens that are used once, access
 * tokens as JWTs (RFC 9068) for `/mcp`. The same accounts, sessions and keys as `createEngine`'s.
 *
 * Only what `oauthRoutes` passes on reaches it: of what the provider has, introspection, OpenID Connect and the
 * administration of clients stay out of reach.
 */
export function createOAuthEngine(options: AccountOptions, scheme: Scheme) {
  const [secret] = options.secrets
  const provider = oauthProvider({
    scopes: [...OAUTH_SCOPES],
    resources: [MCP_AUDIENCE],
    resourceSeedMode: 'overwrite',
    // There is one resource, and whoever may have a token may have one for it.
    enforcePerClientResources: false,
    grantTypes: ['authorization_code', 'refresh_token'],
    allowDynamicClientRegistration: true,
    allowUnauthenticatedClientRegistration: true,
    loginPage: SIGN_IN_PATH,
    consentPage: CONSENT_PATH,
    accessTokenExpiresIn: ACCESS_TOKEN_S,
    refreshTokenExpiresIn: REFRESH_TOKEN_S,
    codeExpiresIn: CODE_S,
    generateRefreshToken: () => markToken(newSecret(), secret),
    // Codes end with the secret, which nobody has to wait for: they last for minutes.
    storeTokens: {
      hash: async (token, type) =>
        new Bun.CryptoHasher('sha256', type === 'refresh_token' ? undefined : secret).update(token).digest('base64url'),
    },
    rateLimit: {
      register: { window: 60, max: 10 },
      authorize: { window: 60, max: 60 },
      token: { window: 60, max: 60 },
      revoke: { window: 60, max: 60 },
    },
  })
  return createEngine({ ...options, issuer: MCP_ISSUER, audience: MCP_AUDIENCE }, scheme, {
    tables: {
      oauthClient: oauthClients,
      oauthResource: oauthResources,
      oauthConsent: oauthConsents,
      oauthRefreshToken: oauthRefreshTokens,
      oauthAccessToken: oauthAccessTokens,
      oauthClientResource: oauthClientResources,
      oauthClientAssertion: oauthClientAssertions,
    },
    // Optional members of its OpenAPI metadata are typed as possibly undefined, which `exactOptionalPropertyTypes` refuses.
    plugins: [provider as unknown as BetterAuthPlugin],
  })
}
