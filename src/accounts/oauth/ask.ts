import type { Limits } from '../../http/limits.ts'
import { originOf } from '../../http/origins.ts'
import type { Accounts } from '../accounts.ts'
import { tooManyAttempts } from '../request.ts'

/** As much of Elysia's context as is needed here. */
export interface Context {
  request: Request
  server: { requestIP(request: Request): { address: string } | null } | null
}

const OF_ALL = ['host', 'user-agent', 'x-forwarded-proto']

/** Header fields that Better Auth may see: a person has a session's cookie, a program its secret, a stranger nothing. */
const PASSED = {
  person: [...OF_ALL, 'cookie', 'origin'],
  program: [...OF_ALL, 'authorization'],
  stranger: OF_ALL,
}

interface Question {
  path: string
  kind: 'accounts' | 'oauth'
  method?: 'POST'
  body?: unknown
  by: keyof typeof PASSED
}

export type Ask = ReturnType<typeof createAsk>

/** Makes the function that asks Better Auth something on behalf of the client of a request. */
export function createAsk(accounts: Accounts, limits: Limits) {
  /** @throws Problem `rate-limited`, and what `Accounts.ask` throws. */
  return async ({ request, server }: Context, { path, kind, method, body, by }: Question): Promise<Response> => {
    const headers = new Headers({ accept: 'text/html' })
    for (const name of PASSED[by]) {
      const value = request.headers.get(name)
      if (value !== null) headers.set(name, value)
    }
    const asked = new Request(originOf(request) + path, { headers, ...(method && { method }) })
    const answer = await accounts.ask({ request: asked, body, address: limits.addressOf(request, server) }, kind)
    if (answer.status === 429) throw tooManyAttempts(answer)
    return answer
  }
}
