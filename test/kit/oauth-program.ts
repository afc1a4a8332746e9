import { createHash, randomBytes } from 'node:crypto'
import { PASSWORD } from './person.ts'
import { jsonOf } from './user.ts'

export interface TokenAnswer {
  access_token: string
  refresh_token?: string
  scope: string
  expires_in: number
}

type Form = Record<string, string>

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** A person's browser without a script: cookies, forms, and no redirect followed unasked. */
export function newBrowser(url: string) {
  const jar = new Map<string, string>()
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers)
    if (jar.size > 0) headers.set('cookie', [...jar].map(([name, value]) => `${name}=${value}`).join('; '))
    const answer = await fetch(new URL(path, url), { ...init, headers, redirect: 'manual' })
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      if (value === '' || /max-age=0/i.test(cookie)) jar.delete(name)
      else jar.set(name, value)
    }
    return answer
  }
  return {
    jar,
    get: (path: string) => ask(path),
    /** Sends a form as the page at this address would. */
    submit: (path: string, form: Form, headers: Form = {}) =>
      ask(path, {
        method: 'POST',
        headers: { origin: url, ...FORM, ...headers },
        body: new URLSearchParams(form).toString(),
      }),
  }
}

export const locationOf = (answer: Response): string => answer.headers.get('location') ?? ''

/** A program that has registered itself. Its redirect leads nowhere: the answer is read from `Location`. */
export async function newProgram(url: string, metadata: object = {}) {
  const redirect = 'http://127.0.0.1:7777/callback'
  const register = (body: unknown, headers: Form = { 'content-type': 'application/json' }) =>
    fetch(`${url}/api/auth/oauth2/register`, { method: 'POST', headers, body: JSON.stringify(body) })
  const registered = await register({ client_name: 'Helper', redirect_uris: [redirect], ...metadata })
  const client = await jsonOf<{ client_id: string; client_secret?: string }>(registered, 201)
  const verifier = randomBytes(32).toString('base64url')
  const challenge = createHash('sha256').update(verifier).digest('base64url')

  /** The address of an authorisation request; undefined takes a parameter away. */
  const authorization = (changes: Record<string, string | undefined> = {}): string => {
    const all = {
      response_type: 'code',
      client_id: client.client_id,
      redirect_uri: redirect,
      scope: 'tasks:read tasks:write offline_access',
      state: 'xyz',
      code_challenge: challenge,
      code_challenge_method: 'S256',
      resource: `${url}/mcp`,
      ...changes,
    }
    const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined)
    return `/api/auth/oauth2/authorize?${new URLSearchParams(given)}`
  }
  const token = (form: Form, headers: Form = {}) =>
    fetch(`${url}/api/auth/oauth2/token`, {
      method: 'POST',
      headers: { ...FORM, ...headers },
      body: new URLSearchParams(form).toString(),
    })
  const exchange = (code: string, changes: Form = {}) =>
    token({
      grant_type: 'authorization_code',
      code,
      client_id: client.client_id,
      redirect_uri: redirect,
      code_verifier: verifier,
      ...changes,
    })
  /** The code, once the person of this browser has signed in and allowed it. */
  const codeFor = async (browser: ReturnType<typeof newBrowser>, changes: Record<string, string | undefined> = {}) => {
    const asked = await browser.get(authorization(changes))
    const page = locationOf(asked)
    const allowed = page.startsWith('/account/consent') ? await browser.submit(page, { answer: 'allow' }) : asked
    const code = URL.parse(locationOf(allowed))?.searchParams.get('code')
    if (!code) throw new Error(`no code: ${allowed.status} ${locationOf(allowed)} ${await allowed.text()}`)
    return code
  }
  return {
    id: client.client_id,
    secret: client.client_secret,
    redirect,
    /** What a code has to come with. */
    proof: { redirect_uri: redirect, code_verifier: verifier },
    register,
    authorization,
    token,
    exchange,
    codeFor,
    refresh: (refresh_token: string, changes: Form = {}) =>
      token({ grant_type: 'refresh_token', refresh_token, client_id: client.client_id, ...changes }),
    /** The tokens, once the person of this browser has allowed it. */
    tokensFor: async (browser: ReturnType<typeof newBrowser>, changes: Record<string, string | undefined> = {}) =>
      jsonOf<TokenAnswer>(await exchange(await codeFor(browser, changes))),
  }
}

/** Somebody with an account, signed in by a page. */
export async function newSignedIn(url: string, email = `${crypto.randomUUID()}@example.com`) {
  const browser = newBrowser(url)
  const made = await browser.submit('/account/sign-up', { name: 'Ada', email, password: PASSWORD })
  if (made.status !== 303) throw new Error(`no account: ${made.status} ${await made.text()}`)
  const session = await jsonOf<{ user: { id: string } }>(await browser.get('/api/auth/get-session'))
  const { token } = await jsonOf<{ token: string }>(await browser.get('/api/auth/token'))
  return { ...browser, email, id: session.user.id, token }
}
