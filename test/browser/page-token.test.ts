import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { boot, type Target } from '../kit/boot.ts'
import { openBrowser, openPage } from './chromium.ts'

/** The page loads megabytes of script, slowly on a busy machine. */
const TIMEOUT_MS = 180_000

let browser: Browser
let target: Target

beforeAll(async () => {
  target = await boot('embedded')
  browser = await openBrowser()
}, TIMEOUT_MS)

afterAll(async () => {
  await browser?.close()
  await target?.stop()
})

const isShown = (page: Page) => page.getByRole('heading', { name: 'List tasks' }).waitFor()

/** Every value of `user_id` in the requests that the page shows and would send. */
async function expectUser(page: Page, user: string): Promise<void> {
  const operations: [group: string, name: string, button: string][] = [
    ['tasks', 'List tasks', 'get /api/{user_id}/tasks'],
    ['trash', 'List the trash', 'get /api/{user_id}/trash'],
    ['transfer', 'Export everything', 'get /api/{user_id}/export'],
  ]
  for (const [group, name, button] of operations) {
    const closed = page.getByRole('button', { name: `Open Group - ${group}` })
    if (await closed.isVisible()) await closed.click()
    await page.getByRole('complementary').getByRole('link', { name }).first().click()
    await page.getByRole('button', { name: `Test Request (${button})` }).click()
    const client = page.getByRole('dialog', { name: 'API Client' })
    await client.getByRole('row', { name: 'user_id' }).getByText(user, { exact: true }).waitFor()
    await page.keyboard.press('Escape')
    await client.waitFor({ state: 'hidden' })
  }
}

test(
  'the user of the token is filled in everywhere, follows the token, and outlives a reload with it',
  async () => {
    const { page, complaints } = await openPage(browser)
    await page.goto(`${target.url}/swagger`)
    await isShown(page)
    const field = page.getByLabel('Bearer Token').first()
    // A name that is not its own text in base64 or in an address.
    const users = [`zoë/${crypto.randomUUID()}`, `bob-${crypto.randomUUID()}`]
    for (const user of users) {
      await field.fill(await target.tokens.sign(user, 600))
      await expectUser(page, user)
    }
    const token = await field.inputValue()
    await page.reload()
    await field.waitFor()
    expect(await field.inputValue()).toBe(token)
    await expectUser(page, users[1] ?? '')

    const sent = page.waitForResponse((response) => response.url().includes('/tasks'))
    await page.getByRole('complementary').getByRole('link', { name: 'List tasks' }).first().click()
    await page.getByRole('button', { name: 'Test Request (get /api/{user_id}/tasks)' }).click()
    await page
      .getByRole('dialog', { name: 'API Client' })
      .getByRole('button', { name: /^Send get request/ })
      .click()
    expect((await sent).status()).toBe(200)
    expect(complaints).toEqual([])
    await page.context().close()
  },
  TIMEOUT_MS,
)

test(
  'a warm start takes less than a second of the browser',
  async () => {
    const { page } = await openPage(browser)
    const devtools = await page.context().newCDPSession(page)
    // The time of the page's thread, not the clock's: other processes on this machine do not count.
    await devtools.send('Performance.enable', { timeDomain: 'threadTicks' })
    const seconds: number[] = []
    for (let i = 0; i < 6; i++) {
      await page.goto(`${target.url}/swagger`)
      await isShown(page)
      await page.getByLabel('Bearer Token').first().fill('x')
      const { metrics } = await devtools.send('Performance.getMetrics')
      seconds.push(metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.POSITIVE_INFINITY)
    }
    // The first one fills the browser's caches.
    expect(Math.min(...seconds.slice(1))).toBeLessThan(1)
    expect(Math.min(...seconds.slice(1))).toBeGreaterThan(0)
    await page.context().close()
  },
  TIMEOUT_MS,
)
