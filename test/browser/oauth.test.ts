import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import AxeBuilder from '@axe-core/playwright'
import {
  auth,
  Client,
  type OAuthClientProvider,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from '@modelcontextprotocol/client'
import { decodeJwt } from 'jose'
import type { Browser, Page } from 'playwright-core'
import { boot, databases, type Target } from '../kit/boot.ts'
import { newProgram, newSignedIn } from '../kit/oauth-program.ts'
import { newPerson, PASSWORD } from '../kit/person.ts'
import { bearer, send } from '../kit/send.ts'
import { openBrowser, openPage } from './chromium.ts'

const TIMEOUT_MS = 180_000

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
}, TIMEOUT_MS)
afterAll(() => browser?.close())

/** A program on this machine: what it keeps, and the address that it sends its person to. */
function newAssistant() {
  const kept: Record<string, unknown> = {}
  const keep = (name: string) => (value: unknown) => {
    kept[name] = value
  }
  let wanted: URL | undefined
  let arrived: (params: URLSearchParams) => void
  const answered = new Promise<URLSearchParams>((resolve) => {
    arrived = resolve
  })
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request) {
      const { pathname, searchParams } = new URL(request.url)
      if (pathname === '/callback') arrived(searchParams)
      return new Response('<!doctype html><title>Done</title><h1>You can close this window</h1>', {
        headers: { 'content-type': 'text/html' },
      })
    },
  })
  const redirectUrl = `http://127.0.0.1:${server.port}/callback`
  const provider = {
    redirectUrl,
    clientMetadata: {
      client_name: 'Test assistant',
      redirect_uris: [redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    state: () => 'a-state',
    clientInformation: () => kept['client'],
    saveClientInformation: keep('client'),
    tokens: () => kept['tokens'],
    saveTokens: keep('tokens'),
    redirectToAuthorization(url: URL) {
      wanted = url
    },
    saveCodeVerifier: keep('verifier'),
    codeVerifier: () => String(kept['verifier']),
    discoveryState: () => kept['discovery'],
    saveDiscoveryState: keep('discovery'),
    invalidateCredentials: () => keep('tokens')(undefined),
  }
  return {
    // Its own types ask for the exact shapes of what is only kept here.
    provider: provider as unknown as OAuthClientProvider,
    kept,
    tokens: () => kept['tokens'] as { access_token: string; refresh_token: string },
    wanted: () => wanted?.href ?? '',
    answered,
    stop: () => server.stop(true),
  }
}

/** Faults of accessibility on the page as it is now: none is allowed. */
async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([])
}

