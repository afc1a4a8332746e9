import { afterEach, beforeEach, expect, test } from 'bun:test'
import { type JWTVerifyGetKey, jwtVerify } from 'jose'
import { createKeySet } from '../../src/auth/key-set.ts'
import { createKey, type Issuer, startIssuer } from '../kit/issuer.ts'
import { until } from '../kit/until.ts'

const [first, second, third] = await Promise.all([
  createKey('EdDSA', 'first'),
  createKey('EdDSA', 'second'),
  createKey('EdDSA', 'third'),
])

const minute = 60_000

let issuer: Issuer
let clock: number
let keySet: JWTVerifyGetKey

beforeEach(() => {
  issuer = startIssuer(first.jwk)
  clock = 1_000_000
  keySet = createKeySet(new URL('/api/auth/jwks', issuer.url), () => clock)
})
afterEach(() => issuer.stop())

/** Whether the set holds the key. */
async function holds(key: typeof first): Promise<boolean> {
  return jwtVerify(await key.sign(), keySet).then(
    () => true,
    (error: Error & { code?: string }) => {
      if (error.code === 'ERR_JWKS_NO_MATCHING_KEY') return false
      throw error
    },
  )
}

/** How long the fetch behind a request may take. */
const FETCH_MS = 2000

const untilFetched = (times: number) => until(`fetch ${times} has come`, () => issuer.fetches === times, FETCH_MS)

test('keys are fetched once and then kept', async () => {
  for (let i = 0; i < 3; i++) {
    expect(await holds(first)).toBe(true)
    clock += minute
  }
  expect(issuer.fetches).toBe(1)
})

test('an unknown kid fetches once in 30 seconds', async () => {
  expect(await holds(first)).toBe(true)
  expect(await holds(second)).toBe(false)
  expect(issuer.fetches).toBe(2)
  issuer.publish(first.jwk, second.jwk)
  clock += 29_999
  expect(await holds(second)).toBe(false)
  expect(issuer.fetches).toBe(2)
  clock += 1
  expect(await holds(second)).toBe(true)
  expect(issuer.fetches).toBe(3)
})

test('after ten minutes the keys are fetched anew, behind the request', async () => {
  expect(await holds(first)).toBe(true)
  issuer.publish(second.jwk)
  clock += 10 * minute
  expect(await holds(first)).toBe(true)
  await untilFetched(2)
  // The withdrawn key is gone without anyone asking for an unknown one.
  const isRefused = async () => !(await jwtVerify(await first.sign(), keySet).catch(() => undefined))
  await until('the old key is gone', isRefused, FETCH_MS)
  expect(await holds(second)).toBe(true)
})

test('a request does not wait for a refresh', async () => {
  expect(await holds(first)).toBe(true)
  const { promise, resolve } = Promise.withResolvers<Response>()
  issuer.answer(() => promise)
  clock += 10 * minute
  for (let i = 0; i < 3; i++) expect(await holds(first)).toBe(true)
  await untilFetched(2)
  resolve(Response.json({ keys: [first.jwk] }))
})

test('a refresh that fails keeps the last good keys, and is tried again ten minutes later', async () => {
  expect(await holds(first)).toBe(true)
  issuer.answer(() => new Response(null, { status: 500 }))
  clock += 10 * minute
  expect(await holds(first)).toBe(true)
  await untilFetched(2)
  await Bun.sleep(50)
  clock += 9 * minute
  expect(await holds(first)).toBe(true)
  expect(issuer.fetches).toBe(2)
  issuer.publish(third.jwk)
  clock += minute
  expect(await holds(first)).toBe(true)
  // Before anyone asks for the new key: an unknown one fetches by itself.
  await untilFetched(3)
  expect(await holds(third)).toBe(true)
})

test('without any key, a request fetches at most once a second', async () => {
  issuer.answer(() => new Response(null, { status: 500 }))
  const code = async () => holds(first).catch((error: { code?: string }) => error.code)
  expect(await code()).toBe('keys-unavailable')
  clock += 999
  expect(await code()).toBe('keys-unavailable')
  expect(issuer.fetches).toBe(1)
  clock += 1
  expect(await code()).toBe('keys-unavailable')
  expect(issuer.fetches).toBe(2)
  issuer.publish(first.jwk)
  clock += 1000
  expect(await holds(first)).toBe(true)
  expect(issuer.fetches).toBe(3)
})

test('many first requests share one fetch', async () => {
  expect(await Promise.all(Array.from({ length: 20 }, () => holds(first)))).toEqual(Array(20).fill(true))
  expect(issuer.fetches).toBe(1)
})
