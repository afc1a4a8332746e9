import { createHmac } from 'node:crypto'
import { SECRET } from './tokens.ts'

/** Seconds since 1970, as `exp` and `nbf` count them. */
export const now = () => Math.floor(Date.now() / 1000)

/** A part of a token. Text goes in as it is, so that a part need not be JSON. */
export function part(content: unknown): string {
  return Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)).toString('base64url')
}

interface Ingredients {
  header?: unknown
  claims?: unknown
  key?: string | Uint8Array
  hash?: 'sha256' | 'sha384' | 'sha512'
}

/** A valid token for alice that lasts an hour, but for what is given: no check, so that tokens can be malformed. */
export function forge({ header, claims, key = SECRET, hash = 'sha256' }: Ingredients = {}): string {
  const signed = `${part(header ?? { alg: 'HS256', typ: 'JWT' })}.${part(claims ?? { sub: 'alice', exp: now() + 3600 })}`
  return `${signed}.${createHmac(hash, key).update(signed).digest('base64url')}`
}

/** A header of HS256 with more members. */
export const hs256 = (more: object) => ({ alg: 'HS256', typ: 'JWT', ...more })

/** Valid claims, but for what is given; undefined takes a claim away. */
export const claims = (more: object) => ({ sub: 'alice', exp: now() + 3600, ...more })
