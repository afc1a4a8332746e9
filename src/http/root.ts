import { Elysia } from 'elysia'
import { version } from '../../package.json'

/**
 * `GET /`: leads browsers to the page, and tells programs where things are. What stands at `/` is decided here and in
 * the line of `app.ts` that uses it. Every address is relative, so that it works behind a path prefix.
 */
export function rootRoutes() {
  return new Elysia({ name: 'root' }).get(
    '/',
    ({ request, redirect, set }) => {
      set.headers['vary'] = [set.headers['vary'], 'Accept'].filter(Boolean).join(', ')
      if (/\btext\/html\b/.test(request.headers.get('accept') ?? '')) return redirect('swagger', 302)
      return { service: 'doable', version, page: 'swagger', document: 'swagger/json', health: 'health' }
    },
    { detail: { hide: true } },
  )
}
