import { eq, sql } from 'drizzle-orm'
import { errors, importJWK, type JWTVerifyGetKey } from 'jose'
import { LRUCache } from 'lru-cache'
import { accountKeys } from '../db/account-schema.ts'
import type { Db } from '../db/open.ts'

/** There is one for each rotation; what a cache of them would hold is tiny. */
const MAX_KEYS = 100

/** After this long a key is read anew, so that one that was taken away ends. */
const FRESH_MS = 10 * 60_000

/** Better Auth's ids. Nothing else is looked for. */
const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/

/**
 * The public keys of our own accounts, by `kid`, out of our own table: no request to
 * ourselves, and Better Auth need not be there. An unknown `kid` costs one look-up by
 * primary key, so a key that another replica has just made is found at once.
 */
export function createAccountKeys(db: Db): JWTVerifyGetKey {
  const cache = new LRUCache<string, CryptoKey>({ max: MAX_KEYS, ttl: FRESH_MS })
  const select = db
    .select({ publicKey: accountKeys.publicKey, alg: accountKeys.alg })
    .from(accountKeys)
    .where(eq(accountKeys.id, sql.placeholder('kid')))
    .prepare('find_account_key')
  return async ({ kid, alg }) => {
    if (kid === undefined || !KEY_ID.test(kid)) throw new errors.JWKSNoMatchingKey()
    const known = cache.get(kid)
    if (known) return known
    const [row] = await select.execute({ kid })
    if (!row || (row.alg ?? 'EdDSA') !== alg) throw new errors.JWKSNoMatchingKey()
    const key = await importJWK(JSON.parse(row.publicKey), alg)
    // Only symmetric keys are bytes, and `alg` is never one of theirs.
    if (key instanceof Uint8Array) throw new errors.JWKSNoMatchingKey()
    cache.set(kid, key)
    return key
  }
}
