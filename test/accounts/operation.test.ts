import { expect, test } from 'bun:test'
import { decodeProtectedHeader } from 'jose'
import { forgetSessions } from '../../src/accounts/sessions.ts'
import { readConfig } from '../../src/config.ts'
import { openDatabase } from '../../src/db/open.ts'
import { boot } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { newPerson, PASSWORD } from '../kit/person.ts'
import { newDatabase, openSession, startPostgresServer } from '../kit/postgres-server.ts'
import { bearer, send } from '../kit/send.ts'
import { SECRET } from '../kit/tokens.ts'

const NEXT_SECRET = 'Zr7Lq2Xw9Tf4Hb6Nd1Vk8Mc3Ys5Pg0JaQe'

/** Somebody who signed up under the first secret, with everything that was handed out for it. */
async function signedUpBefore() {
  const DATABASE_URL = await newDatabase()
  const before = await boot('postgres', { DATABASE_URL })
  const ada = newPerson(before.url)
  const id = (await ada.signUp()).data?.user.id ?? ''
  const body = { email: ada.email, password: PASSWORD }
  const signedIn = await send(before.url, 'POST', '/api/auth/sign-in/email', body)
  const cookie = signedIn.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  const { token: bare } = (await signedIn.json()) as { token: string }
  const signed = signedIn.headers.get('set-auth-token') ?? ''
  const sessions: Record<string, Record<string, string>> = {
    'the cookie': { cookie },
    'the cookie in quotes': { cookie: cookie.replace(/=(.*)$/, '="$1"') },
    'the bare token': bearer(bare),
    'the bare token in capitals': { authorization: `BEARER ${bare}` },
    'the bare token after a space that no grammar knows': { authorization: `Bearer \u00a0${bare}` },
    'the signed token': bearer(signed),
    'the signed token, decoded': bearer(decodeURIComponent(signed)),
  }
  const early = await ada.token()
  await before.stop()
  return { DATABASE_URL, ada, id, early, sessions }
}

