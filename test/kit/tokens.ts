import { createTokens, type Tokens } from '../../src/auth/token.ts'

/** Signs and checks by one HS256 secret, and by nothing else: no key set, any issuer, any audience. */
export function secretTokens(secret: string): Promise<Tokens> {
  return createTokens({
    secrets: [secret],
    jwksUrl: undefined,
    jwks: { issuers: [], audiences: [] },
    issuer: undefined,
    audience: undefined,
  })
}
