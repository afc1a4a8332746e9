import { swagger } from '@elysiajs/swagger'
import { Elysia } from 'elysia'
import { license, version } from '../../../package.json'
import { type Asset, makeAsset, sendAsset } from './asset.ts'
import { finishDocument, type ScopeOf } from './document.ts'
import starter from './page.js' with { type: 'text' }
import { readScript } from './script.ts'

const ICON = `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M2 8l4 4 8-9" fill="none" stroke="#2a9d5c" stroke-width="3"/></svg>')}`

/** Every address of the page is relative, so that it works behind a path prefix. */
const scalarConfig = {
  url: 'swagger/json',
  // Into the storage of the tab: see `page.js`.
  persistAuth: true,
  withDefaultFonts: false,
  telemetry: false,
  showDeveloperTools: 'never',
  hideClientButton: true,
  agent: { disabled: true },
  mcp: { disabled: true },
  favicon: ICON,
  authentication: { preferredSecurityScheme: 'bearer' },
  // Scalar's own fonts are loaded from its servers: use those of the system.
  customCss: ':root { --scalar-font: system-ui, sans-serif; --scalar-font-code: ui-monospace, monospace; }',
}

const documentation = {
  openapi: '3.1.0',
  info: {
    title: 'Doable',
    version,
    description: [
      "A multi-user to-do API. Every user sees and touches only their own tasks: send `Authorization: Bearer <JWT>`; the token's user must be the `user_id` of the path.",
      'Errors are problem documents (RFC 9457): programs go by `code`, people are shown `detail`.',
      'An address that does not exist is 404 `not-found`; a method that an address does not take is 405 `method-not-allowed`, with the ones that it takes in `Allow`. Every answer carries an `X-Request-Id`, which is also in the log.',
      'Each user has a number of requests a minute, said in `RateLimit-Policy` and `RateLimit` on every answer: beyond it, and for addresses that send requests without a valid token, 429 `rate-limited` with `Retry-After`.',
    ].join('\n\n'),
    license: { name: license, identifier: license },
  },
  // Relative to the document itself, which stands one level below the root.
  servers: [{ url: '..', description: 'This service' }],
  tags: [
    { name: 'tasks', description: 'The tasks of one user' },
    { name: 'lists', description: 'Lists of tasks' },
    { name: 'trash', description: 'What was deleted, and the way back' },
    { name: 'sync', description: 'Several devices, several changes' },
    { name: 'transfer', description: 'Everything out, and back in' },
    { name: 'access', description: 'Programs that users have let in by OAuth, where Doable has the accounts' },
    { name: 'accounts', description: 'Signing up and in, by Better Auth, where Doable has the accounts' },
    { name: 'health', description: 'For load balancers and orchestrators' },
  ],
  security: [{ bearer: [] }],
  components: {
    securitySchemes: {
      bearer: {
        type: 'http' as const,
        scheme: 'bearer',
        bearerFormat: 'JWT',
        description:
          'A JWT signed with the shared secret (HS256) or by a key of the configured JWK Set. Where it has a `scope` claim, that limits it: to reading by `tasks:read`, to writing by `tasks:write`. What each operation asks for is in its `security`.',
      },
      session: {
        type: 'http' as const,
        scheme: 'bearer',
        description: 'The `token` of signing up or in. On this page the cookie does as well.',
      },
    },
  },
}

/**
 * Its own origin and no other (CSP level 3). Scalar adds style elements at run time, so their hashes cannot be
 * listed.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const SCRIPT = 'text/javascript; charset=utf-8'

/** `GET /swagger`, the page, and `GET /swagger/json`, the OpenAPI 3.1 document. */
export function docs(scopeOf: ScopeOf) {
  let document: Promise<Asset> | undefined
  let script: Promise<Asset> | undefined
  let page: Promise<Asset> | undefined
  let pageScript: Promise<Asset> | undefined
  const hidden = { detail: { hide: true } }

  return new Elysia({ name: 'docs' })
    .onBeforeHandle(({ path, redirect, request, set }) => {
      // With a slash at the end, the page's relative addresses would be resolved one level too deep.
      if (path.endsWith('/') && path !== '/') return redirect(`../${path.split('/').at(-2)}`, 308)
      // The plugin's own page asks another host for its script.
      if (path !== '/swagger') return undefined
      set.headers['content-security-policy'] = POLICY
      page ??= makeAsset('text/html; charset=utf-8', PAGE)
      return page.then((asset) => sendAsset(asset, request, set))
    })
    .onAfterHandle(async ({ path, response, request, set }) => {
      if (path !== '/swagger/json') return undefined
      document ??= makeAsset('application/json', JSON.stringify(finishDocument(response as object, scopeOf)))
      return sendAsset(await document, request, set)
    })
    .use(swagger({ documentation }))
    .get(
      '/swagger/page.js',
      async ({ request, set }) => {
        pageScript ??= makeAsset(SCRIPT, starter)
        return sendAsset(await pageScript, request, set)
      },
      hidden,
    )
    .get(
      '/swagger/scalar.js',
      async ({ request, set }) => {
        script ??= readScript().then((packed) => makeAsset(SCRIPT, packed))
        return sendAsset(await script, request, set)
      },
      hidden,
    )
}

/** The scripts run in this order once the page is read: Scalar needs what the first one prepares. */
const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Doable</title>
<link rel="icon" href="${ICON}">
<style>body { margin: 0 }</style>
<script src="swagger/page.js" defer></script>
<script src="swagger/scalar.js" defer></script>
</head>
<body>
<div id="reference" data-configuration="${JSON.stringify(scalarConfig).replaceAll('&', '&amp;').replaceAll('"', '&quot;')}"></div>
<noscript>This page needs JavaScript. The document is at <a href="swagger/json">swagger/json</a>.</noscript>
</body>
</html>
`
