import { expect } from 'bun:test'
import { createHmac } from 'node:crypto'
import { SECRET } from './boot.ts'

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

/** An honest token for alice in an hour, but for what is given: nothing here asks whether that is legal. */
export function forge({ header, claims, key = SECRET, hash = 'sha256' }: Ingredients = {}): string {
  const signed = `${part(header ?? { alg: 'HS256', typ: 'JWT' })}.${part(claims ?? { sub: 'alice', exp: now() + 3600 })}`
  return `${signed}.${createHmac(hash, key).update(signed).digest('base64url')}`
}

/** A header of HS256 with something added to it. */
export const hs256 = (more: object) => ({ alg: 'HS256', typ: 'JWT', ...more })

/** Claims that lack nothing, but for what is given; undefined takes a claim away. */
export const claims = (more: object) => ({ sub: 'alice', exp: now() + 3600, ...more })

/** A 401 in full: status, problem document, and `WWW-Authenticate` as RFC 6750, section 3, has it. */
export async function expectRefused(response: Response, code: 'token-missing' | 'token-invalid' | 'token-expired') {
  const text = await response.text()
  expect({ status: response.status, ...(JSON.parse(text) as object) }).toMatchObject({ status: 401, code })
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(response.headers.get('www-authenticate')).toMatch(
    code === 'token-missing'
      ? /^Bearer$/
      : /^Bearer error="invalid_token", error_description="[\x20\x21\x23-\x5b\x5d-\x7e]+"$/,
  )
  expect(text).not.toMatch(/ey[JK]|alg|HS256|signature|secret|jose|stack/i)
}
