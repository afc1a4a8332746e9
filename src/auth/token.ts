import { jwt } from '@elysiajs/jwt'
import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose'
import { LRUCache } from 'lru-cache'
import { Problem, type ProblemCode } from '../problem.ts'
import { createKeySet } from './key-set.ts'

/** Whom a token speaks for, and until when (seconds since 1970, as `exp`). */
export interface Identity {
  readonly id: string
  readonly expires: number
}

export interface TokenOptions {
  /** HS256 keys: the first signs, all verify. */
  readonly secrets: readonly [string, ...string[]]
  readonly jwksUrl: URL | undefined
  /** What tokens of that key set must carry: any of each. */
  readonly jwks: { readonly issuers: readonly string[]; readonly audiences: readonly string[] }
  readonly issuer: string | undefined
  readonly audience: string | undefined
  /** The keys of our own accounts, and what tokens by them carry. */
  readonly own?: { readonly keys: JWTVerifyGetKey; readonly issuer: string; readonly audience: string }
}

/** RFC 7519 allows "a small leeway" for clocks that differ (4.1.4, 4.1.5). */
const CLOCK_SKEW_S = 5

/** Verified tokens remembered, at most; about 1 KB each. */
const CACHE_SIZE = 10_000

/** No honest token comes near; a longer one is not worth hashing. */
const MAX_TOKEN_LENGTH = 8192

const ASYMMETRIC = ['EdDSA', 'ES256', 'RS256']

export type Tokens = Awaited<ReturnType<typeof createTokens>>

/**
 * Checks and makes tokens (JWT, RFC 7519, under the advice of RFC 8725): the header's
 * `alg` picks the key family and nothing else in a token picks a key.
 */
export async function createTokens(options: TokenOptions) {
  const plugins = await Promise.all(options.secrets.map(hs256))
  const [current] = plugins as [(typeof plugins)[number]]
  const keySet = options.jwksUrl && createKeySet(options.jwksUrl)
  const cache = new LRUCache<string, Identity>({ max: CACHE_SIZE })

  const always: JWTVerifyOptions = {
    requiredClaims: ['exp'],
    clockTolerance: CLOCK_SKEW_S,
    ...(options.issuer === undefined ? {} : { issuer: options.issuer }),
    ...(options.audience === undefined ? {} : { audience: options.audience }),
  }
  const symmetric: JWTVerifyOptions = { ...always, algorithms: ['HS256'] }
  const asymmetric: JWTVerifyOptions = {
    ...always,
    algorithms: ASYMMETRIC,
    ...(options.jwks.issuers.length === 0 ? {} : { issuer: [...options.jwks.issuers] }),
    ...(options.jwks.audiences.length === 0 ? {} : { audience: [...options.jwks.audiences] }),
  }

  async function verifyHs256(token: string): Promise<JWTPayload> {
    for (const { decorator } of plugins) {
      const payload = await decorator.jwt.verify(token, symmetric)
      if (payload) return payload as JWTPayload
    }
    // The plugin gives no reason. A token that held a second before its `exp` has only expired.
    const { exp } = decodeJwt(token)
    if (typeof exp === 'number' && exp <= Date.now() / 1000) {
      const before = { ...symmetric, currentDate: new Date((exp - 1) * 1000) }
      for (const { decorator } of plugins)
        if (await decorator.jwt.verify(token, before)) throw new errors.JWTExpired('expired', {})
    }
    throw new errors.JWTInvalid('no secret of ours signed it, or a claim does not hold')
  }

  /** By a key of our own accounts, where its `kid` is one of theirs. */
  async function verifyOwn(token: string): Promise<JWTPayload | undefined> {
    if (!options.own) return undefined
    const { keys, issuer, audience } = options.own
    try {
      return (await jwtVerify(token, keys, { ...always, algorithms: ASYMMETRIC, issuer, audience })).payload
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return undefined
      throw error
    }
  }

  async function verifyByKeySet(token: string): Promise<JWTPayload> {
    const own = await verifyOwn(token)
    if (own) return own
    if (!keySet) throw new errors.JOSEAlgNotAllowed('no key set is configured')
    try {
      return (await jwtVerify(token, keySet, asymmetric)).payload
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
      // Without a `kid`, any key of the set that fits may have signed. Once one has, its verdict on the claims stands.
      for await (const key of error) {
        try {
          return (await jwtVerify(token, key, asymmetric)).payload
        } catch (failed) {
          if (!(failed instanceof errors.JWSSignatureVerificationFailed)) throw failed
        }
      }
      throw error
    }
  }

  return {
    /** The @elysiajs/jwt plugin under the current secret. */
    plugin: current,

    /**
     * Whom a token speaks for.
     *
     * @param beforeCheck runs unless the token is known already; what it throws is thrown.
     * @throws Problem `token-expired`, `token-invalid`, or `keys-unavailable`.
     */
    async verify(token: string, beforeCheck: () => Promise<void> = async () => {}): Promise<Identity> {
      const known = cache.get(token)
      if (known && known.expires > Date.now() / 1000) return known
      await beforeCheck()
      try {
        if (token.length > MAX_TOKEN_LENGTH) throw new errors.JWTInvalid('too long')
        const { alg } = decodeProtectedHeader(token)
        const claims = alg === 'HS256' ? await verifyHs256(token) : await verifyByKeySet(token)
        // 1e999 is well-formed JSON and reads as Infinity: a token without an end.
        if (!Number.isFinite(claims.exp)) throw new errors.JWTInvalid('exp is not a finite number')
        const identity = { id: readUserId(claims), expires: Number(claims.exp) }
        cache.set(token, identity)
        return identity
      } catch (error) {
        cache.delete(token)
        if (error instanceof Problem) throw error
        throw error instanceof errors.JWTExpired
          ? refuse('token-expired', 'The token has expired. Please sign in again.', loggable(error))
          : refuse('token-invalid', 'The token is not valid here. Please sign in again.', loggable(error))
      }
    },

    /** A token for `userId` that expires `seconds` from now: for trying things out, and for tests. */
    sign(userId: string, seconds: number): Promise<string> {
      return current.decorator.jwt.sign({
        sub: userId,
        exp: Math.floor(Date.now() / 1000) + seconds,
        ...(options.issuer === undefined ? {} : { iss: options.issuer }),
        ...(options.audience === undefined ? {} : { aud: options.audience }),
      })
    },
  }
}

