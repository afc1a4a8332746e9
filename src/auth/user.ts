import { Elysia } from 'elysia'
import { Problem } from '../problem.ts'
import { refuse, type Tokens } from './token.ts'

/** `Bearer` in any case (RFC 9110, 11.1), one space or more, and one token (RFC 6750, 2.1). */
const BEARER = /^bearer +([\w\-.~+/]+=*)$/i

/**
 * The JWT plugin, chained into the derived `user`. It runs before the body is read and
 * before anything is validated: a stranger learns nothing about what would be accepted.
 *
 * For routes below `/api/:user_id`: 401 without a valid token, 403 on another user's path.
 */
export function userPlugin(tokens: Tokens) {
  return new Elysia({ name: 'user' }).use(tokens.plugin).derive({ as: 'scoped' }, async ({ request, params }) => {
    const user = await authenticate(request.headers.get('authorization'), tokens)
    if ((params as Record<string, string>)['user_id'] !== user.id)
      throw new Problem('wrong-user', 'The token is valid, but this path belongs to another user.')
    return { user }
  })
}

function authenticate(header: string | null, tokens: Tokens) {
  if (header === null || !/^bearer( |$)/i.test(header))
    throw refuse('token-missing', 'This needs a token: send it as Authorization: Bearer <JWT>.')
  const token = BEARER.exec(header)?.[1]
  if (token === undefined)
    throw refuse('token-invalid', 'The Authorization header must read: Bearer, a space, and one JWT.')
  if (token.split('.').length !== 3)
    throw refuse('token-invalid', 'This is not a JWT. With Better Auth, GET /api/auth/token gives one for a session.')
  return tokens.verify(token)
}
