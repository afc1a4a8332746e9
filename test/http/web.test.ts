import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { boot, type Target } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'

/** The most that a first visit may load, compressed. */
const MAX_BYTES = 120_000

describe('the task application', () => {
  let target: Target
  beforeAll(async () => {
    target = await boot('embedded')
  }, 60_000)
  afterAll(() => target?.stop())

  const get = (path: string, headers: Record<string, string> = {}) =>
    target.request(undefined, 'GET', path, undefined, headers)
  const addresses = (html: string) =>
    [...html.matchAll(/(?:src|href)="(?!data:)([^"]*)"/g)].map(([, path]) => path ?? '')

  test('is at / for everybody, and may use its own origin alone, without inline scripts or styles', async () => {
    const page = await get('/')
    expect(page.status).toBe(200)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(page.headers.get('cache-control')).toContain('no-cache')
    expect((page.headers.get('content-security-policy') ?? '').split('; ').sort()).toEqual([
      "base-uri 'none'",
      "connect-src 'self'",
      "default-src 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "img-src 'self' data:",
      "require-trusted-types-for 'script'",
      "script-src 'self'",
      "style-src 'self'",
    ])
    const html = await page.text()
    expect(html).not.toMatch(/<style|<script(?! type="module" src=)| style=| on\w+=/)
    // Relative, so that the page works behind a path prefix.
    for (const address of addresses(html)) expect(address).toMatch(/^(web\/[\w-]+\.(js|css)|swagger)$/)
  })

  test('has files that browsers may keep for good, together with the page at most 120 kB compressed', async () => {
    const html = await (await get('/')).text()
    const files = addresses(html).filter((path) => path.startsWith('web/'))
    expect(files).toHaveLength(2)
    let bytes = Bun.gzipSync(html).length
    for (const path of files) {
      const packed = await fetch(`${target.url}/${path}`, { headers: { 'accept-encoding': 'gzip' }, decompress: false })
      expect(packed.status).toBe(200)
      expect(packed.headers.get('content-encoding')).toBe('gzip')
      expect(packed.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      expect(packed.headers.get('vary')).toContain('Accept-Encoding')
      const body = await packed.bytes()
      bytes += body.length
      const plain = await get(`/${path}`, { 'accept-encoding': 'identity' })
      expect(plain.headers.has('content-encoding')).toBe(false)
      expect(await plain.text()).toBe(new TextDecoder().decode(Bun.gunzipSync(new Uint8Array(body))))
    }
    expect(bytes).toBeLessThan(MAX_BYTES)
  })

  test('names the licences of everything that its script contains', async () => {
    const html = await (await get('/')).text()
    const script = await (await get(`/${addresses(html).find((path) => path.endsWith('.js'))}`)).text()
    const name = /licenses-[\w-]+\.txt/.exec(script)?.[0]
    const licences = await (await get(`/web/${name}`)).text()
    for (const owner of ['doable', 'react-dom', 'scheduler', '@tanstack/query-core', 'eventsource-parser'])
      expect(licences).toContain(`${owner}\n\n`)
  })

  test('answers 404 for a file of another version', async () => {
    await expectProblem(await get('/web/app-of-yesterday.js'), 404, 'not-found')
  })
})

test.each([{ WEB: 'off' }, { ACCOUNTS: 'off' }])('the task application is not there with %j', async (env) => {
  const target = await boot('embedded', env)
  const page = await target.request(undefined, 'GET', '/')
  expect((await page.text()).includes('web/app')).toBe(false)
  await expectProblem(await target.request(undefined, 'GET', '/web/app.js'), 404, 'not-found')
  await target.stop()
})
