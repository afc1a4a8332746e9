import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose'
import { boot, databases, type Target } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { claims, forge, hs256, now, part } from '../kit/forge.ts'
import { expectRefused } from '../kit/mcp.ts'
import { SECRET } from '../kit/tokens.ts'

setDefaultTimeout(120_000)

/** The attacker's own key, which the token contains or points to. */
const own = await generateKeyPair('RS256', { extractable: true })
const ownJwk = await exportJWK(own.publicKey)
const ownPem = await exportSPKI(own.publicKey)
const guess = 'the key that the attacker would like to be used'

const signedByOwn = (header: object) =>
  new SignJWT({ sub: 'alice', exp: now() + 3600 }).setProtectedHeader({ alg: 'RS256', ...header }).sign(own.privateKey)

const good = forge()
const [header = '', payload = '', signature = ''] = good.split('.')
const bob = part(claims({ sub: 'bob' }))
const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`

/** Attacks of RFC 8725, section 2, and others that libraries have fallen for. All of them name alice. */
const forgeries: Record<string, string> = {
  // No signature, or one by another algorithm (RFC 8725, 3.1).
  ...Object.fromEntries(
    ['none', 'None', 'NONE', 'nOnE', 'none ', '', 'null'].flatMap((alg) => [
      [`alg "${alg}" without a signature`, `${part({ alg, typ: 'JWT' })}.${payload}.`],
      [`alg "${alg}" with the signature of another token`, `${part({ alg, typ: 'JWT' })}.${payload}.${signature}`],
      [`alg "${alg}" with a good HMAC`, forge({ header: { alg, typ: 'JWT' } })],
    ]),
  ),
  'alg left out': forge({ header: { typ: 'JWT' } }),
  'alg null': forge({ header: { alg: null } }),
  'alg a list': forge({ header: { alg: ['HS256'] } }),
  'alg an object': forge({ header: { alg: { name: 'HS256' } } }),
  'alg in lower case': forge({ header: { alg: 'hs256' } }),
  'alg named like a member of every object': forge({ header: { alg: 'constructor' } }),
  'HS384 under our secret': forge({ header: { alg: 'HS384' }, hash: 'sha384' }),
  'HS512 under our secret': forge({ header: { alg: 'HS512' }, hash: 'sha512' }),
  'HS256 in name, HMAC of SHA-512 in truth': forge({ hash: 'sha512' }),
  'an algorithm nobody has heard of': forge({ header: { alg: 'XS256' } }),
  'RS256 in name, HMAC in truth': forge({ header: { alg: 'RS256' } }),

  // Another secret, or a trivial one.
  'another secret': forge({ key: `${SECRET}x` }),
  'an empty secret': forge({ key: '' }),
  'a secret of one NUL': forge({ key: '\0' }),
  'the name of the variable as the secret': forge({ key: 'BETTER_AUTH_SECRET' }),
  'the secret in lower case': forge({ key: SECRET.toLowerCase() }),

  // A key that comes with the token (RFC 8725, 3.10; RFC 7515, 4.1.2-4.1.8).
  'jwk: its own key': await signedByOwn({ jwk: ownJwk }),
  'jwk: its own symmetric key': forge({ header: hs256({ jwk: { kty: 'oct', k: part(guess) } }), key: guess }),
  'jku: a key set of its own': await signedByOwn({ jku: 'http://127.0.0.1:9/jwks', kid: 'own' }),
  'x5u: a certificate of its own': await signedByOwn({ x5u: 'http://127.0.0.1:9/cert.pem' }),
  'x5c: a certificate inside': await signedByOwn({ x5c: [Buffer.from(ownPem).toString('base64')] }),
  'kid: a path to a file everyone knows': forge({ header: hs256({ kid: '../../../../dev/null' }), key: '' }),
  'kid: a piece of SQL that yields a key': forge({ header: hs256({ kid: "' union select 'key" }), key: 'key' }),
  'kid: an address': forge({ header: hs256({ kid: 'http://127.0.0.1:9/key' }), key: guess }),

  // Extensions that must be understood (RFC 7515, 4.1.11; RFC 7797).
  'crit with an extension we do not know': forge({ header: hs256({ crit: ['exp'], exp: now() + 60 }) }),
  'crit that is empty': forge({ header: hs256({ crit: [] }) }),
  'crit that is not a list': forge({ header: hs256({ crit: 'b64' }) }),
  'crit that names what is not there': forge({ header: hs256({ crit: ['b64'] }) }),
  'an unencoded payload': forge({ header: hs256({ b64: false, crit: ['b64'] }) }),

  // Taken apart and put together again.
  'a signature cut short': good.slice(0, -4),
  'a signature left out': `${header}.${payload}.`,
  'one bit of the signature changed': `${header}.${payload}.${flipped}`,
  'the payload of another user': `${header}.${bob}.${signature}`,
  'another header on a good signature': `${part({ alg: 'HS256', typ: 'jwt' })}.${payload}.${signature}`,
  'two parts': `${header}.${payload}`,
  'one part': header,
  'the header twice': `${header}.${good}`,
  'the token twice': `${good}.${good}`,
  'five parts, as a JWE has': `${part({ alg: 'dir', enc: 'A256GCM' })}..${part('iv')}.${part('text')}.${part('tag')}`,
  'empty parts': '..',
  'a header that is not JSON': forge({ header: 'alg=HS256' }),
  'a header that is a list': forge({ header: '["HS256"]' }),
  'a header that is null': forge({ header: 'null' }),
  'a header that is not base64url': `!!!.${payload}.${signature}`,
  'a header nested beyond reason': `${part('['.repeat(3000))}.${payload}.${signature}`,
  'a payload that is not JSON': forge({ claims: 'sub=alice' }),
  'a payload that is a list': forge({ claims: '["alice"]' }),
  'a payload that is null': forge({ claims: 'null' }),
  'a payload of bytes that are no text': (() => {
    const signed = `${header}.${Buffer.from([0xff, 0xfe]).toString('base64url')}`
    return forgeOver(signed)
  })(),
  'a payload in base64 with padding': forgeOver(
    `${header}.${Buffer.from(JSON.stringify(claims({ a: 1 }))).toString('base64')}`,
  ),
  'longer than any honest token': forge({ claims: claims({ more: 'x'.repeat(9000) }) }),

  // Opaque tokens of the same ecosystem.
  "Better Auth's session token": 'Jx0n7Yt8pM1eXk3dS5vQ2wB9rC6zL4hA.c2lnbmF0dXJl',
}

function forgeOver(signed: string): string {
  const mac = new Bun.CryptoHasher('sha256', SECRET).update(signed).digest('base64url')
  return `${signed}.${mac}`
}

/** Header parameters that are ignored: they change neither the key nor the meaning of an honest token. */
const harmless: Record<string, object> = {
  'a kid': { kid: 'whatever' },
  'a jwk of somebody': { jwk: ownJwk },
  'a jku': { jku: 'http://127.0.0.1:9/jwks' },
  'an x5u': { x5u: 'http://127.0.0.1:9/cert.pem' },
  'a zip, which only a JWE knows': { zip: 'DEF' },
  'another typ': { typ: 'at+jwt' },
}

describe.each([...databases])('forged tokens, over %s', (kind) => {
  let target: Target
  beforeAll(async () => {
    target = await boot(kind)
  })
  afterAll(() => target.stop())

  const post = (token: string) =>
    target.request(undefined, 'POST', '/api/alice/tasks', { title: 'mine' }, { authorization: `Bearer ${token}` })

  test.each(Object.entries(forgeries))('%s: refused as token-invalid', async (_, token) => {
    await expectProblem(await post(token), 401, 'token-invalid')
    await expectRefused(target, token, 401, 'token-invalid')
  })

  test('not one of them has written anything', async () => {
    const response = await target.request('alice', 'GET', '/api/alice/tasks')
    expect(await response.json()).toEqual([])
  })

  test.each(Object.entries(harmless))('%s in the header of a token of ours: ignored', async (_, more) => {
    const authorization = `Bearer ${forge({ header: hs256(more) })}`
    const response = await target.request(undefined, 'GET', '/api/alice/tasks', undefined, { authorization })
    expect(response.status).toBe(200)
  })
})
