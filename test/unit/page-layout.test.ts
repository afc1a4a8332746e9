import { expect, test } from 'bun:test'
import { html, pageOf } from '../../src/accounts/pages/layout.ts'

const HOSTILE = `"><script>alert('x')</script>&amp;`

test('what others wrote is escaped, in text and in attributes, and once only', () => {
  const inner = html`<p title="${HOSTILE}">${HOSTILE}</p>`
  const { text } = html`<div>${inner}${[inner, inner]}</div>`
  expect(text).not.toContain('<script')
  expect(text.match(/<p title="&#34;&#62;&#60;script/g)).toHaveLength(3)
  expect(text).toContain('&#38;amp;')
})

test('a page runs no script, is in no frame, is kept nowhere, and its style is the one that its policy names', async () => {
  const page = pageOf({ title: HOSTILE, body: html`<p>x</p>`, formTargets: ['http://127.0.0.1:1'] })
  const policy = page.headers.get('content-security-policy') ?? ''
  expect(policy).toStartWith("default-src 'none'; ")
  expect(policy).not.toContain('script-src')
  expect(policy).not.toContain('unsafe')
  expect(policy).toContain("form-action 'self' http://127.0.0.1:1;")
  expect(policy).toContain("frame-ancestors 'none'")
  expect(page.headers.get('cache-control')).toBe('no-store')
  const text = await page.text()
  expect(text).not.toContain('<script')
  const [, style = ''] = /<style>(.*)<\/style>/s.exec(text) ?? []
  expect(policy).toContain(`'sha256-${new Bun.CryptoHasher('sha256').update(style).digest('base64')}'`)
})
