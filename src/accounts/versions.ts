/** The secrets that count: the current one first, then the previous ones. */
export type Secrets = readonly [current: string, ...previous: string[]]

/**
 * A number that stays with a secret whatever other secrets are configured. Whatever is made under
 * a secret carries it, so that it ends with the secret.
 */
export function versionOf(secret: string): number {
  return new Bun.CryptoHasher('sha256').update(`version of ${secret}`).digest().readUInt32BE(0) >>> 1
}