/** A 401 as RFC 6750, section 3, wants it. `token-missing` names no error there (3.1). */
export function refuse(code: ProblemCode & `token-${string}`, detail: string, cause?: unknown): Problem {
  const reason = code === 'token-missing' ? '' : ` error="invalid_token", error_description="${detail}"`
  return new Problem(code, detail, { headers: { 'www-authenticate': `Bearer${reason}` }, cause })
}

/** What the log may hold of a refusal: some messages of jose, and of the JSON parser below it, quote the token. */
function loggable(error: unknown): Error {
  const { name, code } = error as { name?: string; code?: string }
  const message = error instanceof errors.JWTClaimValidationFailed ? error.message : ''
  return Object.assign(new Error(message), { name, code })
}

/** Imports the key once: from text, the plugin would at every call. */
async function hs256(secret: string) {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', new TextEncoder().encode(secret), algorithm, false, [
    'sign',
    'verify',
  ])
  return jwt({ name: 'jwt', secret: key, alg: 'HS256', exp: '1h' })
}

/**
 * The user id: `sub`, else `user_id`, `userId`, `id`, `user.id` (Better Auth's cookie
 * cache). A claim that is there but unfit refuses the token; it does not fall through.
 */
function readUserId(claims: JWTPayload): string {
  const { sub, user_id, userId, id, user } = claims as Record<string, unknown>
  if (sub !== undefined) return checkUserId(sub)
  const nested = typeof user === 'object' && user !== null ? (user as { id?: unknown }).id : undefined
  const found = [user_id, userId, id, nested].find((claim) => claim !== undefined)
  return checkUserId(Number.isSafeInteger(found) ? String(found) : found)
}

function checkUserId(claim: unknown): string {
  const fit =
    typeof claim === 'string' &&
    claim !== '' &&
    [...claim].length <= 255 &&
    claim.isWellFormed() &&
    !claim.includes('\0')
  if (!fit) throw new errors.JWTInvalid('the token names no user')
  return claim
}
