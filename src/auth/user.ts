import { Elysia } from 'elysia'
import type { Limits } from '../http/limits.ts'
import { Problem } from '../problem.ts'
import { type Demand, demandOf, requireScope } from './scope.ts'
import { type Identity, refuse, type Tokens } from './token.ts'

/** `Bearer` in any case (RFC 9110, 11.1), one space or more, and one token (RFC 6750, 2.1). */
const BEARER = /^bearer +([\w\-.~+/]+=*)$/i

/** The checks before every route of a user. */
export interface Gate {
  tokens: Tokens
  limits: Limits
  /**
   * For what takes a fresh session of an account; undefined where accounts are off.
   *
   * @throws Problem `session-not-fresh`.
   */
  checkFresh?: ((user: Identity) => Promise<void>) | undefined
}

/**
 * The JWT plugin, chained into the derived `user`. It runs before the body is read and
 * before anything is validated: a stranger learns nothing about what would be accepted.
 *
 * For routes below `/api/:user_id`: 401 without a valid token, 403 on another user's path or beyond
 * the token's scope, then 429. An address that floods with bad tokens gets no further new token checked; tokens accepted
 * before go on working, so that nobody is locked out by a neighbour behind the same address.
 */
export function userPlugin(gate: Gate) {
  return new Elysia({ name: 'user' })
    .use(gate.tokens.plugin)
    .derive({ as: 'scoped' }, async ({ request, params, server, set, route }) => {
      const owner = (params as Record<string, string>)['user_id']
      const user = await admit(gate, request, server, set, owner, demandOf(request.method, route))
      return { user }
    })
}

type Caller = Parameters<Limits['countAddress']>
type Answer = Parameters<Limits['countUser']>[1]

/** @param owner whose path it is. */
async function admit(
  gate: Gate,
  request: Request,
  server: Caller[1],
  set: Answer,
  owner: string | undefined,
  demand: Demand,
): Promise<Identity> {
  const user = await identify(gate, request, server)
  const refusal = await gate.limits.countUser(user.id, set).catch((error: unknown) => error)
  if (owner !== user.id)
    throw new Problem(
      'wrong-user',
      "The token is valid, but the user_id of this path is not its user. A user's own tasks are at /api/{user_id}/tasks, with the user of the token as user_id.",
    )
  if (user.isForMcp) throw refuse('token-invalid', 'This token is for /mcp, and good for nothing else.')
  requireScope(user, demand)
  if (refusal !== undefined) throw refusal
  return user
}

/**
 * As `userPlugin` admits, for an address that names no user.
 *
 * @throws Problem of a 401, or `rate-limited`.
 */
export async function admitCaller(gate: Gate, request: Request, server: Caller[1], set: Answer): Promise<Identity> {
  const user = await identify(gate, request, server)
  await gate.limits.countUser(user.id, set)
  return user
}

/** The token's user; a request with a bad token counts for its address. */
async function identify({ tokens, limits }: Gate, request: Request, server: Caller[1]): Promise<Identity> {
  const header = request.headers.get('authorization')
  return authenticate(header, tokens, () => limits.checkAddress(request, server)).catch(async (error: unknown) => {
    // `limitStage` has counted a request without a token already.
    if (header !== null && error instanceof Problem && error.status === 401) await limits.countAddress(request, server)
    throw error
  })
}

/**
 * Whether a request that was admitted would still be, for answers that last: its token may have
 * expired, or its key or account may be gone. True as well while that cannot be checked.
 */
export async function isStillAdmitted(tokens: Pick<Tokens, 'verify'>, authorization: string | null): Promise<boolean> {
  try {
    await authenticate(authorization, tokens, async () => {})
    return true
  } catch (error) {
    return !(error instanceof Problem && error.status === 401)
  }
}

/** @param beforeCheck runs before a token that was not accepted before is checked, and may refuse. */
async function authenticate(header: string | null, tokens: Pick<Tokens, 'verify'>, beforeCheck: () => Promise<void>) {
  if (header === null || !/^bearer( |$)/i.test(header))
    throw refuse('token-missing', 'This needs a token: send it as Authorization: Bearer <JWT>.')
  const token = BEARER.exec(header)?.[1]
  if (token === undefined)
    throw refuse('token-invalid', 'The Authorization header must read: Bearer, a space, and one JWT.')
  if (token.split('.').length !== 3)
    throw refuse('token-invalid', 'This is not a JWT. With Better Auth, GET /api/auth/token gives one for a session.')
  return tokens.verify(token, beforeCheck)
}
