import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { now } from './forge.ts'

export type Algorithm = 'EdDSA' | 'ES256' | 'RS256'

/** A key pair of the issuer, and what it publishes of it. */
export interface IssuerKey {
  readonly alg: Algorithm
  readonly jwk: JWK
  /** Whole key, private part included. */
  readonly privateJwk: JWK
  readonly publicKey: CryptoKey
  /** A token for alice that lasts an hour, but for what is given; undefined takes a claim away. */
  sign(claims?: object, header?: Record<string, unknown>): Promise<string>
}

export async function createKey(alg: Algorithm, kid: string | undefined): Promise<IssuerKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const named = kid === undefined ? {} : { kid }
  return {
    alg,
    publicKey,
    jwk: { ...(await exportJWK(publicKey)), ...named, alg, use: 'sig' },
    privateJwk: { ...(await exportJWK(privateKey)), ...named, alg, use: 'sig' },
    sign: (claims = {}, header = {}) =>
      new SignJWT({ sub: 'alice', exp: now() + 3600, ...claims })
        .setProtectedHeader({ alg, ...named, ...header })
        .sign(privateKey),
  }
}

type Answer = () => Response | Promise<Response>

export interface Issuer {
  readonly url: string
  /** How often its keys have been fetched. */
  readonly fetches: number
  /** From now on it publishes these. */
  publish(...jwks: JWK[]): void
  /** From now on it answers with this. */
  answer(how: Answer): void
  /** Stops; `start` brings it back on the same port. */
  stop(): Promise<void>
  start(): void
}

/** An issuer on the loopback, which publishes keys where Better Auth does. */
export function startIssuer(...jwks: JWK[]): Issuer {
  let fetches = 0
  let answer: Answer = () => Response.json({ keys: jwks })
  const serve = (port: number) =>
    Bun.serve({
      hostname: '127.0.0.1',
      port,
      idleTimeout: 60,
      fetch(request) {
        if (new URL(request.url).pathname !== '/api/auth/jwks') return new Response(null, { status: 404 })
        fetches++
        return answer()
      },
    })
  let server = serve(0)
  const port = Number(server.port)
  return {
    url: `http://127.0.0.1:${port}`,
    get fetches() {
      return fetches
    },
    publish(...keys) {
      answer = () => Response.json({ keys })
    },
    answer(how) {
      answer = how
    },
    stop: () => server.stop(true),
    start() {
      server = serve(port)
    },
  }
}
