import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { type JWTVerifyGetKey, jwtVerify } from 'jose'
import { createKeySet } from '../../src/auth/key-set.ts'
import { createTokens } from '../../src/auth/token.ts'
import { now } from '../kit/forge.ts'
import { createKey, type Issuer, startIssuer } from '../kit/issuer.ts'
import { until } from '../kit/until.ts'

const [first, other, third] = await Promise.all([
  createKey('EdDSA', 'first'),
  createKey('EdDSA', 'second'),
  createKey('EdDSA', 'third'),
])

const second = 1000
const minute = 60 * second

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

test('keys are fetched once and then kept for 20 seconds', async () => {
  for (const later of [0, 10 * second, 9999]) {
    clock += later
    expect(await holds(first)).toBe(true)
  }
  expect(issuer.fetches).toBe(1)
})

test('an unknown kid fetches once in 30 seconds', async () => {
  expect(await holds(first)).toBe(true)
  expect(await holds(other)).toBe(false)
  expect(issuer.fetches).toBe(2)
  for (const step of [15 * second, 14_999]) {
    clock += step
    expect(await holds(other)).toBe(false)
  }
  expect(issuer.fetches).toBe(3)
  // The refresh behind the requests is over before the key appears.
  await Bun.sleep(50)
  issuer.publish(first.jwk, other.jwk)
  expect(await holds(other)).toBe(false)
  clock += 1
  expect(await holds(other)).toBe(true)
})

test('keys older than 20 seconds are fetched again, and the request does not wait for it', async () => {
  expect(await holds(first)).toBe(true)
  const { promise, resolve } = Promise.withResolvers<void>()
  issuer.answer(() => promise.then(() => Response.json({ keys: [other.jwk] })))
  clock += 20 * second
  for (let i = 0; i < 3; i++) expect(await holds(first)).toBe(true)
  await untilFetched(2)
  resolve()
  const isRefused = async () => !(await jwtVerify(await first.sign(), keySet).catch(() => undefined))
  await until('the old key is gone', isRefused, FETCH_MS)
  expect(await holds(other)).toBe(true)
})

test('keys older than 40 seconds are not used before they were fetched again, by none of many requests', async () => {
  expect(await holds(first)).toBe(true)
  issuer.publish(other.jwk)
  clock += 40 * second
  expect(await Promise.all(Array.from({ length: 5 }, () => holds(first)))).toEqual(Array(5).fill(false))
  expect(await holds(other)).toBe(true)
})

test('while fetches fail, the last good keys go on serving for as long as it takes', async () => {
  expect(await holds(first)).toBe(true)
  issuer.answer(() => new Response(null, { status: 500 }))
  for (const [i, step] of [20 * second, 40 * second, 60 * minute].entries()) {
    clock += step
    expect(await holds(first)).toBe(true)
    await untilFetched(i + 2)
    await Bun.sleep(50)
  }
  issuer.publish(third.jwk)
  clock += 40 * second
  expect(await holds(third)).toBe(true)
  expect(await holds(first)).toBe(false)
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

describe('a key that has left the set', () => {
  const open = () =>
    createTokens(
      {
        secrets: [],
        issuer: undefined,
        audience: undefined,
        jwksUrl: new URL('/api/auth/jwks', issuer.url),
        jwks: { issuers: [], audiences: [] },
      },
      () => clock,
    )

  test('counts for 60 seconds at most under steady traffic, tokens accepted before included', async () => {
    const { verify } = await open()
    const token = await first.sign()
    expect(await verify(token)).toMatchObject({ id: 'alice' })
    issuer.publish(other.jwk)
    const removed = clock
    const accepted = async () =>
      verify(token).then(
        () => true,
        () => false,
      )
    while (await accepted()) {
      clock += second
      // Lets the fetch behind the request arrive.
      await Bun.sleep(5)
      expect(clock - removed).toBeLessThanOrEqual(60 * second)
    }
    expect(await verify(await other.sign())).toMatchObject({ id: 'alice' })
  })

  test('counts no more after an hour in which nobody came', async () => {
    const { verify } = await open()
    const token = await first.sign({ exp: now() + 7200 })
    await verify(token)
    issuer.publish(other.jwk)
    clock += 60 * minute
    await expect(verify(token)).rejects.toMatchObject({ code: 'token-invalid' })
  })

  test('is told from an issuer that is down: its accepted tokens go on', async () => {
    const { verify } = await open()
    const token = await first.sign({ exp: now() + 7200 })
    await verify(token)
    issuer.answer(() => new Response(null, { status: 503 }))
    for (let minutes = 0; minutes < 60; minutes += 10) {
      clock += 10 * minute
      expect(await verify(token)).toMatchObject({ id: 'alice' })
    }
  })
})
