import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { swagger } from '@elysiajs/swagger'
import { Elysia } from 'elysia'
import scalar from '../../../node_modules/@scalar/api-reference/dist/browser/standalone.js' with { type: 'file' }
import { license, version } from '../../../package.json'
import { finishDocument, type ScopeOf } from './document.ts'
import prelude from './page.js' with { type: 'text' }

/** Every address of the page is relative, so that it works behind a path prefix. */
const scalarConfig = {
  url: 'swagger/json',
  // The plugin sets `spec.url` as well, for which Scalar prints a deprecation warning.
  spec: undefined,
  withDefaultFonts: false,
  telemetry: false,
  showDeveloperTools: 'never',
  hideClientButton: true,
  agent: { disabled: true },
  mcp: { disabled: true },
  favicon: `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M2 8l4 4 8-9" fill="none" stroke="#2a9d5c" stroke-width="3"/></svg>')}`,
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

/** `GET /swagger`, the page, and `GET /swagger/json`, the OpenAPI 3.1 document. */
export function docs(scopeOf: ScopeOf) {
  let page: ReturnType<typeof finishPage> | undefined
  let document: object | undefined
  let script: ReturnType<typeof readScript> | undefined
  const plugin = swagger({
    documentation,
    scalarCDN: 'swagger/scalar.js',
    // The plugin's types are those of an older Scalar than the one that is served.
    scalarConfig: scalarConfig as Parameters<typeof swagger>[0] extends { scalarConfig?: infer Config }
      ? Config
      : never,
  })
  return new Elysia({ name: 'docs' })
    .onBeforeHandle(async ({ path, redirect, set }) => {
      // With a slash at the end, the page's relative addresses would be resolved one level too deep.
      if (path.endsWith('/')) return redirect(`../${path.split('/').at(-2)}`, 308)
      if (path !== '/swagger') return undefined
      page ??= plugin.handle(new Request('http://localhost/swagger')).then(finishPage)
      const { html, policy } = await page
      set.headers['content-type'] = 'text/html; charset=utf-8'
      set.headers['content-security-policy'] = policy
      return html
    })
    .onAfterHandle(({ path, response }) => {
      if (path !== '/swagger/json') return undefined
      document ??= finishDocument(response as object, scopeOf)
      return document
    })
    .use(plugin)
    .get(
      '/swagger/scalar.js',
      async ({ request, set }) => {
        script ??= readScript()
        const { plain, packed, tag } = await script
        set.headers['content-type'] = 'text/javascript; charset=utf-8'
        // Weak, since one tag stands for both encodings.
        set.headers['etag'] = `W/"${tag}"`
        set.headers['vary'] = [set.headers['vary'], 'Accept-Encoding'].filter(Boolean).join(', ')
        if (request.headers.get('if-none-match')?.includes(tag)) {
          set.status = 304
          return undefined
        }
        if (!TAKES_GZIP.test(request.headers.get('accept-encoding') ?? '')) return plain()
        set.headers['content-encoding'] = 'gzip'
        return packed
      },
      { detail: { hide: true } },
    )
}

/** `gzip` without a weight of zero (RFC 9110, 12.5.3). */
const TAKES_GZIP = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i

/** The page's script, our prelude followed by Scalar's, read and compressed at the first request. */
async function readScript() {
  const plain = async () => new Blob([prelude, await Bun.file(scalar).bytes()])
  const packed = await promisify(gzip)(await (await plain()).bytes())
  return { plain, packed, tag: digest(packed, 'base64url') }
}

/**
 * The plugin's page, and a Content-Security-Policy (CSP level 3) that leaves it its own
 * origin and no other. Scalar adds style elements at run time, so their hashes cannot be listed.
 */
async function finishPage(response: Response) {
  const html = (await response.text()).replace('<html>', '<html lang="en">')
  // The plugin passes Scalar's configuration as an attribute of an inline script that holds only white space.
  const inline = [...html.matchAll(/>([^<>]+)<\/script>/g)].map(([, text = '']) => `'sha256-${digest(text, 'base64')}'`)
  const policy = [
    "default-src 'none'",
    ["script-src 'self'", ...inline].join(' '),
    "style-src 'unsafe-inline'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  return { html, policy }
}

function digest(data: string | Uint8Array, encoding: 'base64' | 'base64url'): string {
  return new Bun.CryptoHasher('sha256').update(data).digest(encoding)
}
