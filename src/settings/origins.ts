import { list } from './kinds.ts'

/** Any port of this machine over http: the literal forms that `CORS_ORIGINS` takes beside whole origins. */
const ANY_LOCAL_PORT = ['http://localhost:*', 'http://127.0.0.1:*', 'http://[::1]:*']

const WRONG_ORIGIN =
  'CORS_ORIGINS must list origins as browsers send them, like https://app.example.com: ' +
  'no path, no slash at the end, no default port, no wildcard but http://localhost:*, http://127.0.0.1:* and http://[::1]:*'

/**
 * Origins as browsers send them, the three forms for any local port, or `['*']`.
 *
 * @param isEmbedded whether the embedded database is used, which is for one machine: any local
 * front end may call by default.
 */
export function readOrigins(text: string | undefined, isEmbedded: boolean, faults: string[]): readonly string[] {
  if (text === undefined) return isEmbedded ? ANY_LOCAL_PORT : ['http://localhost:3000']
  const origins = list(text)
  for (const origin of origins) if (!isOrigin(origin)) faults.push(WRONG_ORIGIN)
  if (origins.includes('*') && origins.length > 1) faults.push('CORS_ORIGINS must be * alone or a list of origins')
  return origins
}

function isOrigin(text: string): boolean {
  if (text === '*' || ANY_LOCAL_PORT.includes(text)) return true
  return URL.parse(text)?.origin === text && !text.includes('*')
}
