import { errors, type JWTPayload } from 'jose'
import { Problem } from '../problem.ts'

/** What a token may be limited to. Writing does not imply reading: a token that is to do both names both. */
export const SCOPES = ['tasks:read', 'tasks:write'] as const
export type Scope = (typeof SCOPES)[number]

/** What a route asks of a token's scope. `whole` is had by tokens without a `scope` claim only. */
export type Demand = Scope | 'whole'

/**
 * Routes that no limited token may use, whatever its scope: who was lent a part may neither end the whole nor
 * learn of, or take away, what was lent to others.
 */
const WHOLE = new Set(['DELETE /api/:user_id', 'GET /api/:user_id/access', 'DELETE /api/:user_id/access'])

const READING = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * What a route asks for. The method decides, so that no route is without an answer; exceptions stand in this file.
 *
 * @param route as it is registered: `/api/:user_id/tasks`.
 */
export function demandOf(method: string, route: string): Demand {
  const isReading = READING.has(method.toUpperCase())
  if (WHOLE.has(`${isReading ? 'GET' : method.toUpperCase()} ${route.replace(/\/$/, '')}`)) return 'whole'
  return isReading ? 'tasks:read' : 'tasks:write'
}

/** What a route asks for, as a name for the document; undefined where no name will do. */
export function scopeOf(method: string, route: string): Scope | undefined {
  const demand = demandOf(method, route)
  return demand === 'whole' ? undefined : demand
}

/**
 * Refuses a user whose token is limited to other scopes than `demand` (RFC 6750, 3.1).
 *
 * @param user of `Identity`: without `scopes`, the token may do everything.
 * @throws Problem `insufficient-scope`.
 */
export function requireScope({ scopes }: { readonly scopes?: ReadonlySet<string> }, demand: Demand): void {
  if (scopes === undefined || scopes.has(demand)) return
  const wanted = demand === 'whole' ? '' : `, scope="${demand}"`
  const detail =
    demand === 'whole'
      ? 'This takes a token that is not limited by a scope.'
      : `The token is limited by its scope, and this needs ${demand}.`
  throw new Problem('insufficient-scope', detail, {
    headers: { 'www-authenticate': `Bearer error="insufficient_scope"${wanted}` },
  })
}

/**
 * The `scope` claim: names separated by spaces (RFC 9068, 2.2.3; RFC 8693, 4.2), or a list of names. Undefined
 * without the claim. A claim of another form refuses the token rather than leaving it unlimited.
 *
 * @throws JWTInvalid
 */
export function readScopes({ scope }: JWTPayload): ReadonlySet<string> | undefined {
  if (scope === undefined) return undefined
  const names: unknown = typeof scope === 'string' ? scope.split(' ') : scope
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string'))
    throw new errors.JWTInvalid('scope is not text')
  // Other names open nothing here and would only fill the cache of tokens.
  return new Set(SCOPES.filter((name) => names.includes(name)))
}
