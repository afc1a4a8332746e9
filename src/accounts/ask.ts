import type { Limits } from '../http/limits.ts'
import { MAX_FAULTS } from '../http/validation.ts'
import { type Fault, invalid } from '../problem.ts'
import type { Accounts } from './accounts.ts'
import { MAX_TEXT, refusal, WORDS } from './model.ts'
import { tooManyAttempts } from './request.ts'

/** Header fields of Better Auth's answers that go out. CORS and caching are decided by Doable. */
const PASSED = ['content-type', 'location', 'set-auth-jwt', 'set-auth-token']

/** What any route below `/api/auth` can answer. */
export const broken = ['rate-limited', 'internal-error', 'database-unavailable'] as const
/** What one that reads a body can answer. */
export const badBody = ['malformed-json', 'body-too-large', 'unsupported-media-type', 'validation-failed'] as const
/** What one that changes something can answer. */
export const always = [...broken, 'INVALID_ORIGIN'] as const

/** What OpenAPI says of routes that a session may ask, or nobody. */
export const SESSION_OR_NONE = [{ session: [] }, {}]

/** As much of Elysia's context as a handler of these routes needs. */
export interface Context {
  request: Request
  set: { headers: Record<string, string | number> }
  server: { requestIP(request: Request): { address: string } | null } | null
  body?: unknown
}

/** Makes the handler that passes a request on to Better Auth, and Better Auth's answer back. */
export function createAsk(accounts: Accounts, limits: Limits) {
  // Elysia's types know only the declared answers; a Response passes through as it is.
  return async ({ request, set, server, body }: Context): Promise<never> => {
    checkTexts(body)
    const address = limits.addressOf(request, server)
    const answer = await accounts.ask({ request, body, address })
    return (await finish(answer, String(set.headers['x-request-id'] ?? ''))) as never
  }
}

/**
 * Bounds every text of a body at MAX_TEXT, and refuses what the tables cannot store: NUL, lone surrogates, and
 * a name of null.
 *
 * @throws Problem `validation-failed`.
 */
function checkTexts(body: unknown): void {
  // Better Auth would hand it to the table, whose error would be a 500.
  if (typeof body === 'object' && body !== null && 'name' in body && body.name === null)
    throw invalid([{ pointer: '/name', detail: 'must be text' }])
  const faults: Fault[] = []
  const look = (value: unknown, pointer: string) => {
    if (typeof value === 'string') {
      const isLong = value.length > MAX_TEXT && [...value].length > MAX_TEXT
      if (isLong || value.includes('\0') || !value.isWellFormed())
        faults.push({
          pointer,
          detail: `must be text of at most ${MAX_TEXT} characters, without NUL or a lone surrogate`,
        })
    } else if (typeof value === 'object' && value !== null)
      for (const [name, part] of Object.entries(value))
        look(part, `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`)
  }
  look(body, '')
  if (faults.length > 0)
    throw invalid(faults.slice(0, MAX_FAULTS), `Every text must have at most ${MAX_TEXT} characters, and no NUL.`)
}

async function finish(answer: Response, requestId: string): Promise<Response> {
  const headers = new Headers({ 'cache-control': 'no-store' })
  for (const name of PASSED) {
    const value = answer.headers.get(name)
    if (value !== null) headers.set(name, value)
  }
  for (const cookie of answer.headers.getSetCookie()) headers.append('set-cookie', cookie)
  if (answer.status < 400) return new Response(answer.body, { status: answer.status, headers })

  if (answer.status === 429) throw tooManyAttempts(answer)
  const { code, message } = (await answer.json().catch(() => ({}))) as { code?: string; message?: string }
  headers.set('content-type', 'application/problem+json')
  if (answer.status === 401) headers.set('www-authenticate', 'Bearer')
  const words = WORDS[code ?? ''] ?? message ?? 'This was refused.'
  const document = refusal(answer.status, code ?? 'REFUSED', words)
  return new Response(JSON.stringify({ ...document, request_id: requestId }), { status: answer.status, headers })
}
