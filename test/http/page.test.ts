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
    expect(policy.sort()).toEqual([
      "base-uri 'none'",
      "connect-src 'self'",
      "default-src 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "img-src 'self' data:",
      "script-src 'self'",
      "style-src 'unsafe-inline'",
    ])
    const text = (await page.text()).replaceAll('&quot;', '"')
    const addresses = [...text.matchAll(/(?:src|href|url)(?:="|":")([^"]*)"/g)].map(([, url]) => url)
    expect(addresses).toEqual(expect.arrayContaining(['swagger/json', 'swagger/page.js', 'swagger/scalar.js']))
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

  const assets: [path: string, type: string, bytes: number][] = [
    ['/swagger', 'text/html; charset=utf-8', 500],
    ['/swagger/page.js', 'text/javascript; charset=utf-8', 1000],
    ['/swagger/scalar.js', 'text/javascript; charset=utf-8', 1_000_000],
    ['/swagger/json', 'application/json', 100_000],
  ]
  test.each(assets)(
    '%s is sent compressed to whoever takes that, and is the same to everybody',
    async (path, type, bytes) => {
      const packed = await Promise.all(
        ['gzip', 'br, gzip', 'br;q=1.0, gzip;q=0.8', '*', 'x-gzip', 'GZIP ; q=0.001'].map((accept) =>
          get(path, { 'accept-encoding': accept }),
        ),
      )
      const plain = await Promise.all(
        ['identity', 'gzip;q=0, identity', 'gzip;q=0.000', 'br', '', '*;q=0', 'gzip;q=0, *'].map((accept) =>
          get(path, { 'accept-encoding': accept }),
        ),
      )
      for (const answer of packed) expect(answer.headers.get('content-encoding')).toBe('gzip')
      for (const answer of plain) expect(answer.headers.has('content-encoding')).toBe(false)
      const texts = new Set<string>()
      for (const answer of [...packed, ...plain]) {
        expect(answer.status).toBe(200)
        expect(answer.headers.get('content-type')).toBe(type)
        expect(answer.headers.get('vary')).toContain('Accept-Encoding')
        texts.add(await answer.text())
      }
      expect(texts.size).toBe(1)
      expect([...texts][0]?.length).toBeGreaterThan(bytes)
    },
  )

  test.each(assets)('%s is not sent again to whoever has it', async (path) => {
    const first = await get(path, {}, 'HEAD')
    expect(first.status).toBe(200)
    const tag = first.headers.get('etag') ?? ''
    expect(tag).toMatch(/^W\/"[\w-]{20,}"$/)
    for (const sent of [tag, `"other", ${tag}`, tag.replace('W/', ''), tag.replace(/"$/, '-gzip"')]) {
      const again = await get(path, { 'if-none-match': sent })
      expect(again.status).toBe(304)
      expect(again.headers.get('etag')).toBe(tag)
      expect(again.headers.get('vary')).toContain('Accept-Encoding')
      expect(await again.text()).toBe('')
    }
    expect((await get(path, { 'if-none-match': '"other"' })).status).toBe(200)
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
    const list = (await (await target.request(user, 'POST', `/api/${user}/lists`, { name: 'Home' })).json()) as {
      id: string
    }
    const sent: string[] = []
    // Examples of the account routes name an account that does not exist; test/accounts covers those routes.
    const paths = Object.entries(document.paths).filter(([path]) => !path.startsWith('/api/auth/'))
    for (const [path, item] of paths)
      for (const [method, { operationId, requestBody }] of Object.entries(item))
        for (const [type, { example }] of Object.entries(requestBody?.content ?? {})) {
          const address = path.replace('{user_id}', user).replace('{id}', path.includes('/lists/') ? list.id : id)
          const answer = await target.request(user, method.toUpperCase(), address, example, { 'content-type': type })
          expect([operationId, type, answer.ok]).toEqual([operationId, type, true])
          sent.push(operationId)
        }
    expect(sent).toEqual(expect.arrayContaining(['createTask', 'updateTask', 'patchTask', 'completeTask']))
  })
})
