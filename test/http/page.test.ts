import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { boot, databases, type Target } from '../kit/boot.ts'

interface Operation {
  operationId: string
  requestBody?: { content: Record<string, { example: unknown }> }
}

describe.each(databases)('over %s', (kind) => {
  let target: Target

  beforeAll(async () => {
    target = await boot(kind)
  }, 60_000)
  afterAll(() => target?.stop())

  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    target.request(undefined, method, path, undefined, headers)

  test('the page is for everybody and may use its own origin alone', async () => {
    const page = await get('/swagger')
    expect(page.status).toBe(200)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const policy = (page.headers.get('content-security-policy') ?? '').split('; ')
    const [scripts = '', ...rest] = policy.filter((directive) => directive.startsWith('script-src'))
    expect(rest).toEqual([])
    // Besides the origin's own, only the one inline script, by its hash.
    expect(scripts).toMatch(/^script-src 'self' 'sha256-[\w+/]{43}='$/)
    expect(policy.filter((directive) => directive !== scripts).sort()).toEqual([
      "base-uri 'none'",
      "connect-src 'self'",
      "default-src 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "img-src 'self' data:",
      "style-src 'unsafe-inline'",
    ])
    const addresses = [...(await page.text()).matchAll(/(?:src|href|url)(?:="|":")([^"]*)"/g)].map(([, url]) => url)
    expect(addresses).toEqual(expect.arrayContaining(['swagger/json', 'swagger/scalar.js']))
    for (const address of addresses) expect(address).not.toMatch(/^(\w+:)?\//)
  })

  test.each([
    ['/swagger/', '../swagger'],
    ['/swagger/json/', '../json'],
    ['/swagger/scalar.js/', '../scalar.js'],
  ])('%s leads to where relative addresses hold, whatever the prefix', async (path, location) => {
    const answer = await get(path)
    expect(answer.status).toBe(308)
    expect(answer.headers.get('location')).toBe(location)
  })

  test('the script is sent compressed to whoever takes that, and is the same to everybody', async () => {
    const [packed, plain, refused] = await Promise.all([
      get('/swagger/scalar.js', { 'accept-encoding': 'br, gzip' }),
      get('/swagger/scalar.js', { 'accept-encoding': 'identity' }),
      get('/swagger/scalar.js', { 'accept-encoding': 'gzip;q=0, identity' }),
    ])
    expect(packed.headers.get('content-encoding')).toBe('gzip')
    expect(plain.headers.has('content-encoding')).toBe(false)
    expect(refused.headers.has('content-encoding')).toBe(false)
    for (const answer of [packed, plain, refused]) {
      expect(answer.status).toBe(200)
      expect(answer.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
      expect(answer.headers.get('vary')).toContain('Accept-Encoding')
    }
    const text = await plain.text()
    expect(text.length).toBeGreaterThan(1_000_000)
    expect((await packed.text()) === text).toBe(true)
  })

  test('the script is not sent again to whoever has it', async () => {
    const first = await get('/swagger/scalar.js', {}, 'HEAD')
    expect(first.status).toBe(200)
    const tag = first.headers.get('etag') ?? ''
    expect(tag).toMatch(/^W\/"[\w-]{20,}"$/)
    for (const sent of [tag, `"other", ${tag}`, tag.replace('W/', ''), tag.replace(/"$/, '-gzip"')]) {
      const again = await get('/swagger/scalar.js', { 'if-none-match': sent })
      expect(again.status).toBe(304)
      expect(again.headers.get('etag')).toBe(tag)
      expect(await again.text()).toBe('')
    }
    expect((await get('/swagger/scalar.js', { 'if-none-match': '"other"' })).status).toBe(200)
  })

  test('the document is the same at every request, and needs no token', async () => {
    const [first, second] = await Promise.all([get('/swagger/json'), get('/swagger/json')])
    expect(first.status).toBe(200)
    expect(first.headers.get('content-type')).toMatch(/^application\/json/)
    const document = await first.json()
    expect(document).toMatchObject({ openapi: '3.1.0', servers: [{ url: '..' }] })
    expect(await second.json()).toEqual(document)
  })

  test('every example of a body is taken as it stands', async () => {
    const user = crypto.randomUUID()
    const document = (await (await get('/swagger/json')).json()) as { paths: Record<string, Record<string, Operation>> }
    const made = await target.request(user, 'POST', `/api/${user}/tasks`, { title: 'To be changed' })
    const { id } = (await made.json()) as { id: string }
    const sent: string[] = []
    // Examples of the account routes name an account that does not exist; test/accounts covers those routes.
    const paths = Object.entries(document.paths).filter(([path]) => !path.startsWith('/api/auth/'))
    for (const [path, item] of paths)
      for (const [method, { operationId, requestBody }] of Object.entries(item))
        for (const [type, { example }] of Object.entries(requestBody?.content ?? {})) {
          const address = path.replace('{user_id}', user).replace('{id}', id)
          const answer = await target.request(user, method.toUpperCase(), address, example, { 'content-type': type })
          expect([operationId, type, answer.ok]).toEqual([operationId, type, true])
          sent.push(operationId)
        }
    expect(sent).toEqual(expect.arrayContaining(['createTask', 'updateTask', 'patchTask', 'completeTask']))
  })
})
