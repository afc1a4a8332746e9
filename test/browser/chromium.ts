import { type Browser, chromium, type Page } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** Quiet, and unable to find any host but 127.0.0.1. */
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
]

/** A headless Chromium of this machine: the one that `CHROMIUM` names, or one of the PATH. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM'] ?? NAMES.map((name) => Bun.which(name)).find((path) => path !== null)
  if (executablePath === undefined)
    throw new Error(
      'There is no Chromium. Install it (Debian, Ubuntu: apt-get update && apt-get install -y chromium), or name its program in CHROMIUM.',
    )
  return chromium.launch({ executablePath, args: ARGS })
}

export interface Watched {
  readonly page: Page
  /** Addresses that the page asked for, other than `data:` and `blob:`, whether or not it was answered. */
  readonly requests: string[]
  /** Warnings and errors of the console, uncaught exceptions, violations of the page's policy. */
  readonly complaints: string[]
}

/** An empty page of its own profile, with everything that it asks for and complains of written down. */
export async function openPage(browser: Browser): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1400, height: 1000 } })
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  return watchPage(page)
}

/** Writes down everything that a page, and others of its profile, ask for, and what it complains of. */
export async function watchPage(page: Page): Promise<Watched> {
  const requests: string[] = []
  const complaints: string[] = []
  page.context().on('request', (request) => {
    if (!/^(data|blob):/.test(request.url())) requests.push(request.url())
  })
  page.on('console', (message) => {
    if (['warning', 'error', 'assert'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.exposeFunction('writeDown', (text: string) => complaints.push(text))
  await page.addInitScript(`document.addEventListener('securitypolicyviolation', (event) =>
    writeDown([event.violatedDirective, 'refused', event.blockedURI, event.sourceFile].join(' ')))`)
  return { page, requests, complaints }
}
