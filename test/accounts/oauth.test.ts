import { beforeAll, describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { locationOf, newBrowser, newProgram, newSignedIn } from '../kit/oauth-program.ts'
import { PASSWORD } from '../kit/person.ts'
import { bearer, send } from '../kit/send.ts'
import { useService } from '../kit/service.ts'
import { jsonOf } from '../kit/user.ts'

/** What no answer may hold: parts of the libraries, and the words of what was sent. */
const INSIDE = /node_modules|better.?auth|drizzle|postgres|doable\.invalid|\bat \S+ \(|Secret/i

/** An error of the protocol (RFC 6749, 5.2). */
async function expectError(answer: Response, status: number, error: string): Promise<void> {
  const text = await answer.text()
  expect(`${answer.status} ${text}`).toStartWith(`${status} {"error":"${error}","error_description":"`)
  expect(answer.headers.get('content-type')).toBe('application/json')
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect(text).not.toMatch(INSIDE)
}

/** A page of ours that says no, and leads nowhere. */
async function expectPage(answer: Response, status: number, words: string): Promise<void> {
  const text = await answer.text()
  expect(`${answer.status} ${text}`).toStartWith(`${status} <!doctype html>`)
  expect(text).toContain(words)
  expect(text).not.toContain('<script')
  expect(answer.headers.get('location')).toBeNull()
  expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
  expect(answer.headers.get('referrer-policy')).toBe('same-origin')
}

describe.each(databases)('OAuth for programs over %s', (kind) => {
  const service = useService(kind)
  let ada: Awaited<ReturnType<typeof newSignedIn>>
  let program: Awaited<ReturnType<typeof newProgram>>
  beforeAll(async () => {
    ada = await newSignedIn(service().url)
    program = await newProgram(service().url)
  })
  const url = () => service().url

  test('the metadata leads from /mcp to the authorisation server, under the name that was asked', async () => {
    for (const path of ['', '/mcp']) {
      const found = await jsonOf<object>(await send(url(), 'GET', `/.well-known/oauth-protected-resource${path}`))
      expect(found).toMatchObject({
        resource: `${url()}/mcp`,
        authorization_servers: [url()],
        scopes_supported: ['tasks:read', 'tasks:write'],
      })
    }
    const metadata = await jsonOf<Record<string, unknown>>(
      await send(url(), 'GET', '/.well-known/oauth-authorization-server'),
    )
    expect(metadata).toMatchObject({ issuer: url(), code_challenge_methods_supported: ['S256'] })
    for (const name of ['authorization_endpoint', 'token_endpoint', 'registration_endpoint', 'revocation_endpoint'])
      expect((await send(url(), 'REPORT', String(metadata[name]).slice(url().length))).status).toBe(405)
    const behind = { 'x-forwarded-proto': 'https', host: 'todo.example.com' }
    expect(
      await jsonOf<object>(await send(url(), 'GET', '/.well-known/oauth-protected-resource', undefined, behind)),
    ).toMatchObject({ resource: 'https://todo.example.com/mcp', authorization_servers: ['https://todo.example.com'] })
  })

  test('a stranger is asked to sign in and then to allow it, and only then there is a code, for this issuer', async () => {
    const browser = newBrowser(url())
    const page = locationOf(await browser.get(program.authorization()))
    expect(page).toStartWith('/account/sign-in?')
    expect(await (await browser.get(page)).text()).toContain('Helper')
    const wrong = await browser.submit(page, { email: ada.email, password: 'incorrect horse' })
    await expectPage(wrong, 422, 'The e-mail address or the password is wrong.')
    const signedIn = await browser.submit(page, { email: ada.email, password: PASSWORD })
    const consent = locationOf(await browser.get(locationOf(signedIn)))
    expect(consent).toStartWith('/account/consent?')
    const asked = await browser.get(consent)
    expect(asked.headers.get('content-security-policy')).toContain("form-action 'self' http://127.0.0.1:7777;")
    const text = await asked.text()
    for (const word of ['Let Helper in?', 'see your tasks', 'delete tasks', '127.0.0.1:7777', ada.email])
      expect(text).toContain(word)
    const denied = new URL(locationOf(await browser.submit(consent, { answer: 'deny' })))
    expect(Object.fromEntries(denied.searchParams)).toMatchObject({ error: 'access_denied', state: 'xyz', iss: url() })
    const allowed = new URL(locationOf(await browser.submit(consent, { answer: 'allow' })))
    expect(allowed.origin + allowed.pathname).toBe(program.redirect)
    expect(Object.fromEntries(allowed.searchParams)).toEqual({
      code: expect.any(String),
      state: 'xyz',
      iss: url(),
    })
  })

  test('a code gives a token for /mcp alone, and a refresh token that is used once', async () => {
    const first = await program.tokensFor(ada)
    expect(first).toMatchObject({ scope: 'tasks:read tasks:write offline_access', expires_in: 900 })
    const elsewhere = await send(url(), 'GET', `/api/${ada.id}/tasks`, undefined, bearer(first.access_token))
    await expectProblem(elsewhere, 401, 'token-invalid')
    const second = await jsonOf<typeof first>(await program.refresh(first.refresh_token ?? ''))
    expect(second.refresh_token).not.toBe(first.refresh_token)
    const narrow = await jsonOf<typeof first>(
      await program.refresh(second.refresh_token ?? '', { scope: 'tasks:read' }),
    )
    expect(narrow.scope).toBe('tasks:read')
  })

  test('a refresh token that is used again ends all of them: one of the two was stolen', async () => {
    const { refresh_token = '' } = await program.tokensFor(ada)
    const next = await jsonOf<{ refresh_token: string }>(await program.refresh(refresh_token))
    await expectError(await program.refresh(refresh_token), 400, 'invalid_grant')
    await expectError(await program.refresh(next.refresh_token), 400, 'invalid_grant')
  })

  test('a code that is used again gives nothing, and ends what it gave', async () => {
    const code = await program.codeFor(ada)
    const { refresh_token } = await jsonOf<{ refresh_token: string }>(await program.exchange(code))
    await expectError(await program.exchange(code), 400, 'invalid_grant')
    await expectError(await program.refresh(refresh_token), 400, 'invalid_grant')
  })

  const badTokens: [name: string, form: (code: string) => Record<string, string>, status: number, error: string][] = [
    ['another verifier', () => ({ code_verifier: 'x'.repeat(43) }), 400, 'invalid_grant'],
    ['no verifier', () => ({ code_verifier: '' }), 400, 'invalid_request'],
    ['another redirect_uri', () => ({ redirect_uri: 'http://127.0.0.1:7777/other' }), 400, 'invalid_grant'],
    ['another resource', () => ({ resource: 'https://elsewhere.example.com/mcp' }), 400, 'invalid_target'],
    ['the audience as it is called inside', () => ({ resource: 'https://doable.invalid/mcp' }), 400, 'invalid_target'],
    ['an unknown client', () => ({ client_id: 'Secret' }), 400, 'invalid_grant'],
    ['an unknown code', () => ({ code: 'Secret' }), 400, 'invalid_grant'],
    ['a NUL', () => ({ code: 'Secret\0' }), 400, 'invalid_request'],
    ['a password grant', () => ({ grant_type: 'password' }), 400, 'unsupported_grant_type'],
    ['a grant for clients', () => ({ grant_type: 'client_credentials' }), 400, 'unsupported_grant_type'],
    ['a grant with a name of every object', () => ({ grant_type: '__proto__' }), 400, 'unsupported_grant_type'],
    ['no grant', () => ({ grant_type: '' }), 400, 'invalid_request'],
  ]
  test('no token for a code with', async () => {
    for (const [name, change, status, error] of badTokens) {
      const answer = await program.exchange(await program.codeFor(ada), change('x'))
      expect(`${name}: ${answer.status}`).toBe(`${name}: ${status}`)
      const text = await answer.clone().text()
      expect(`${name}: ${text}`).toContain(`"error":"${error}"`)
      await expectError(answer, status, error)
    }
  })

  test('a code is for the client that asked for it', async () => {
    const other = await newProgram(url())
    await expectError(await program.exchange(await program.codeFor(ada), { client_id: other.id }), 400, 'invalid_grant')
    const { refresh_token = '' } = await program.tokensFor(ada)
    await expectError(await other.refresh(refresh_token), 400, 'invalid_grant')
  })

  test('a client with a secret must send it, and PKCE besides', async () => {
    const redirect_uri = 'https://helper.example.com/callback'
    const metadata = { redirect_uris: [redirect_uri], token_endpoint_auth_method: 'client_secret_post' }
    const site = await newProgram(url(), metadata)
    const code = () => site.codeFor(ada, { redirect_uri })
    const right = { redirect_uri, client_secret: site.secret ?? '' }
    await expectError(await site.exchange(await code(), { redirect_uri }), 400, 'invalid_client')
    await expectError(await site.exchange(await code(), { ...right, client_secret: 'Secret' }), 400, 'invalid_client')
    await expectError(await site.exchange(await code(), { ...right, code_verifier: '' }), 400, 'invalid_request')
    const none = new URL(locationOf(await ada.get(site.authorization({ redirect_uri, code_challenge: undefined }))))
    expect(none.searchParams.get('error')).toBe('invalid_request')
    expect((await site.exchange(await code(), right)).status).toBe(200)
  })

  /** Requests whose client is known and whose redirect is its own: the client is told. */
  const told: [name: string, changes: Record<string, string | undefined>, error: string][] = [
    ['no PKCE', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['a challenge without its method', { code_challenge_method: undefined }, 'invalid_request'],
    ['PKCE by plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['an unknown scope', { scope: 'tasks:read Secret' }, 'invalid_scope'],
    ['openid', { scope: 'openid tasks:read' }, 'invalid_scope'],
    ['another resource', { resource: 'https://elsewhere.example.com/mcp' }, 'invalid_target'],
    ['a resource that is none', { resource: 'Secret' }, 'invalid_target'],
    ['the audience as it is called inside', { resource: 'https://doable.invalid/mcp' }, 'invalid_target'],
    ['an unknown prompt', { prompt: 'Secret' }, 'invalid_request'],
    ['another response type', { response_type: 'token' }, 'unsupported_response_type'],
    ['a request object', { request: 'Secret' }, 'invalid_request'],
    ['prompt=none without a session', { prompt: 'none' }, 'login_required'],
  ]
  test('a program is told, in words of ours, of', async () => {
    for (const [name, changes, error] of told) {
      const answer = await newBrowser(url()).get(program.authorization(changes))
      expect(`${name}: ${answer.status}`).toBe(`${name}: 303`)
      expect(locationOf(answer)).toStartWith(`${program.redirect}?`)
      const { searchParams } = new URL(locationOf(answer))
      expect(`${name}: ${searchParams.get('error')}`).toBe(`${name}: ${error}`)
      expect(searchParams.get('iss')).toBe(url())
      expect(searchParams.get('state')).toBe('xyz')
      expect(searchParams.toString()).not.toMatch(INSIDE)
    }
  })

  const untold: [name: string, changes: Record<string, string | undefined>][] = [
    ['an unknown client', { client_id: 'Secret' }],
    ['no client', { client_id: undefined }],
    ['another redirect_uri', { redirect_uri: 'https://evil.example.com/' }],
    ['a redirect_uri that only begins like the right one', { redirect_uri: 'http://127.0.0.1:7777/callback/../evil' }],
    ['another host behind credentials', { redirect_uri: 'http://127.0.0.1:7777@evil.example.com/callback' }],
    ['a redirect_uri with a fragment', { redirect_uri: 'http://127.0.0.1:7777/callback#x' }],
    ['no redirect_uri', { redirect_uri: undefined }],
    ['a redirect_uri that is a script', { redirect_uri: 'javascript:alert(1)' }],
    ['a NUL', { state: 'a\0b' }],
  ]
  test('nobody is sent anywhere for', async () => {
    for (const [name, changes] of untold) {
      const answer = await ada.get(program.authorization(changes))
      expect(`${name}: ${answer.status}`).toBe(`${name}: 400`)
      await expectPage(answer, 400, 'This program cannot be let in')
    }
    await expectPage(await ada.get(`${program.authorization()}&client_id=x`), 400, 'This program cannot be let in')
  })

  test('a port of the loopback may change, as programs of a machine need (RFC 8252, 7.3)', async () => {
    const redirect_uri = 'http://127.0.0.1:8999/callback'
    const code = await program.codeFor(ada, { redirect_uri })
    expect((await program.exchange(code, { redirect_uri })).status).toBe(200)
    await expectError(await program.exchange(await program.codeFor(ada, { redirect_uri })), 400, 'invalid_grant')
  })

  test('a program gives its refresh token back, and nobody else can (RFC 7009)', async () => {
    const revoke = (form: Record<string, string>) =>
      fetch(`${url()}/api/auth/oauth2/revoke`, { method: 'POST', body: new URLSearchParams(form) })
    const { refresh_token: token = '' } = await program.tokensFor(ada)
    await expectError(await revoke({ token }), 401, 'invalid_client')
    await expectError(await revoke({ token, client_id: 'Secret' }), 400, 'invalid_client')
    await expectError(await revoke({ token: 'Secret\0', client_id: program.id }), 400, 'invalid_request')
    // An unknown token is as good as a revoked one (2.2).
    expect((await revoke({ token: 'unknown', client_id: program.id })).status).toBe(200)
    const renewed = await jsonOf<{ refresh_token: string }>(await program.refresh(token))
    expect((await revoke({ token: renewed.refresh_token, client_id: program.id })).status).toBe(200)
    await expectError(await program.refresh(renewed.refresh_token), 400, 'invalid_grant')
  })

  test('what is no form, too large or repeats a parameter is refused before the provider sees it', async () => {
    for (const path of ['/api/auth/oauth2/token', '/api/auth/oauth2/revoke']) {
      const post = (body: string, type = 'application/x-www-form-urlencoded') =>
        send(url(), 'POST', path, body, { 'content-type': type })
      await expectProblem(await post('{}', 'application/json'), 415, 'unsupported-media-type')
      await expectProblem(await post(`token=${'x'.repeat(9000)}`), 413, 'body-too-large')
      await expectError(await post('token=a&token=b'), 400, 'invalid_request')
    }
    const query = program.authorization()
    expect((await send(url(), 'GET', `${query}&x=${'y'.repeat(9000)}`)).status).toBe(414)
  })

  test('a form counts from our own page only, for whoever is signed in, and as it was signed', async () => {
    const page = locationOf(await ada.get(program.authorization({ prompt: 'consent' })))
    const allow = { answer: 'allow' }
    for (const origin of ['https://evil.example.com', 'null', `${url()}.evil.example.com`, ''])
      for (const path of [page, '/account/access', '/account/sign-in', '/account/sign-out'])
        await expectPage(await ada.submit(path, allow, { origin }), 400, 'This form was sent from elsewhere.')
    for (const forged of [
      page.replace('tasks%3Aread', 'tasks%3Aread+'),
      page.replace(/sig=[^&]*/, ''),
      `${page}&scope=x`,
    ])
      await expectPage(await ada.submit(forged, allow), 400, 'This program cannot be let in')
    expect(locationOf(await newBrowser(url()).submit(page, allow))).toStartWith('/account/sign-in?')
    expect((await ada.get('/api/auth/get-session')).status).toBe(200)
  })

  test('pages tell no bytes from elsewhere and are kept nowhere', async () => {
    for (const path of ['/account/sign-in', '/account/sign-up', '/account/access']) {
      const answer = await ada.get(path)
      expect(answer.headers.get('cache-control')).toBe('no-store')
      await expectPage(answer, 200, '<h1>')
    }
  })
})
