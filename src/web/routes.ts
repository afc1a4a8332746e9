import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { Elysia, t } from 'elysia'
import type { WebFile } from '../../web/build.ts'
import { Problem } from '../problem.ts'

/** Its own origin and no other; no inline script or style (Content Security Policy, level 3). */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ')

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="#1f7a53"/><path d="M9 16.5l5 5 9.5-11" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/></svg>`

/** `gzip` without a weight of zero (RFC 9110, 12.5.3). */
const TAKES_GZIP = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i

/** The task application: `GET /`, and its files below `/web`. The first request opens them. */
export function webRoutes() {
  let opened: Promise<WebFile[]> | undefined
  const open = () => {
    opened ??= import('./files.ts').then(({ openFiles }) => openFiles())
    return opened
  }
  const hidden = { detail: { hide: true } }

  return new Elysia({ name: 'web' })
    .get(
      '/',
      async ({ set }) => {
        const html = pageOf(await open())
        set.headers['content-type'] = 'text/html; charset=utf-8'
        set.headers['content-security-policy'] = POLICY
        return html
      },
      hidden,
    )
    .get(
      '/web/:file',
      async ({ params, request, set }) => {
        const file = (await open()).find(({ name }) => name === params.file)
        if (!file) throw new Problem('not-found', 'There is no such file. A newer version may have taken its place.')
        set.headers['content-type'] = file.type
        set.headers['cache-control'] = 'public, max-age=31536000, immutable'
        set.headers['vary'] = [set.headers['vary'], 'Accept-Encoding'].filter(Boolean).join(', ')
        if (!TAKES_GZIP.test(request.headers.get('accept-encoding') ?? '')) return promisify(gunzip)(file.packed)
        set.headers['content-encoding'] = 'gzip'
        return file.packed
      },
      { ...hidden, params: t.Object({ file: t.String() }) },
    )
}

/** Every address is relative, so that the page works behind a path prefix. */
function pageOf(files: readonly WebFile[]): string {
  const named = (extension: string) => `web/${files.find(({ name }) => name.endsWith(extension))?.name}`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Doable</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="Your tasks">
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(ICON)}">
<link rel="stylesheet" href="${named('.css')}">
<script type="module" src="${named('.js')}"></script>
</head>
<body>
<div id="root"></div>
<noscript>The task application needs JavaScript. The API's own page is at <a href="swagger">swagger</a>.</noscript>
</body>
</html>
`
}
