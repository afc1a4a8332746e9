import { Elysia } from 'elysia'
import { decodeProtectedHeader, errors, type JWTPayload } from 'jose'
import { LRUCache } from 'lru-cache'
import { Problem, type ProblemCode } from '../problem.ts'
import { MCP_AUDIENCE } from './audience.ts'
import type { Issuer } from './issuer.ts'
import { createKeySetIssuer } from './key-set.ts'
import { readScopes, type Scope } from './scope.ts'
import { createSecretIssuer } from './secret-issuer.ts'

/** Whom a token speaks for, and until when (seconds since 1970, as `exp`). */
export interface Identity {
  readonly id: string
  readonly expires: number
  /** The account's session that the token was made for, by its id. */
  readonly session?: string
  /** What the token is limited to, by its `scope` claim. Without the claim it may do everything. */
  readonly scopes?: ReadonlySet<string>
  /** Whether the token was made for `/mcp`, and so counts nowhere else (RFC 8707, 2). */
  readonly isForMcp?: true
}

export interface TokenOptions {
  /** HS256 keys: the first signs, all verify. None: no HS256 token is accepted or made. */
  readonly secrets: readonly string[]
  /** `iss` and `aud` of HS256 tokens. */
  readonly issuer: string | undefined
  readonly audience: string | undefined
  readonly jwksUrl: URL | undefined
  /** `iss` and `aud` of tokens by that key set: any of each. */
  readonly jwks: { readonly issuers: readonly string[]; readonly audiences: readonly string[] }
  /** The accounts inside. */
  readonly own?: Issuer
}

/** Accepted tokens that are remembered, at most; about 1 KB each. */
const CACHE_SIZE = 10_000

/** Above any honest token, in characters; a longer one is not worth hashing. */
const MAX_TOKEN_LENGTH = 8192

/** How long a deleted user is remembered, in milliseconds: longer than a token counts without another check. */
const ENDED_MS = 60_000

/**
 * A part of a token: base64url without padding (RFC 7515, 2), in the one form that its bytes
 * have. The bits that the last character has left over are zero (RFC 4648, 3.5).
 */
const CANONICAL = /^(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])?$/

interface Accepted {
  readonly identity: Identity
  /** When the check began, in milliseconds. */
  readonly checked: number
  readonly recheckMs: number
}

export type Tokens = Awaited<ReturnType<typeof createTokens>>

/**
 * Checks and makes tokens (JWT, RFC 7519, under the advice of RFC 8725): the header's
 * `alg` picks the key family and nothing else in a token picks a key.
 *
 * @param now the clock by which accepted tokens and fetched keys age, in milliseconds.
 */
export async function createTokens(options: TokenOptions, now: () => number = Date.now) {
  const [current, ...previous] = options.secrets
  const secret =
    current === undefined ? undefined : await createSecretIssuer({ ...options, secrets: [current, ...previous] })
  const keySet = options.jwksUrl && createKeySetIssuer(options.jwksUrl, options.jwks, now)
  const issuers: Issuer[] = [secret, options.own, keySet].filter((issuer) => issuer !== undefined)

  const cache = new LRUCache<string, Accepted>({ max: CACHE_SIZE })
  /** Checks under way: many requests with one token share one. */
  const running = new Map<string, Promise<Identity>>()
  /** When users were deleted here. */
  const ended = new LRUCache<string, number>({ max: CACHE_SIZE, ttl: ENDED_MS })

  const isExpired = ({ identity }: Accepted) => identity.expires <= Date.now() / 1000
  const isDue = ({ identity, checked, recheckMs }: Accepted) =>
    now() - checked >= recheckMs || (ended.size > 0 && checked <= (ended.get(identity.id) ?? Number.NEGATIVE_INFINITY))

  async function check(token: string): Promise<Identity> {
    const checked = now()
    try {
      if (token.length > MAX_TOKEN_LENGTH) throw new errors.JWTInvalid('too long')
      if (!token.split('.').every((part) => CANONICAL.test(part)))
        throw new errors.JWTInvalid('not canonical base64url')
      const header = decodeProtectedHeader(token)
      for (const { algorithms, recheckMs, verify } of issuers) {
        const claims = algorithms.includes(String(header.alg)) ? await verify(token, header) : undefined
        if (!claims) continue
        const identity = readIdentity(claims)
        cache.set(token, { identity, checked, recheckMs })
        return identity
      }
      throw new errors.JWTInvalid('no issuer here has signed it')
    } catch (error) {
      if (error instanceof Problem) throw error
      cache.delete(token)
      throw error instanceof errors.JWTExpired
        ? refuse('token-expired', 'The token has expired. Please sign in again.', loggable(error))
        : refuse('token-invalid', 'The token is not valid here. Please sign in again.', loggable(error))
    }
  }

  return {
    /** The @elysiajs/jwt plugin under the current secret; empty without a secret. */
    plugin: secret?.plugin ?? new Elysia({ name: 'jwt' }),

    /**
     * Whom a token speaks for.
     *
     * @param beforeCheck runs unless the token was accepted before; what it throws is thrown.
     * @throws Problem `token-expired`, `token-invalid`, `keys-unavailable` or `database-unavailable`.
     */
    async verify(token: string, beforeCheck: () => Promise<void> = async () => {}): Promise<Identity> {
      const known = cache.get(token)
      const isKnown = known !== undefined && !isExpired(known)
      if (isKnown && !isDue(known)) return known.identity
      if (!isKnown) await beforeCheck()
      const started = running.get(token) ?? check(token).finally(() => running.delete(token))
      running.set(token, started)
      return started
    },

    /** Has every token of a deleted user checked again: here at once, in other processes within RECHECK_MS. */
    end(user: string): void {
      ended.set(user, now())
      // A check that began before the deletion may still find the account.
      running.clear()
    },

    /**
     * A token for `userId` that expires `seconds` from now.
     *
     * @param scopes what it is limited to; none for everything.
     * @throws Error without a secret.
     */
    async sign(userId: string, seconds: number, scopes: readonly Scope[] = []): Promise<string> {
      if (secret === undefined)
        throw new Error(
          'no token can be made here: a key set issues all tokens, and there is no BETTER_AUTH_SECRET to sign one with',
        )
      return secret.sign(userId, seconds, scopes)
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

function readIdentity(claims: JWTPayload): Identity {
  const { exp, sid } = claims
  // 1e999 is well-formed JSON and reads as Infinity: a token without an end.
  if (!Number.isFinite(exp)) throw new errors.JWTInvalid('exp is not a finite number')
  const scopes = readScopes(claims)
  return {
    id: readUserId(claims),
    expires: Number(exp),
    ...(typeof sid === 'string' && { session: sid }),
    ...(scopes && { scopes }),
    ...([claims.aud].flat().includes(MCP_AUDIENCE) && { isForMcp: true as const }),
  }
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
