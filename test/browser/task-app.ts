import { afterAll, afterEach, beforeAll, expect } from 'bun:test'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import axe from 'axe-core'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { createDoable, type Doable } from '../../src/client/index.ts'
import { boot, type Target } from '../kit/boot.ts'
import { PASSWORD } from '../kit/person.ts'
import { openBrowser, watchPage } from './chromium.ts'

/** Somebody with an account, who has the task application open. */
export interface Visitor {
  page: Page
  context: BrowserContext
  email: string
  /** The same user's other device. */
  doable: Doable
  requests: string[]
  complaints: string[]
  /** Opens the application once more, in the same browser. */
  newWindow(): Promise<Page>
}

/** As long as a test of a page may take on a busy machine, in milliseconds. */
export const TIMEOUT_MS = 180_000

/** A browser and a service with accounts, for all tests of a file. */
export function useTaskApplication(): { browser: Browser; target: Target } {
  const place: { browser?: Browser; target?: Target } = {}
  const opened = <Name extends 'browser' | 'target'>(name: Name) => {
    const found = place[name]
    if (found === undefined) throw new Error('only tests and hooks can use it')
    return found as NonNullable<typeof found>
  }
  beforeAll(async () => {
    place.browser = await openBrowser()
    place.target = await boot('embedded', { TRUSTED_PROXIES: '127.0.0.1' })
  }, TIMEOUT_MS)
  afterEach(async () => {
    for (const context of opened('browser').contexts()) await context.close()
  })
  afterAll(async () => {
    await place.browser?.close()
    await place.target?.stop()
  })
  return {
    get browser() {
      return opened('browser')
    },
    get target() {
      return opened('target')
    },
  }
}

let addresses = 0

/** Each browser has an address of its own: signing in is limited by address. */
export async function newContext(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const forwarded = `10.0.${Math.floor(++addresses / 250)}.${(addresses % 250) + 1}`
  const context = await browser.newContext({
    viewport: { width: 1180, height: 800 },
    locale: 'en-GB',
    ...options,
    extraHTTPHeaders: { 'x-forwarded-for': forwarded },
  })
  context.setDefaultTimeout(60_000)
  return context
}

/** Signs somebody up, without the page, and opens the application. */
export async function visit(browser: Browser, target: Target, options: BrowserContextOptions = {}): Promise<Visitor> {
  const context = await newContext(browser, options)
  const email = `ada-${crypto.randomUUID().slice(0, 8)}@example.com`
  const signedUp = await context.request.post(`${target.url}/api/auth/sign-up/email`, {
    data: { name: 'Ada', email, password: PASSWORD },
  })
  const { user } = await signedUp.json()
  const doable = createDoable({
    url: target.url,
    userId: user.id,
    token: () => target.tokens.sign(user.id, 3600),
  })
  const page = await context.newPage()
  const { requests, complaints } = await watchPage(page)
  const open = async (window: Page) => {
    await window.goto(target.url)
    await window.getByRole('textbox', { name: 'New task' }).waitFor()
    await window.getByText('Reading your tasks…').waitFor({ state: 'hidden' })
    return window
  }
  await open(page)
  return {
    page,
    context,
    email,
    doable,
    requests,
    complaints,
    newWindow: async () => open(await context.newPage()),
  }
}

export async function add(page: Page, line: string): Promise<void> {
  await page.getByRole('textbox', { name: 'New task' }).fill(line)
  await page.keyboard.press('Enter')
}

/** The titles of the open tasks that are shown, in their order. */
export function titles(page: Page): Promise<string[]> {
  return page.locator('[data-completed=false] .row-title').allTextContents()
}

/** Violations of WCAG 2.2 A and AA and of the best practices that axe-core knows. */
export async function expectAccessible(page: Page): Promise<void> {
  // Colours are compared as they are, so nothing may be on its way.
  await page.evaluate('Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {})))')
  // Evaluated by the debugger, which the page's policy does not bind.
  await page.evaluate(axe.source)
  const { violations } = (await page.evaluate('axe.run(document)')) as axe.AxeResults
  expect(
    violations.map(({ id, nodes }) => ({ id, at: nodes.map(({ html, failureSummary }) => [html, failureSummary]) })),
  ).toEqual([])
}

/** Nothing may need scrolling sideways. */
export async function expectFits(page: Page): Promise<void> {
  const wider = `[...document.querySelectorAll('body *')]
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5 && !element.closest('.unseen, [inert]'))
    .map((element) => element.outerHTML.slice(0, 120))`
  expect(await page.evaluate(wider)).toEqual([])
  expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
}

/** Writes a picture for the documents, where `SCREENSHOTS` names their folder. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env['SCREENSHOTS']
  if (folder === undefined) return
  await mkdir(folder, { recursive: true })
  await page.evaluate('Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {})))')
  await page.screenshot({ path: join(folder, `${name}.png`) })
}