describe.each(databases)('an assistant that knows nothing but the address, over %s', (kind) => {
  let target: Target
  beforeAll(async () => {
    target = await boot(kind)
  }, TIMEOUT_MS)
  afterAll(() => target?.stop())

  const listed = (path: string, token: string) => send(target.url, 'GET', path, undefined, bearer(token))

  test(
    'registers, lets its person make an account and allow it, and lists their task until the access is taken away',
    async () => {
      const assistant = newAssistant()
      const mcp = new URL(`${target.url}/mcp`)
      const refused = await send(target.url, 'POST', '/mcp', {})
      expect(refused.headers.get('www-authenticate')).toBe(
        `Bearer resource_metadata="${target.url}/.well-known/oauth-protected-resource/mcp"`,
      )
      expect(await auth(assistant.provider, { serverUrl: mcp })).toBe('REDIRECT')

      const { page, complaints, requests } = await openPage(browser)
      await page.goto(assistant.wanted())
      await page.getByRole('heading', { name: 'Sign in' }).waitFor()
      await expectAccessible(page)
      await page.getByRole('link', { name: 'I have no account yet' }).click()
      await page.getByRole('heading', { name: 'Make an account' }).waitFor()
      await expectAccessible(page)
      await page.getByLabel('Name').fill('Ada')
      await page.getByLabel('E-mail address').fill(`${crypto.randomUUID()}@example.com`)
      await page.getByLabel('Password').fill(PASSWORD)
      await page.getByRole('button', { name: 'Make an account' }).click()
      await page.getByRole('heading', { name: 'Let Test assistant in?' }).waitFor()
      await expectAccessible(page)
      await page.getByRole('button', { name: 'Allow', exact: true }).click()
      await page.getByRole('heading', { name: 'You can close this window' }).waitFor()

      const params = await assistant.answered
      expect(
        await auth(assistant.provider, {
          serverUrl: mcp,
          authorizationCode: params.get('code') ?? '',
          iss: params.get('iss') ?? '',
        }),
      ).toBe('AUTHORIZED')
      const { access_token } = assistant.tokens()
      const { sub = '' } = decodeJwt(access_token)

      const session = await page.request.get(`${target.url}/api/auth/token`)
      const { token } = (await session.json()) as { token: string }
      await send(target.url, 'POST', `/api/${sub}/tasks`, { title: 'Buy milk' }, bearer(token))
      // For `/mcp` alone, and somebody else sees nothing of it.
      expect((await listed(`/api/${sub}/tasks`, access_token)).status).toBe(401)
      const bob = await newSignedIn(target.url)
      expect((await listed(`/api/${bob.id}/tasks`, access_token)).status).toBeOneOf([401, 403])
      expect((await listed(`/api/${sub}/access`, bob.token)).status).toBe(403)

      const client = new Client({ name: 'test', version: '1' })
      await client.connect(new StreamableHTTPClientTransport(mcp, { authProvider: assistant.provider }))
      const call = () => client.callTool({ name: 'list_tasks', arguments: {} })
      expect(JSON.stringify(await call())).toContain('Buy milk')

      const bobs = new Client({ name: 'test', version: '1' })
      const { access_token: bobsToken } = await (await newProgram(target.url)).tokensFor(bob, { scope: 'tasks:read' })
      const requestInit = { headers: bearer(bobsToken) }
      await bobs.connect(new StreamableHTTPClientTransport(mcp, { requestInit }))
      const seen = [
        await bobs.callTool({ name: 'list_tasks', arguments: {} }),
        await bobs.callTool({ name: 'list_tasks', arguments: { user_id: sub } }),
      ]
      expect(seen.map(({ isError }) => isError ?? false)).toEqual([false, true])
      expect(JSON.stringify(seen)).not.toContain('Buy milk')
      const write = bobs.callTool({ name: 'add_task', arguments: { title: 'By a token that only reads' } })
      await expect(write).rejects.toMatchObject({ requiredScope: 'tasks:write' })
      await bobs.close()

      const before = assistant.tokens().refresh_token
      expect(await auth(assistant.provider, { serverUrl: mcp })).toBe('AUTHORIZED')
      expect(assistant.tokens().refresh_token).not.toBe(before)
      expect(JSON.stringify(await call())).toContain('Buy milk')

      await page.goto(`${target.url}/account/access`)
      await page.getByRole('heading', { name: 'Test assistant' }).waitFor()
      await expectAccessible(page)
      await page.getByRole('button', { name: 'Take the access away from Test assistant' }).click()
      await page.getByText('No program has access.').waitFor()
      await expectAccessible(page)
      await expect(call()).rejects.toBeInstanceOf(UnauthorizedError)
      await client.close()

      expect(complaints).toEqual([])
      for (const address of requests) expect(address).toMatch(/^http:\/\/127\.0\.0\.1:/)
      await page.context().close()
      await assistant.stop()
    },
    TIMEOUT_MS,
  )

  test(
    'works without a script, in the dark, and sends its person back when they do not allow it',
    async () => {
      const assistant = newAssistant()
      await auth(assistant.provider, { serverUrl: new URL(`${target.url}/mcp`) })
      const ada = newPerson(target.url)
      await ada.signUp()
      const context = await browser.newContext({ javaScriptEnabled: false, colorScheme: 'dark' })
      const page = await context.newPage()
      await page.goto(assistant.wanted())
      await page.getByLabel('E-mail address').fill(ada.email)
      await page.getByLabel('Password').fill('incorrect horse')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('alert').getByText('wrong').waitFor()
      expect(await page.getByLabel('E-mail address').inputValue()).toBe(ada.email)
      await page.getByLabel('Password').fill(PASSWORD)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('button', { name: 'Do not allow' }).click()
      expect(Object.fromEntries(await assistant.answered)).toMatchObject({ error: 'access_denied', iss: target.url })
      await context.close()

      const dark = await browser.newContext({ colorScheme: 'dark' })
      const lit = await dark.newPage()
      await lit.goto(assistant.wanted())
      await expectAccessible(lit)
      await dark.close()
      await assistant.stop()
    },
    TIMEOUT_MS,
  )
})
