import { expect, test } from 'bun:test'
import { decodeProtectedHeader } from 'jose'
import { boot } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { newPerson, PASSWORD } from '../kit/person.ts'
import { newDatabase, openSession, startPostgresServer } from '../kit/postgres-server.ts'
import { bearer, send } from '../kit/send.ts'

const NEXT_SECRET = 'Zr7Lq2Xw9Tf4Hb6Nd1Vk8Mc3Ys5Pg0JaQe'

test('a new secret brings a new key, and sessions and tokens outlive the old one', async () => {
  const DATABASE_URL = await newDatabase()
  const before = await boot('postgres', { DATABASE_URL })
  const ada = newPerson(before.url)
  const id = (await ada.signUp()).data?.user.id
  const early = await ada.token()
  await before.stop()

  const after = await boot('postgres', { DATABASE_URL, BETTER_AUTH_SECRET: NEXT_SECRET })
  const read = (token: string) => send(after.url, 'GET', `/api/${id}/tasks`, undefined, bearer(token))
  expect((await read(early)).status).toBe(200)
  // The bare token of the session, without the signature under the old secret.
  const session = bearer(ada.session().split('.')[0] ?? '')
  const answer = await send(after.url, 'GET', '/api/auth/token', undefined, session)
  const { token: late } = (await answer.json()) as { token: string }
  const kids = [early, late].map((token) => decodeProtectedHeader(token).kid ?? '')
  expect(new Set(kids).size).toBe(2)
  expect((await read(late)).status).toBe(200)
  const published = (await (await send(after.url, 'GET', '/api/auth/jwks')).json()) as { keys: { kid: string }[] }
  expect(published.keys.map(({ kid }) => kid).sort()).toEqual(kids.toSorted())
  await after.stop()
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

test('neither a password nor a private key is kept as it is', async () => {
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

test('ACCOUNTS=off takes them away, ACCOUNTS=on puts them beside another issuer', async () => {
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

test('behind a trusted proxy attempts are counted for whom it names, IPv6 by the network', async () => {
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

test('whoever asks too often is refused there as anywhere, with a token or without', async () => {
  const target = await boot('embedded', { RATE_LIMIT: '5' })
  const ask = (headers = {}) => send(target.url, 'GET', '/api/auth/jwks', undefined, headers)
  for (const headers of [{}, bearer('x'), {}, bearer('y'), {}]) expect((await ask(headers)).status).toBe(200)
  for (const headers of [{}, bearer('z')]) await expectProblem(await ask(headers), 429, 'rate-limited')
  await target.stop()
})

test('while the database is away, accounts say so as everything does', async () => {
  const server = await startPostgresServer()
  const target = await boot('postgres', { DATABASE_URL: server.url(), REQUEST_TIMEOUT_MS: '2000' })
  const ada = newPerson(target.url)
  await ada.signUp()
  await server.stop()
  const body = { name: 'Ada', email: ada.email, password: PASSWORD }
  const session = bearer(ada.session())
  const answers = [
    await send(target.url, 'POST', '/api/auth/sign-up/email', body),
    await send(target.url, 'POST', '/api/auth/sign-in/email', body),
    await send(target.url, 'GET', '/api/auth/get-session', undefined, session),
    await send(target.url, 'GET', '/api/auth/token', undefined, session),
    await send(target.url, 'GET', '/api/auth/jwks'),
  ]
  for (const answer of answers) {
    expect(answer.headers.get('retry-after')).toBe('1')
    await expectProblem(answer, 503, 'database-unavailable')
  }
  await target.stop()
})
