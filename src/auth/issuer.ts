import type { JWTPayload, JWTVerifyOptions, ProtectedHeaderParameters } from 'jose'

/**
 * One who signs tokens. Issuers are asked in order, each about the algorithms of its own
 * family only (RFC 8725, 3.1); the first that knows the token's key decides.
 */
export interface Issuer {
  /** Values of `alg` (RFC 7518, 3.1). A token with another one is never shown to this issuer. */
  readonly algorithms: readonly string[]
  /** How long an accepted token counts before the issuer is asked again, in milliseconds. */
  readonly recheckMs: number
  /**
   * The claims, or undefined where the token's key is none of this issuer's.
   *
   * @param header not verified yet: good for finding a key, and for nothing else.
   * @throws JOSEError where the key is known and the signature or a claim does not hold.
   * @throws Problem where the issuer cannot tell now, as when its keys cannot be fetched.
   */
  verify(token: string, header: ProtectedHeaderParameters): Promise<JWTPayload | undefined>
}

/** RFC 7519 allows "a small leeway" for clocks that differ (4.1.4, 4.1.5). */
const CLOCK_SKEW_S = 5

/**
 * How long a token by a public key counts before its key is looked up again. Together with
 * the age of the key that it is looked up in, a key counts for 60 s after it was taken away.
 */
export const RECHECK_MS = 20_000

/** What a token must carry to be accepted. An empty list accepts any value, and none. */
export function claimChecks(
  algorithms: readonly string[],
  { issuers, audiences }: { issuers: readonly string[]; audiences: readonly string[] },
): JWTVerifyOptions {
  return {
    algorithms: [...algorithms],
    requiredClaims: ['exp'],
    clockTolerance: CLOCK_SKEW_S,
    ...(issuers.length > 0 && { issuer: [...issuers] }),
    ...(audiences.length > 0 && { audience: [...audiences] }),
  }
}
