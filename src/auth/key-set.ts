import { createRemoteJWKSet, errors, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { Problem } from '../problem.ts'
import { claimChecks, type Issuer, RECHECK_MS } from './issuer.ts'

/** Keys older than this, in milliseconds, are fetched again while requests go on using them. */
const REFRESH_MS = 20_000

/**
 * Keys older than this are used only after another fetch was tried. With RECHECK_MS, a key that
 * has left the set counts for 60 s at most. Above REFRESH_MS, so that steady traffic never waits.
 */
const STALE_MS = 40_000

/** Unknown `kid`s cause one fetch in this time: nobody can make Doable flood the issuer. */
const COOLDOWN_MS = 30_000

/** As long as no key was ever fetched, every request waits for the issuer: try again sooner. */
const COLD_RETRY_MS = 1000

const FETCH_TIMEOUT_MS = 3000

const ASYMMETRIC = ['EdDSA', 'ES256', 'RS256']

/**
 * The issuer behind a key set.
 *
 * @param parties the values of `iss` and `aud` that its tokens may carry.
 * @param now the clock, in milliseconds.
 */
export function createKeySetIssuer(
  url: URL,
  parties: { issuers: readonly string[]; audiences: readonly string[] },
  now: () => number = Date.now,
): Issuer {
  const keySet = createKeySet(url, now)
  const checks = claimChecks(ASYMMETRIC, parties)
  return {
    algorithms: ASYMMETRIC,
    recheckMs: RECHECK_MS,
    async verify(token) {
      try {
        return (await jwtVerify(token, keySet, checks)).payload
      } catch (error) {
        if (error instanceof errors.JWKSNoMatchingKey) return undefined
        if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
        // Without a `kid`, any fitting key of the set may have signed. The one that did decides on the claims.
        for await (const key of error) {
          try {
            return (await jwtVerify(token, key, checks)).payload
          } catch (failed) {
            if (!(failed instanceof errors.JWSSignatureVerificationFailed)) throw failed
          }
        }
        return undefined
      }
    },
  }
}

/**
 * The public keys of an issuer (JWK Set, RFC 7517), by jose. An unknown `kid` fetches
 * them once and then waits out a cooldown; while the issuer is down, the last good keys
 * go on serving.
 *
 * The getter throws `keys-unavailable` when no key was ever fetched, and jose's errors for a
 * `kid` or `alg` that the set does not hold.
 *
 * @param now the clock, in milliseconds.
 */
export function createKeySet(url: URL, now: () => number = Date.now): JWTVerifyGetKey {
  // When to fetch is decided here: jose's own freshness would fail requests while the issuer
  // is down. `fresh` therefore only says whether keys were ever fetched.
  const remote = createRemoteJWKSet(url, {
    cacheMaxAge: Number.POSITIVE_INFINITY,
    cooldownDuration: Number.POSITIVE_INFINITY,
    timeoutDuration: FETCH_TIMEOUT_MS,
  })
  /** When the last fetch began, whether or not it brought keys. */
  let tried = Number.NEGATIVE_INFINITY
  let chased = Number.NEGATIVE_INFINITY
  /** The last fetch without which no request goes on. */
  let awaited: Promise<void> = Promise.resolve()
  let failure: unknown

  const fetchKeys = async () => {
    tried = now()
    await remote.reload().catch((error: unknown) => {
      failure = error
    })
  }

  return async (header, token) => {
    const age = now() - tried
    if (age >= (remote.fresh ? STALE_MS : COLD_RETRY_MS)) awaited = fetchKeys()
    else if (remote.fresh && age >= REFRESH_MS) void fetchKeys()
    await awaited
    if (!remote.fresh)
      throw new Problem('keys-unavailable', 'The keys that tokens are signed with cannot be fetched right now.', {
        headers: { 'retry-after': '1' },
        cause: failure,
      })
    try {
      return await remote(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      if (now() - chased >= COOLDOWN_MS) {
        chased = now()
        await fetchKeys()
      } else if (remote.reloading) await fetchKeys()
      else throw error
      return await remote(header, token)
    }
  }
}