async function publishedKeys(url: string): Promise<string[]> {
  const answer = await send(url, 'GET', '/api/auth/jwks')
  return ((await answer.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid).sort()
}

test('after a change of secret, nothing that was made under the old one counts', async () => {
  const { DATABASE_URL, ada, id, early, sessions } = await signedUpBefore()
  const after = await boot('postgres', { DATABASE_URL, BETTER_AUTH_SECRET: NEXT_SECRET })
  const read = (token: string) => send(after.url, 'GET', `/api/${id}/tasks`, undefined, bearer(token))
  await expectProblem(await read(early), 401, 'token-invalid')
  for (const [name, headers] of Object.entries(sessions)) {
    const answer = await send(after.url, 'GET', '/api/auth/token', undefined, headers)
    expect(`${name}: ${answer.status}`).toBe(`${name}: 401`)
    expect(await (await send(after.url, 'GET', '/api/auth/get-session', undefined, headers)).json()).toBeNull()
  }
  const again = newPerson(after.url, ada.email)
  expect((await again.signIn()).error).toBeNull()
  const late = await again.token()
  expect((await read(late)).status).toBe(200)
  expect(await publishedKeys(after.url)).toEqual([decodeProtectedHeader(late).kid ?? ''])
  await after.stop()
})

test('with the old secret among the previous ones, what was made under it counts until it leaves them', async () => {
  const { DATABASE_URL, id, early, sessions } = await signedUpBefore()
  const env = { DATABASE_URL, BETTER_AUTH_SECRET: NEXT_SECRET }
  const during = await boot('postgres', { ...env, BETTER_AUTH_SECRETS_PREVIOUS: SECRET })
  const read = (url: string, token: string) => send(url, 'GET', `/api/${id}/tasks`, undefined, bearer(token))
  expect((await read(during.url, early)).status).toBe(200)
  for (const [name, headers] of Object.entries(sessions)) {
    const answer = await send(during.url, 'GET', '/api/auth/token', undefined, headers)
    expect(`${name}: ${answer.status}`).toBe(`${name}: 200`)
    const { token: late } = (await answer.json()) as { token: string }
    expect(decodeProtectedHeader(late).kid).not.toBe(decodeProtectedHeader(early).kid)
    expect((await read(during.url, late)).status).toBe(200)
  }
  expect(await publishedKeys(during.url)).toHaveLength(2)

  // The cookie of a renewed session is signed by the new secret; the session was still made under the old one.
  const sql = openSession(DATABASE_URL)
  await sql`update doable.account_sessions set expires_at = now() + interval '5 days'`
  await sql.end()
  const renewed = await send(during.url, 'GET', '/api/auth/get-session', undefined, sessions['the cookie'])
  const cookie = renewed.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  expect(cookie).not.toBe('')
  expect(cookie).not.toBe(sessions['the cookie']?.['cookie'])
  await during.stop()

  const after = await boot('postgres', env)
  for (const headers of [{ cookie }, bearer(cookie.replace(/^[^=]*=/, ''))])
    expect((await send(after.url, 'GET', '/api/auth/token', undefined, headers)).status).toBe(401)
  await after.stop()
})

test('an account takes a session of less than a day to delete, by either way', async () => {
  const target = await boot('postgres')
  const ada = newPerson(target.url)
  const id = (await ada.signUp()).data?.user.id ?? ''
  const token = await ada.token()
  const erase = () => send(target.url, 'DELETE', `/api/${id}?confirm=${id}&account=true`, undefined, bearer(token))
  const sql = openSession(target.databaseUrl ?? '')
  await sql`update doable.account_sessions set created_at = now() - interval '1 day'`
  await expectProblem(await erase(), 403, 'session-not-fresh')
  expect((await ada.client.deleteUser()).error).toMatchObject({ code: 'SESSION_EXPIRED' })
  await sql`update doable.account_sessions set created_at = now() - interval '23 hours', expires_at = now()`
  await expectProblem(await erase(), 403, 'session-not-fresh')
  expect(await sql`select id from doable.accounts`).toHaveLength(1)
  await sql`update doable.account_sessions set expires_at = now() + interval '1 hour'`
  expect((await erase()).status).toBe(204)
  expect(await sql`select id from doable.accounts`).toHaveLength(0)
  await sql.end()
  await target.stop()
})

test('expired sessions, expired verifications and old attempts are deleted, however many, and no others', async () => {
  const target = await boot('postgres')
  const ada = newPerson(target.url)
  const id = (await ada.signUp()).data?.user.id ?? ''
  const sql = openSession(target.databaseUrl ?? '')
  await sql`insert into doable.account_sessions (id, account_id, token, expires_at, created_at, updated_at)
    select 's' || n, ${id}, 't' || n, now() - n * interval '1 second', now(), now() from generate_series(1, 1200) n`
  await sql`insert into doable.account_verifications (id, identifier, value, expires_at, created_at, updated_at)
    values ('over', 'a', 'b', now() - interval '1 second', now(), now()), ('kept', 'a', 'b', now() + interval '1 hour', now(), now())`
  const old = Date.now() - 2 * 3600_000
  await sql`insert into doable.account_rate_limits values ('old', 'old', 3, ${old}), ('new', 'new', 3, ${Date.now()})`
  const config = readConfig({ DATABASE_URL: target.databaseUrl, BETTER_AUTH_SECRET: SECRET })
  const replicas = await Promise.all([openDatabase(config), openDatabase(config)])
  const forgotten = await Promise.all(replicas.map(({ db }) => forgetSessions(db)))
  expect(forgotten.reduce((sum, count) => sum + count)).toBe(1202)
  expect(await sql`select id from doable.account_sessions where expires_at < now()`).toHaveLength(0)
  expect(await sql`select id from doable.account_verifications`).toEqual([{ id: 'kept' }] as never)
  expect(await sql`select id from doable.account_rate_limits where id in ('old', 'new')`).toEqual([
    { id: 'new' },
  ] as never)
  expect((await ada.client.getSession()).data?.user.id).toBe(id)
  await Promise.all(replicas.map((database) => database.close()))
  await sql.end()
  await target.stop()
})

test('two replicas share accounts, sessions and keys, and count attempts together', async () => {
  const DATABASE_URL = await newDatabase()
  const [one, two] = [await boot('postgres', { DATABASE_URL }), await boot('postgres', { DATABASE_URL })]
  const ada = newPerson(one.url)
  const { data } = await ada.signUp()
  const token = await ada.token()
  expect((await send(two.url, 'GET', `/api/${data?.user.id}/tasks`, undefined, bearer(token))).status).toBe(200)
  expect((await send(two.url, 'GET', '/api/auth/token', undefined, bearer(ada.session()))).status).toBe(200)
  const statuses: number[] = []
  for (let i = 0; i < 11; i++) {
    const body = { email: ada.email, password: 'incorrect horse' }
    statuses.push((await send((i % 2 ? one : two).url, 'POST', '/api/auth/sign-in/email', body)).status)
  }
  expect(statuses).toEqual([...Array(10).fill(401), 429])
  await Promise.all([one.stop(), two.stop()])
})

test('a session that has expired is 401', async () => {
  const target = await boot('postgres')
  const ada = newPerson(target.url)
  await ada.signUp()
  const sql = openSession(target.databaseUrl ?? '')
  await sql`update doable.account_sessions set expires_at = now() - interval '1 second'`
  await sql.end()
  expect((await ada.client.token()).error).toMatchObject({ status: 401, code: 'UNAUTHORIZED' })
  expect((await ada.client.getSession()).data).toBeNull()
  await target.stop()
})

test('passwords are hashed and private keys encrypted in the database', async () => {
  const target = await boot('postgres')
  const ada = newPerson(target.url)
  await ada.signUp()
  await ada.token()
  const sql = openSession(target.databaseUrl ?? '')
  const [row] = await sql`
    select (select password from doable.account_credentials) as password,
      (select private_key from doable.account_keys) as key`
  await sql.end()
  expect(row?.['password']).not.toContain(PASSWORD)
  expect(row?.['key']).not.toContain('"d"')
  await target.stop()
})

test('ACCOUNTS=off closes /api/auth, ACCOUNTS=on opens it beside another issuer', async () => {
  const off = await boot('embedded', { ACCOUNTS: 'off' })
  await expectProblem(await send(off.url, 'POST', '/api/auth/sign-up/email', {}), 404, 'not-found')
  await off.stop()
  const both = await boot('embedded', { ACCOUNTS: 'on', BETTER_AUTH_URL: 'http://127.0.0.1:9' })
  const ada = newPerson(both.url)
  const id = (await ada.signUp()).data?.user.id
  const token = await ada.token()
  expect((await send(both.url, 'GET', `/api/${id}/tasks`, undefined, bearer(token))).status).toBe(200)
  await both.stop()
})

test('behind a proxy that speaks https, cookies are for https alone', async () => {
  const target = await boot('embedded')
  const body = { name: 'Ada', email: 'ada@example.com', password: PASSWORD }
  const answer = await send(target.url, 'POST', '/api/auth/sign-up/email', body, { 'x-forwarded-proto': 'https' })
  const [secure = ''] = answer.headers.getSetCookie()
  expect(secure).toMatch(/^__Secure-better-auth\.session_token=.*; HttpOnly; Secure; SameSite=Lax/)
  const plain = await send(target.url, 'POST', '/api/auth/sign-in/email', body)
  expect(plain.headers.getSetCookie()[0]).toMatch(/^better-auth\.session_token=(?!.*Secure)/)
  await target.stop()
})

test('with CORS_ORIGINS=* any page may sign in, but no cookie counts', async () => {
  const target = await boot('embedded', { CORS_ORIGINS: '*' })
  const body = { name: 'Ada', email: 'ada@example.com', password: PASSWORD }
  const origin = 'https://anywhere.example'
  const up = await send(target.url, 'POST', '/api/auth/sign-up/email', body, { origin, 'sec-fetch-site': 'cross-site' })
  expect(up.status).toBe(200)
  const cookie = up.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  const token = (headers: Record<string, string>) => send(target.url, 'GET', '/api/auth/token', undefined, headers)
  expect((await token({ origin, cookie })).status).toBe(401)
  expect((await token({ origin, ...bearer(up.headers.get('set-auth-token') ?? '') })).status).toBe(200)
  await target.stop()
})

test('behind a trusted proxy attempts are counted for the address in X-Forwarded-For, IPv6 by the network', async () => {
  const target = await boot('embedded', { TRUSTED_PROXIES: '127.0.0.1' })
  const attempt = async (client: string) => {
    const body = { email: 'ada@example.com', password: 'incorrect horse' }
    return (await send(target.url, 'POST', '/api/auth/sign-in/email', body, { 'x-forwarded-for': client })).status
  }
  for (let i = 1; i <= 10; i++) expect(await attempt(`2001:db8:0:1::${i}`)).toBe(401)
  expect(await attempt('2001:db8:0:1:ffff::1')).toBe(429)
  for (const other of ['2001:db8:0:2::1', '192.0.2.1']) expect(await attempt(other)).toBe(401)
  await target.stop()
})

test('RATE_LIMIT holds below /api/auth, with a token or without', async () => {
  const target = await boot('embedded', { RATE_LIMIT: '5' })
  const ask = (headers = {}) => send(target.url, 'GET', '/api/auth/jwks', undefined, headers)
  for (const headers of [{}, bearer('x'), {}, bearer('y'), {}]) expect((await ask(headers)).status).toBe(200)
  for (const headers of [{}, bearer('z')]) await expectProblem(await ask(headers), 429, 'rate-limited')
  await target.stop()
})

test('while the database is away, accounts and their tokens are 503, not 401', async () => {
  const server = await startPostgresServer()
  const target = await boot('postgres', { DATABASE_URL: server.url(), REQUEST_TIMEOUT_MS: '2000' })
  const ada = newPerson(target.url)
  const id = (await ada.signUp()).data?.user.id
  const unseen = bearer(await ada.token())
  await server.stop()
  const body = { name: 'Ada', email: ada.email, password: PASSWORD }
  const session = bearer(ada.session())
  const answers = [
    await send(target.url, 'POST', '/api/auth/sign-up/email', body),
    await send(target.url, 'POST', '/api/auth/sign-in/email', body),
    await send(target.url, 'GET', '/api/auth/get-session', undefined, session),
    await send(target.url, 'GET', '/api/auth/token', undefined, session),
    await send(target.url, 'GET', '/api/auth/jwks'),
    await send(target.url, 'GET', `/api/${id}/tasks`, undefined, unseen),
  ]
  for (const answer of answers) {
    expect(answer.headers.get('retry-after')).toBe('1')
    await expectProblem(answer, 503, 'database-unavailable')
  }
  await target.stop()
})
