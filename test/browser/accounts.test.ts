import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { boot, type Target } from '../kit/boot.ts'
import { PASSWORD } from '../kit/person.ts'
import { openBrowser, openPage } from './chromium.ts'

/** The page loads megabytes of script, slowly on a busy machine. */
const TIMEOUT_MS = 180_000

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
}, TIMEOUT_MS)
afterAll(() => browser?.close())

describe('the swagger page', () => {
  let target: Target
  beforeAll(async () => {
    target = await boot('embedded')
  }, TIMEOUT_MS)
  afterAll(() => target?.stop())

  /** Runs an operation on the page and gives what the service answered. */
  async function run(
    page: Page,
    [group, name]: [group: string, name: string],
    operation: string,
    prepare?: (client: ReturnType<Page['getByRole']>) => Promise<void>,
  ) {
    const closed = page.getByRole('button', { name: `Open Group - ${group}` })
    if (await closed.isVisible()) await closed.click()
    await page.getByRole('complementary').getByRole('link', { name }).first().click()
    await page.getByRole('button', { name: `Test Request (${operation})` }).click()
    const client = page.getByRole('dialog', { name: 'API Client' })
    await client.waitFor()
    await prepare?.(client)
    const path = operation.split(' ')[1]?.split('{')[0] ?? ''
    const answered = page.waitForResponse((response) => new URL(response.url()).pathname.startsWith(path))
    await client.getByRole('button', { name: /^Send (get|post) request/ }).click()
    const answer = await answered
    const body = await answer.json()
    await page.keyboard.press('Escape')
    await client.waitFor({ state: 'hidden' })
    return { status: answer.status(), body }
  }

  test(
    'signs up, gets a token and uses it, without being left',
    async () => {
      const { page, complaints } = await openPage(browser)
      await page.goto(`${target.url}/swagger`)
      await page.getByRole('heading', { name: 'List tasks' }).waitFor()

      const signedUp = await run(page, ['accounts', 'Sign up'], 'post /api/auth/sign-up/email')
      expect(signedUp.status).toBe(200)
      const { id } = signedUp.body.user
      const got = await run(page, ['accounts', 'Get a token'], 'get /api/auth/token')
      expect(got.status).toBe(200)

      await page.getByLabel('Bearer Token').first().fill(got.body.token)
      const made = await run(page, ['tasks', 'Make a task'], 'post /api/{user_id}/tasks', (client) =>
        client.getByRole('row', { name: 'user_id' }).getByText(id).waitFor(),
      )
      expect(made.status).toBe(201)
      expect(made.body).toMatchObject({ title: 'Buy milk', user_id: id })
      expect(complaints).toEqual([])
      await page.context().close()
    },
    TIMEOUT_MS,
  )
})

describe('a page on another origin', () => {
  let target: Target
  let site: ReturnType<typeof Bun.serve>
  let stranger: ReturnType<typeof Bun.serve>

  beforeAll(async () => {
    const built = await Bun.build({ entrypoints: [join(import.meta.dir, 'other-origin.ts')], target: 'browser' })
    const script = await built.outputs[0]?.text()
    const serve = () =>
      Bun.serve({
        hostname: '127.0.0.1',
        port: 0,
        fetch: (request) =>
          new URL(request.url).pathname === '/page.js'
            ? new Response(script, { headers: { 'content-type': 'text/javascript' } })
            : new Response('<!doctype html><script type="module" src="/page.js"></script>', {
                headers: { 'content-type': 'text/html' },
              }),
      })
    site = serve()
    stranger = serve()
    target = await boot('embedded', { CORS_ORIGINS: `http://127.0.0.1:${site.port}` })
  }, TIMEOUT_MS)
  afterAll(async () => {
    await site?.stop(true)
    await stranger?.stop(true)
    await target?.stop()
  })

  const visit = async (port: number | undefined) => {
    const { page, complaints } = await openPage(browser)
    await page.goto(`http://127.0.0.1:${port}/`)
    await page.waitForFunction('window.journey !== undefined')
    // A new address, so that a refusal has no other reason.
    const email = `${crypto.randomUUID()}@example.com`
    const journey = `journey(${JSON.stringify({ url: target.url, email, password: PASSWORD })})`
    return { page, complaints, email, journey }
  }

  test(
    'that is listed signs up by cookie, gets a token and keeps tasks with it',
    async () => {
      const { page, complaints, email, journey } = await visit(site.port)
      expect(await page.evaluate(journey)).toEqual({
        session: email,
        titles: ['Buy milk'],
        watched: 'Buy tea',
        signedOut: null,
        refused: { status: 401, code: 'INVALID_EMAIL_OR_PASSWORD' },
        readableCookie: '',
      })
      // The browser logs the one refused request itself.
      expect(complaints.filter((text) => !text.includes('401'))).toEqual([])
      await page.context().close()
    },
    TIMEOUT_MS,
  )

  test(
    'that is not listed can neither read nor sign in',
    async () => {
      const { page, journey } = await visit(stranger.port)
      expect(await page.evaluate(`${journey}.then(() => 'done', () => 'refused')`)).toBe('refused')
      await page.context().close()
    },
    TIMEOUT_MS,
  )
})
