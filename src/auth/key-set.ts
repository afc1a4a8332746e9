import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose'
import { Problem } from '../problem.ts'

/** After this long the keys are fetched anew, behind the requests that they go on serving. */
const REFRESH_MS = 10 * 60_000

/** Unknown `kid`s cause one fetch in this time, so that nobody can make us hammer the issuer. */
const COOLDOWN_MS = 30_000

/** Where no key was ever had, every request waits on the issuer: try again sooner. */
const COLD_RETRY_MS = 1000

const FETCH_TIMEOUT_MS = 3000

/**
 * The public keys of an issuer (JWK Set, RFC 7517), by jose. An unknown `kid` fetches
 * them once and then waits out a cooldown; while the issuer is down, the last good keys
 * go on serving.
 *
 * The getter throws `keys-unavailable` when no key was ever had, and jose's errors for a
 * `kid` or `alg` that the set does not hold.
 *
 * @param now the clock, in milliseconds.
 */
export function createKeySet(url: URL, now: () => number = Date.now): JWTVerifyGetKey {
  // When to fetch is decided here: jose's own freshness would make requests wait for
  // the issuer and fail with it. `fresh` therefore only says whether keys were ever had.
  const remote = createRemoteJWKSet(url, {
    cacheMaxAge: Number.POSITIVE_INFINITY,
    cooldownDuration: Number.POSITIVE_INFINITY,
    timeoutDuration: FETCH_TIMEOUT_MS,
  })
  let fetched = Number.NEGATIVE_INFINITY
  let chased = Number.NEGATIVE_INFINITY
  let failure: unknown

  const fetchKeys = async () => {
    fetched = now()
    await remote.reload().catch((error: unknown) => {
      failure = error
    })
  }

  return async (header, token) => {
    if (remote.fresh) {
      if (now() - fetched >= REFRESH_MS) void fetchKeys()
    } else if (remote.reloading || now() - fetched >= COLD_RETRY_MS) await fetchKeys()
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
