import { swagger } from '@elysiajs/swagger'
import { Elysia } from 'elysia'
import script from '../../node_modules/@scalar/api-reference/dist/browser/standalone.js' with { type: 'file' }
import { license, version } from '../../package.json'
import { finishDocument } from './openapi.ts'
import { ProblemDocument } from './problems.ts'

/** Relative, so that the page works behind a path prefix. */
const SCRIPT = 'swagger/scalar.js'

/** Nothing of the page comes from another host: no font, no script, no proxy, no service. */
const page = {
  spec: { url: 'swagger/json' },
  withDefaultFonts: false,
  telemetry: false,
  showDeveloperTools: 'never',
  hideClientButton: true,
  agent: { disabled: true },
  mcp: { disabled: true },
  authentication: { preferredSecurityScheme: 'bearer' },
  // Without fonts of its own the theme falls back to the reader's.
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
    ].join('\n\n'),
    license: { name: license, identifier: license },
  },
  // Relative to the document itself, which stands one level below the root.
  servers: [{ url: '..', description: 'This service' }],
  tags: [
    { name: 'tasks', description: 'The tasks of one user' },
    { name: 'health', description: 'For load balancers and orchestrators' },
  ],
  security: [{ bearer: [] }],
  components: {
    securitySchemes: {
      bearer: {
        type: 'http' as const,
        scheme: 'bearer',
        bearerFormat: 'JWT',
        description: 'A JWT signed with the shared secret (HS256) or by a key of the configured JWK Set.',
      },
    },
  },
}

/** `GET /swagger`, the page, and `GET /swagger/json`, the OpenAPI 3.1 document. */
export function docs() {
  let packed: Promise<Uint8Array<ArrayBuffer>> | undefined
  const plugin = swagger({
    documentation,
    excludeMethods: ['OPTIONS'],
    scalarCDN: SCRIPT,
    scalarConfig: page as Parameters<typeof swagger>[0] extends { scalarConfig?: infer Config } ? Config : never,
  })
  return new Elysia({ name: 'docs' })
    .model({ Problem: ProblemDocument })
    .onAfterHandle(({ path, response }) => {
      if (path === '/swagger/json') return finishDocument(response as object)
      return undefined
    })
    .use(plugin)
    .get(
      '/swagger/scalar.js',
      async ({ request, set }) => {
        set.headers['content-type'] = 'text/javascript; charset=utf-8'
        set.headers['cache-control'] = 'public, max-age=86400'
        set.headers['vary'] = 'accept-encoding'
        if (!/\bgzip\b/.test(request.headers.get('accept-encoding') ?? '')) return Bun.file(script)
        set.headers['content-encoding'] = 'gzip'
        packed ??= Bun.file(script)
          .bytes()
          .then((bytes) => Bun.gzipSync(bytes))
        return packed
      },
      { detail: { hide: true } },
    )
}
