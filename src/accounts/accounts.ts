import { sql } from 'drizzle-orm'
import { createOrigins, schemeOf } from '../http/origins.ts'
import { Problem } from '../problem.ts'
import { isMarked } from './credentials.ts'
import { createLinks } from './mail/links.ts'
import type { AccountOptions } from './options.ts'
import { type AccountRequest, type Scheme, translate } from './request.ts'

/** `iss` and `aud` of the accounts' tokens where JWT_ISSUER and JWT_AUDIENCE are not set. */
export const OWN_ISSUER = 'doable'

export type Accounts = ReturnType<typeof createAccounts>

type Engine = (request: Request) => Promise<Response>

const loaders = {
  accounts: async (options: AccountOptions, scheme: Scheme): Promise<Engine> =>
    (await import('./engine.ts')).createEngine(options, scheme),
  oauth: async (options: AccountOptions, scheme: Scheme): Promise<Engine> =>
    (await import('./oauth/engine.ts')).createOAuthEngine(options, scheme),
}

/** Sign-up, sign-in, sessions and OAuth, by Better Auth, which the first request loads. */
export function createAccounts(options: AccountOptions) {
  const origins = createOrigins(options.corsOrigins)
  const links = options.post && createLinks(origins, options.publicUrl)
  const engines = new Map<string, Promise<Engine>>()

  /** Loads what a kind of request needs, once: most services never see a program that asks for OAuth. */
  const engineFor = (kind: keyof typeof loaders, scheme: Scheme) => {
    const engine = engines.get(`${kind} ${scheme}`) ?? loaders[kind](options, scheme)
    engines.set(`${kind} ${scheme}`, engine)
    return engine
  }

  return {
    /** Whether a token that the accounts have marked was made under a secret that counts. */
    isCurrent: (token: string): boolean => isMarked(token, options.secrets),

    /**
     * Better Auth's answer, its refusals included.
     *
     * @param kind whether its OAuth provider is asked.
     * @throws Problem `database-unavailable`, or `internal-error` where Better Auth failed.
     */
    async ask(asked: AccountRequest, kind: keyof typeof loaders = 'accounts'): Promise<Response> {
      const engine = await engineFor(kind, schemeOf(asked.request))
      const { body, origin } = links?.aim(asked.request, asked.body) ?? { body: asked.body, origin: undefined }
      const response = await engine(translate({ ...asked, body }, origins, options.secrets, origin))
      if (response.ok) return response
      // While the database is away Better Auth finds no session and answers 401. This throws the
      // 503 instead, so that nobody is told to sign in again.
      await options.db.execute(sql`select 1`)
      if (response.status < 500) return response
      throw new Problem('internal-error', 'Something went wrong on our side. It has been logged.', {
        cause: new Error(`Better Auth answered ${response.status}`),
      })
    },
  }
}
