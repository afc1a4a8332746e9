import { jwt } from '@elysiajs/jwt'
import { decodeJwt, errors } from 'jose'
import { claimChecks, type Issuer } from './issuer.ts'

export interface SecretOptions {
  /** HS256 keys: the first signs, all verify. */
  readonly secrets: readonly [string, ...string[]]
  /** `iss` and `aud` that tokens must carry, and that ours do. */
  readonly issuer: string | undefined
  readonly audience: string | undefined
}

export type SecretIssuer = Awaited<ReturnType<typeof createSecretIssuer>>

const HS256 = ['HS256']

/** Whoever has the secret: HS256 (RFC 7518, 3.2), by the @elysiajs/jwt plugin. */
export async function createSecretIssuer({ secrets, issuer, audience }: SecretOptions) {
  const [first, ...previous] = secrets
  const current = await hs256(first)
  const plugins = [current, ...(await Promise.all(previous.map(hs256)))]
  const checks = claimChecks(HS256, { issuers: listed(issuer), audiences: listed(audience) })

  return {
    algorithms: HS256,
    // The secrets stay the same until the process ends.
    recheckMs: Number.POSITIVE_INFINITY,

    async verify(token) {
      for (const { decorator } of plugins) {
        const payload = await decorator.jwt.verify(token, checks)
        if (payload) return payload
      }
      // The plugin gives no reason. A token that held one second before its `exp` has only expired.
      const { exp } = decodeJwt(token)
      if (typeof exp === 'number' && exp <= Date.now() / 1000) {
        const before = { ...checks, currentDate: new Date((exp - 1) * 1000) }
        for (const { decorator } of plugins)
          if (await decorator.jwt.verify(token, before)) throw new errors.JWTExpired('expired', {})
      }
      return undefined
    },

    /** The plugin under the current secret. */
    plugin: current,

    /** A token for `userId` that expires `seconds` from now, limited to `scopes` where there are some. */
    sign(userId: string, seconds: number, scopes: readonly string[] = []): Promise<string> {
      return current.decorator.jwt.sign({
        sub: userId,
        exp: Math.floor(Date.now() / 1000) + seconds,
        ...(scopes.length > 0 && { scope: scopes.join(' ') }),
        ...(issuer === undefined ? {} : { iss: issuer }),
        ...(audience === undefined ? {} : { aud: audience }),
      })
    },
  } satisfies Issuer & Record<string, unknown>
}

const listed = (value: string | undefined) => (value === undefined ? [] : [value])

/** Imports the key once: given text, the plugin would import it at every call. */
async function hs256(secret: string) {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', new TextEncoder().encode(secret), algorithm, false, [
    'sign',
    'verify',
  ])
  return jwt({ name: 'jwt', secret: key, alg: 'HS256', exp: '1h' })
}
