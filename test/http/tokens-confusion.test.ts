import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { exportSPKI } from 'jose'
import { boot, databases, type Target } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { claims, forge, hs256, now, part } from '../kit/forge.ts'
import { createKey, type Issuer, startIssuer } from '../kit/issuer.ts'
import { expectRefused } from '../kit/mcp.ts'
import { SECRET } from '../kit/tokens.ts'

setDefaultTimeout(120_000)

const [ed, es, rs, stranger, leaked] = await Promise.all([
  createKey('EdDSA', 'ed'),
  createKey('ES256', 'es'),
  createKey('RS256', 'rs'),
  createKey('RS256', 'rs'),
  createKey('ES256', 'leaked'),
])
const pem = await exportSPKI(rs.publicKey)
const der = new Uint8Array(await crypto.subtle.exportKey('spki', rs.publicKey))
const published = 'a symmetric key that an issuer was careless enough to publish'
const oct = { kty: 'oct', kid: 'oct', k: part(published), alg: 'HS256', use: 'sig' }

/** A signed token with its header or its signature replaced. */
function patch(token: string, { header, signature }: { header?: object; signature?: Uint8Array | string }): string {
  const [h, p, s] = token.split('.')
  return [
    header === undefined ? h : part(header),
    p,
    signature === undefined ? s : Buffer.from(signature).toString('base64url'),
  ].join('.')
}

const [signedEd, signedEs, signedRs] = await Promise.all([ed.sign(), es.sign(), rs.sign()])

/** HS256 is for the secret alone, and no key of the set is used under another algorithm (RFC 8725, 2.1 and 3.1). */
const confusions: Record<string, string> = {
  'the public key as PEM': forge({ key: pem }),
  'the public key as PEM with a line feed': forge({ key: `${pem}\n` }),
  'the public key as PEM, trimmed': forge({ key: pem.trim() }),
  'the public key as PEM, with its kid': forge({ header: hs256({ kid: 'rs' }), key: pem }),
  'the public key as DER': forge({ header: hs256({ kid: 'rs' }), key: der }),
  'the public key as JWK': forge({ header: hs256({ kid: 'rs' }), key: JSON.stringify(rs.jwk) }),
  'the modulus': forge({ header: hs256({ kid: 'rs' }), key: Buffer.from(String(rs.jwk.n), 'base64url') }),
  'the modulus as text': forge({ header: hs256({ kid: 'rs' }), key: String(rs.jwk.n) }),
  'the Ed25519 point': forge({ header: hs256({ kid: 'ed' }), key: Buffer.from(String(ed.jwk.x), 'base64url') }),
  'a published symmetric key': forge({ header: hs256({ kid: 'oct' }), key: published }),
  'a published symmetric key under RS256': forge({ header: { alg: 'RS256', kid: 'oct' }, key: published }),
  'our secret under RS256': forge({ header: { alg: 'RS256', kid: 'rs' } }),
  'our secret under EdDSA': forge({ header: { alg: 'EdDSA', kid: 'ed' } }),
  'the algorithm of another key': patch(signedEs, { header: { alg: 'ES256', kid: 'rs' } }),
  'the kid of a key of another family': patch(signedEd, { header: { alg: 'EdDSA', kid: 'es' } }),
  'a kid of another user of the set': patch(signedRs, { header: { alg: 'RS256', kid: 'ed' } }),
  'a kid that is a number': patch(signedRs, { header: { alg: 'RS256', kid: 7 } }),
  'a kid that is a list': patch(signedRs, { header: { alg: 'RS256', kid: ['rs'] } }),
  'PS256 with a key of RS256': patch(signedRs, { header: { alg: 'PS256', kid: 'rs' } }),
  'RS512 with a key of RS256': patch(signedRs, { header: { alg: 'RS512', kid: 'rs' } }),
  'ES384 with a key of ES256': patch(signedEs, { header: { alg: 'ES384', kid: 'es' } }),
  'RSA1_5, which only encrypts': patch(signedRs, { header: { alg: 'RSA1_5', kid: 'rs' } }),
  'none with the kid of a good key': patch(signedRs, { header: { alg: 'none', kid: 'rs' }, signature: '' }),
  'a signature of zeros under ES256 (CVE-2022-21449)': patch(signedEs, { signature: new Uint8Array(64) }),
  'a signature of zeros under EdDSA': patch(signedEd, { signature: new Uint8Array(64) }),
  'an empty signature under ES256': patch(signedEs, { signature: '' }),
  'an empty signature under EdDSA': patch(signedEd, { signature: '' }),
  'an empty signature under RS256': patch(signedRs, { signature: '' }),
  'a stranger under a known kid': await stranger.sign(),
  'a stranger under a known kid, expired': await stranger.sign({ exp: now() - 60 }),
  'a stranger with its key inside': await stranger.sign({}, { jwk: stranger.jwk }),
  'a key whose private half is published': await leaked.sign(),
  'an issuer that signs with our secret': forge({ claims: claims({}), header: { alg: 'HS384' }, hash: 'sha384' }),
}

describe.each([...databases])('key confusion, over %s', (kind) => {
  let issuer: Issuer
  let target: Target
  beforeAll(async () => {
    issuer = startIssuer(ed.jwk, es.jwk, rs.jwk, oct, leaked.privateJwk)
    target = await boot(kind, { JWKS_URL: `${issuer.url}/api/auth/jwks` })
  })
  afterAll(async () => {
    await target.stop()
    await issuer.stop()
  })
  const get = (token: string) =>
    target.request(undefined, 'GET', '/api/alice/tasks', undefined, { authorization: `Bearer ${token}` })

  test.each(Object.entries(confusions))('%s: refused', async (_, token) => {
    await expectProblem(await get(token), 401, 'token-invalid')
    await expectRefused(target, token, 401, 'token-invalid')
  })

  test.each([signedEd, signedEs, signedRs, forge({ key: SECRET })])(
    'the honest tokens are taken: %#',
    async (token) => {
      expect((await get(token)).status).toBe(200)
    },
  )
})
