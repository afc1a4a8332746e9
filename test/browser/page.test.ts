import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Browser } from 'playwright-core'
import { boot, type Target } from '../kit/boot.ts'
import { openBrowser, openPage, type Watched } from './chromium.ts'

/** The page loads megabytes of script, slowly on a busy machine. */
const TIMEOUT_MS = 180_000

const PREFIX = '/some/prefix'

let browser: Browser
let target: Target
let proxy: ReturnType<typeof startProxy>

beforeAll(async () => {
  target = await boot('embedded')
  proxy = startProxy(target.url)
  browser = await openBrowser()
}, TIMEOUT_MS)

afterAll(async () => {
  await browser?.close()
  await proxy?.stop()
  await target?.stop()
})

/** Serves `url` below a path prefix, which `url` never hears of; everything else is not there. */
function startProxy(url: string) {
  const strays: string[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url)
      if (!pathname.startsWith(`${PREFIX}/`)) {
        strays.push(pathname)
        return new Response(null, { status: 404 })
      }
      const headers = new Headers(request.headers)
      headers.delete('host')
      return fetch(url + pathname.slice(PREFIX.length) + search, {
        method: request.method,
        headers,
        body: request.body && (await request.bytes()),
        redirect: 'manual',
        decompress: false,
      })
    },
  })
  return { url: `http://127.0.0.1:${server.port}${PREFIX}`, strays, stop: () => server.stop(true) }
}

const places: [name: string, root: () => string, path: string][] = [
  ['at the root', () => target.url, '/swagger'],
  ['at the root, with a trailing slash', () => target.url, '/swagger/'],
  ['below a path prefix', () => proxy.url, '/swagger'],
  ['below a path prefix, with a trailing slash', () => proxy.url, '/swagger/'],
]

describe.each(places)('the page %s', (_, root, path) => {
  let watched: Watched

  beforeAll(async () => {
    watched = await openPage(browser)
    await watched.page.goto(root() + path)
    await watched.page.getByRole('heading', { name: 'List tasks' }).waitFor()
  }, TIMEOUT_MS)

  afterAll(() => watched?.page.context().close())

  test(
    'shows every operation of the document',
    async () => {
      const document = (await (await target.request(undefined, 'GET', '/swagger/json')).json()) as {
        tags: { name: string }[]
        paths: Record<string, Record<string, { summary: string }>>
      }
      const { page } = watched
      for (const { name } of document.tags) {
        const closed = page.getByRole('button', { name: `Open Group - ${name}` })
        if (await closed.isVisible()) await closed.click()
      }
      for (const { summary } of Object.values(document.paths).flatMap((item) => Object.values(item)))
        await page.getByRole('complementary').getByRole('link', { name: summary }).first().waitFor()
    },
    TIMEOUT_MS,
  )

  test(
    'takes a token, makes a task with it and shows the answer',
    async () => {
      const { page } = watched
      const user = `reader-${crypto.randomUUID()}`
      await page.getByLabel('Bearer Token').fill(await target.tokens.sign(user, 600))
      // The page renders an operation when it comes into sight.
      await page.getByRole('complementary').getByRole('link', { name: 'Make a task' }).first().click()
      await page.getByRole('button', { name: 'Test Request (post /api/{user_id}/tasks)' }).click()
      const client = page.getByRole('dialog', { name: 'API Client' })
      await client.getByRole('row', { name: 'user_id' }).getByText(user).waitFor()
      const answered = page.waitForResponse((response) => response.request().method() === 'POST')
      await client.getByRole('button', { name: /^Send post request/ }).click()

      const answer = await answered
      expect(answer.url()).toBe(`${root()}/api/${user}/tasks`)
      expect(answer.status()).toBe(201)
      const shown = client.getByRole('region', { name: 'Response' })
      await shown.getByText('201 Created').waitFor()
      await shown.getByText(user).first().waitFor()
      const tasks = await (await target.request(user, 'GET', `/api/${user}/tasks`)).json()
      expect(tasks).toMatchObject([{ title: 'Buy milk', user_id: user }])
    },
    TIMEOUT_MS,
  )

  test('asks nobody but the service, and nothing beside it', () => {
    const outside = watched.requests.filter((url) => !url.startsWith(`${root()}/`))
    expect(outside).toEqual([])
    expect(proxy.strays).toEqual([])
    for (const asset of ['/swagger', '/swagger/page.js', '/swagger/scalar.js', '/swagger/json'])
      expect(watched.requests).toContain(root() + asset)
  })

  test("shows nothing of its renderer's own services", async () => {
    const theirs = /ask ai|\bMCP\b|open api client|\bshare\b|\bdeploy\b|\bregister\b|developer tools/i
    expect(await watched.page.getByText(theirs).filter({ visible: true }).allTextContents()).toEqual([])
  })

  test('has nothing to complain of, its own policy included', () => {
    expect(watched.complaints).toEqual([])
  })

  test(
    'has the token in the storage of its tab, and nowhere else',
    async () => {
      const read = (storage: string) =>
        // The page's own `localStorage` leads tokens to the tab's: this asks a frame, which has the browser's.
        watched.page.evaluate(`{
        const frame = document.body.appendChild(document.createElement('iframe'))
        const text = JSON.stringify([{ ...frame.contentWindow.${storage} }, document.cookie])
        frame.remove()
        text
      }`)
      expect(await read('sessionStorage')).toContain('eyJ')
      expect(await read('localStorage')).not.toContain('eyJ')
      const other = await watched.page.context().newPage()
      await other.goto(root() + path)
      await other.getByRole('heading', { name: 'List tasks' }).waitFor()
      expect(await other.getByLabel('Bearer Token').inputValue()).toBe('')
      await other.close()
    },
    TIMEOUT_MS,
  )

  test('could not reach another origin if it tried', async () => {
    let reached = 0
    const other = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch() {
        reached++
        return new Response(null, { headers: { 'access-control-allow-origin': '*' } })
      },
    })
    const said = await watched.page.evaluate(
      `fetch('http://127.0.0.1:${other.port}/').then(() => 'reached', () => 'refused')`,
    )
    await other.stop(true)
    expect(said).toBe('refused')
    expect(reached).toBe(0)
  })
})
