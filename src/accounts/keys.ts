import { eq, sql } from 'drizzle-orm'
import { importJWK } from 'jose'
import { LRUCache } from 'lru-cache'
import { accountKeys } from '../db/account-schema.ts'
import type { Db } from '../db/database.ts'
import { type Secrets, versionOf } from './versions.ts'

/** Keys that are remembered, at most: one is made for each new secret. */
const MAX_KEYS = 100

/** After this long a key is read again. With RECHECK_MS, a removed key counts for 50 s at most. */
const FRESH_MS = 30_000

/** The form of Better Auth's ids: no other `kid` is looked up. */
const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/

/** What every key of the accounts is for. */
const ALGORITHM = 'EdDSA'

/** Whether a private half is encrypted under one of these secrets: Better Auth writes the version before it. */
function isUnder(secrets: readonly string[], privateKey: string): boolean {
  return secrets.some((secret) => privateKey.startsWith(`"$ba$${versionOf(secret)}$`))
}

/**
 * The public keys of the accounts, by `kid`, from the database: no request to this service
 * itself, and Better Auth need not be loaded. An unknown `kid` costs one look-up by primary key,
 * so a key that another replica has just made is found at once.
 *
 * Undefined for a key that is not there, and for one whose private half is encrypted under
 * a secret that no longer counts: whoever has that secret and a copy of the table can sign with it.
 */
export function createAccountKeys(
  db: Db,
  secrets: Secrets,
  now: () => number,
): (kid: unknown) => Promise<CryptoKey | undefined> {
  const cache = new LRUCache<string, CryptoKey>({ max: MAX_KEYS, ttl: FRESH_MS, ttlResolution: 0, perf: { now } })
  const { publicKey, privateKey, alg } = accountKeys
  const select = db
    .select({ publicKey, privateKey, alg })
    .from(accountKeys)
    .where(eq(accountKeys.id, sql.placeholder('kid')))
    .prepare('find_account_key')
  return async (kid) => {
    if (typeof kid !== 'string' || !KEY_ID.test(kid)) return undefined
    const known = cache.get(kid)
    if (known) return known
    const [row] = await select.execute({ kid })
    if (!row || (row.alg ?? ALGORITHM) !== ALGORITHM || !isUnder(secrets, row.privateKey)) return undefined
    const key = await importJWK(JSON.parse(row.publicKey), ALGORITHM)
    // Only symmetric keys are bytes.
    if (key instanceof Uint8Array) return undefined
    cache.set(kid, key)
    return key
  }
}

/**
 * The keys that count, for Better Auth, which publishes all of them and signs with the newest
 * that has not expired. A key under a previous secret is shown as expired: it signs no more,
 * and the first token under the new secret makes a new key.
 */
export async function readKeys(db: Db, secrets: Secrets) {
  const keys = await db.select().from(accountKeys)
  return keys
    .filter(({ privateKey }) => isUnder(secrets, privateKey))
    .map(({ id, publicKey, privateKey, createdAt, expiresAt }) => {
      const until = isUnder(secrets.slice(0, 1), privateKey) ? expiresAt : new Date(Date.now() - 1)
      const kind = { alg: ALGORITHM, crv: 'Ed25519' } as const
      return { id, publicKey, privateKey, createdAt, ...kind, ...(until && { expiresAt: until }) }
    })
}
