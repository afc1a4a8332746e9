import { drizzle } from 'drizzle-orm/postgres-js'
import { createApp } from './app.ts'
import { createTokens } from './auth/token.ts'
import { createLog } from './log.ts'
import { createFeed } from './sync/feed.ts'

/**
 * The OpenAPI document of an app with everything on. Needs neither a database nor a
 * secret: nothing that the document tells depends on them.
 */
export async function describeApi(): Promise<object> {
  const secret = crypto.randomUUID()
  const log = createLog('silent')
  const db = drizzle.mock()
  const app = createApp({
    config: { corsOrigins: [], quotaBytes: 0, rateLimit: 0, trustedProxies: [], web: false },
    db,
    collation: 'default',
    secret,
    feed: createFeed(db, log),
    tokens: await createTokens({
      secrets: [secret],
      jwksUrl: undefined,
      jwks: { issuers: [], audiences: [] },
      issuer: undefined,
      audience: undefined,
    }),
    accounts: { issuer: '', audience: '', publicUrl: () => '' },
    log,
    metrics: undefined,
    isReady: async () => false,
  })
  const response = await app.handle(new Request('http://localhost/swagger/json'))
  return (await response.json()) as object
}
