import { sql } from 'drizzle-orm'
import type { Logger } from 'pino'
import type { Db } from '../db/open.ts'
import { Problem } from '../problem.ts'
import { type AccountRequest, type Scheme, schemeOf, translate } from './request.ts'

/** `iss` and `aud` of our own tokens, where no others are asked for. */
export const OWN_ISSUER = 'doable'

export interface AccountOptions {
  db: Db
  /** Signs cookies, and encrypts the private keys. */
  secret: string
  issuer: string
  audience: string
  corsOrigins: readonly string[]
  log: Logger
  /** Erases an account and everything of its user. */
  erase(user: string): Promise<void>
}

export type Accounts = ReturnType<typeof createAccounts>

type Engine = (request: Request) => Promise<Response>

/** Sign-up, sign-in and sessions, by Better Auth, which is loaded when it is first asked. */
export function createAccounts(options: AccountOptions) {
  const engines = new Map<Scheme, Promise<Engine>>()

  const engineFor = (scheme: Scheme) => {
    const engine = engines.get(scheme) ?? import('./engine.ts').then((made) => made.createEngine(options, scheme))
    engines.set(scheme, engine)
    return engine
  }

  return {
    /**
     * Better Auth's answer, its refusals included.
     *
     * @throws Problem `database-unavailable`, or whatever else went wrong inside.
     */
    async ask(asked: AccountRequest): Promise<Response> {
      const engine = await engineFor(schemeOf(asked.request))
      const response = await engine(translate(asked, options.corsOrigins))
      if (response.ok) return response
      // It takes a database that is away for a session that is not there: let that say so itself,
      // before somebody is told to sign in again.
      await options.db.execute(sql`select 1`)
      if (response.status < 500) return response
      throw new Problem('internal-error', 'Something went wrong on our side. It has been logged.', {
        cause: new Error(`Better Auth answered ${response.status}`),
      })
    },
  }
}
