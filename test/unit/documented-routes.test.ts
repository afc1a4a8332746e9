import { expect, test } from 'bun:test'
import { drizzle } from 'drizzle-orm/postgres-js'
import { createApp } from '../../src/app.ts'
import { createTokens } from '../../src/auth/token.ts'
import { readConfig } from '../../src/config.ts'
import { createLog } from '../../src/log.ts'
import { createFeed } from '../../src/sync/feed.ts'
import { routesOf } from '../kit/routes.ts'
import { SECRET } from '../kit/tokens.ts'

/** What is not in the document: pages with their files, MCP, which describes itself, and the CORS plugin's answers to OPTIONS. */
const UNDOCUMENTED = [
  'POST /mcp',
  'GET /web/{file}',
  'GET /',
  'GET /swagger',
  'GET /swagger/json',
  'GET /swagger/page.js',
  'GET /swagger/scalar.js',
  'GET /reset-password',
  'POST /reset-password',
  'GET /email-verified',
  'OPTIONS /',
  'OPTIONS /*',
]

/** What Better Auth's own documentation describes. */
const BETTER_AUTHS = [
  ...[
    'GET /api/auth/ok',
    'GET /api/auth/list-sessions',
    'GET /api/auth/list-accounts',
    'POST /api/auth/sign-in/social',
  ],
  ...['POST /api/auth/revoke-session', 'POST /api/auth/revoke-sessions', 'POST /api/auth/revoke-other-sessions'],
  ...['POST /api/auth/update-user', 'POST /api/auth/change-password'],
]

/** What the standards of OAuth describe, and pages for people. */
const OAUTH = [
  ...['GET /.well-known/oauth-authorization-server', 'GET /.well-known/oauth-protected-resource'],
  ...['GET /.well-known/oauth-protected-resource/mcp', 'GET /api/auth/oauth2/authorize'],
  ...['POST /api/auth/oauth2/token', 'POST /api/auth/oauth2/revoke', 'POST /api/auth/oauth2/register'],
  ...['GET /account/sign-in', 'POST /account/sign-in', 'GET /account/sign-up', 'POST /account/sign-up'],
  ...['POST /account/sign-out', 'GET /account/consent', 'POST /account/consent'],
  ...['GET /account/access', 'POST /account/access'],
]

test('every route of the app is in its document, and so in the matrix that the HTTP suite makes from it', async () => {
  const config = readConfig({ BETTER_AUTH_SECRET: SECRET })
  const db = drizzle.mock()
  const log = createLog('silent')
  const app = createApp({
    config,
    db,
    collation: 'default',
    secret: SECRET,
    feed: createFeed(db, log),
    tokens: await createTokens({ ...config, secrets: [SECRET] }),
    log,
    metrics: undefined,
    accounts: { issuer: '', audience: '', publicUrl: () => '' },
    isReady: async () => true,
  })
  const document = await (await app.handle(new Request('http://localhost/swagger/json'))).json()
  const documented = routesOf(document).map(({ name }) => name)
  const registered = app.routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`)
  expect([...documented, ...UNDOCUMENTED, ...BETTER_AUTHS, ...OAUTH].sort()).toEqual([...new Set(registered)].sort())
})
