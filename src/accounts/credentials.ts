import { type Secrets, versionOf } from './versions.ts'

/** What Better Auth calls its cookies; the prefix is there under https. */
const COOKIE = /^(?:__Secure-)?better-auth\.(.+)$/

/** Characters at the start of a session's token that say under which secret it was made. */
const MARK = 6

/** HMAC-SHA256 in base64 (RFC 4648, 4). */
const SIGNATURE = /^[\w+/-]{43}=?$/

/** A session's token that says under which secret it was made: a stolen one ends with that secret. */
export function markToken(token: string, secret: string): string {
  return markOf(secret) + token
}

const markOf = (secret: string) => versionOf(secret).toString(36).padStart(MARK, '0')

/**
 * Rewrites the credentials of a request to Better Auth, which knows the current secret only and
 * takes the bare token of a session for as good as a signed one. Taken away are tokens
 * of sessions that were made under a secret that no longer counts; what a previous secret has
 * signed is signed by the current one.
 */
export function renewCredentials(headers: Headers, secrets: Secrets): void {
  const authorization = headers.get('authorization') ?? ''
  // Split exactly as Better Auth splits it, so that nothing which it would read stays unchecked.
  if (/^bearer /i.test(authorization)) {
    const { token, signature } = taken(decoded(authorization.slice('bearer '.length).trim()))
    const counts = isMarked(token, secrets) && (signature === undefined || isSigned(token, signature, secrets))
    if (counts) headers.set('authorization', `Bearer ${token}`)
    else headers.delete('authorization')
  }
  const cookies = (headers.get('cookie') ?? '')
    .split(';')
    .map((cookie) => renewCookie(cookie.trim(), secrets))
    .filter((cookie) => cookie !== '')
  if (cookies.length > 0) headers.set('cookie', cookies.join('; '))
  else headers.delete('cookie')
}

/** The cookie as Better Auth is to see it, or nothing. */
function renewCookie(cookie: string, secrets: Secrets): string {
  const [, name = '', text = ''] = /^([^=]+?)\s*=\s*"?(.*?)"?$/.exec(cookie) ?? []
  const kind = COOKIE.exec(name)?.[1]
  if (kind === undefined) return ''
  const { token, signature } = taken(decoded(text))
  const signed = signature !== undefined && isSigned(token, signature, secrets)
  if (kind === 'session_token' && !(signed && isMarked(token, secrets))) return ''
  return signed ? `${name}=${encodeURIComponent(`${token}.${sign(token, secrets[0])}`)}` : cookie
}

/** What Better Auth has signed: the value, a dot, the signature. */
function taken(text: string): { token: string; signature: string | undefined } {
  const dot = text.lastIndexOf('.')
  return dot < 0 ? { token: text, signature: undefined } : { token: text.slice(0, dot), signature: text.slice(dot + 1) }
}

/** Whether a token was made under a secret that counts. */
export function isMarked(token: string, secrets: Secrets): boolean {
  return secrets.some((secret) => token.startsWith(markOf(secret)))
}

function isSigned(token: string, signature: string, secrets: Secrets): boolean {
  if (!SIGNATURE.test(signature)) return false
  // Better Auth writes either alphabet, with or without padding (RFC 4648, 4 and 5).
  const given = Buffer.from(signature, 'base64')
  return secrets.some((secret) => crypto.timingSafeEqual(given, Buffer.from(sign(token, secret), 'base64')))
}

const sign = (token: string, secret: string) => new Bun.CryptoHasher('sha256', secret).update(token).digest('base64')

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
