import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { boot, type Target } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { claims, forge, part } from '../kit/forge.ts'
import { createKey, type Issuer, startIssuer } from '../kit/issuer.ts'
import { expectRefused } from '../kit/mcp.ts'
import { SECRET } from '../kit/tokens.ts'

setDefaultTimeout(120_000)

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Another text of the same bytes: one of the bits that the last character has left over is set. */
function sloppy(text: string): string {
  const other = `${text.slice(0, -1)}${ALPHABET[ALPHABET.indexOf(text.at(-1) ?? '') ^ 1]}`
  const bytes = (token: string) => Buffer.from(token.split('.').at(-1) ?? '', 'base64url')
  expect(bytes(other)).toEqual(bytes(text))
  return other
}

/** JSON whose base64url leaves `rest` characters after the last full group of four. */
function textOf(content: object, rest: 2 | 3): string {
  let json = JSON.stringify(content)
  while (part(json).length % 4 !== rest) json += ' '
  return part(json)
}

const signed = (input: string) => `${input}.${new Bun.CryptoHasher('sha256', SECRET).update(input).digest('base64url')}`

const header = (rest: 2 | 3) => textOf({ alg: 'HS256', typ: 'JWT' }, rest)
const payload = (rest: 2 | 3) => textOf(claims({}), rest)
const good = forge()
const signature = good.split('.')[2] ?? ''
const resign = (text: string) => `${good.slice(0, -signature.length)}${text}`

const ed = await createKey('EdDSA', 'ed')
const byKeySet = await ed.sign()

/** All are signed by the right key, over what stands there, and name alice (RFC 7515, 2; RFC 4648, 3.5). */
const refused: Record<string, string> = {
  'a header padded with ==': signed(`${header(2)}==.${payload(2)}`),
  'a header padded with =': signed(`${header(3)}=.${payload(2)}`),
  'a payload padded with ==': signed(`${header(2)}.${payload(2)}==`),
  'a payload padded with =': signed(`${header(2)}.${payload(3)}=`),
  'a signature padded': `${good}=`,
  'a signature padded too much': `${good}==`,
  'a signature of a key set padded': `${byKeySet}==`,
  'a header of two more characters with bits left over': signed(`${sloppy(header(2))}.${payload(2)}`),
  'a header of three more characters with bits left over': signed(`${sloppy(header(3))}.${payload(2)}`),
  'a payload of two more characters with bits left over': signed(`${header(2)}.${sloppy(payload(2))}`),
  'a payload of three more characters with bits left over': signed(`${header(2)}.${sloppy(payload(3))}`),
  'a signature with bits left over': resign(sloppy(signature)),
  'a signature of a key set with bits left over': sloppy(byKeySet),
  'a payload of one character too many': signed(`${header(2)}.${part(`${JSON.stringify(claims({}))}  `)}A`),
  'a signature in the other alphabet': resign(`+${signature.slice(1)}`),
}

describe('base64url in tokens', () => {
  let issuer: Issuer
  let target: Target
  beforeAll(async () => {
    issuer = startIssuer(ed.jwk)
    target = await boot('embedded', { JWKS_URL: `${issuer.url}/api/auth/jwks` })
  })
  afterAll(async () => {
    await target.stop()
    await issuer.stop()
  })
  const get = (token: string) =>
    target.request(undefined, 'GET', '/api/alice/tasks', undefined, { authorization: `Bearer ${token}` })

  test.each(Object.entries(refused))('%s: refused', async (_, token) => {
    await expectProblem(await get(token), 401, 'token-invalid')
    await expectRefused(target, token, 401, 'token-invalid')
  })

  test('every length of an honest token is taken', async () => {
    for (const more of ['', 'x', 'xx', 'xxx', 'xxxx'])
      expect((await get(forge({ claims: claims({ more }), header: { alg: 'HS256', more } }))).status).toBe(200)
    for (const rest of [2, 3] as const) expect((await get(signed(`${header(rest)}.${payload(rest)}`))).status).toBe(200)
    expect((await get(byKeySet)).status).toBe(200)
  })
})
