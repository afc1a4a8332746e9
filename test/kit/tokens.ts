import { createTokens, type Tokens } from '../../src/auth/token.ts'

/** For tests only. Random enough to pass the check of secrets. */
export const SECRET = 'k3Vq8ZtPw1Xy6Rb0Nf4Hs9Ld2Mj7Gc5Ta'

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
