import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { decodeJwt } from 'jose'
import { OWN_ISSUER } from '../../src/accounts/accounts.ts'
import { createAccountIssuer } from '../../src/accounts/issuer.ts'
import { MCP_AUDIENCE, MCP_ISSUER } from '../../src/auth/audience.ts'
import { createTokens } from '../../src/auth/token.ts'
import { readConfig } from '../../src/config.ts'
import type { Database } from '../../src/db/database.ts'
import { openDatabase } from '../../src/db/open.ts'
import { boot, databases, type Target } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { claims, forge, now } from '../kit/forge.ts'
import { createKey, type IssuerKey } from '../kit/issuer.ts'
import { newProgram, newSignedIn } from '../kit/oauth-program.ts'
import { PASSWORD } from '../kit/person.ts'
import { newDatabase, openSession } from '../kit/postgres-server.ts'
import { bearer, send } from '../kit/send.ts'
import { useService } from '../kit/service.ts'
import { SECRET } from '../kit/tokens.ts'
import { jsonOf } from '../kit/user.ts'

setDefaultTimeout(120_000)

interface Program {
  client_id: string
}

describe.each(databases)('what has access, over %s', (kind) => {
  const service = useService(kind)
  const ask = (method: string, { id, token }: { id: string; token: string }, query = '') =>
    send(service().url, method, `/api/${id}/access${query}`, undefined, bearer(token))

  test('is listed and taken away by its user alone, by page and by request', async () => {
    const { url } = service()
    const [ada, bob] = [await newSignedIn(url), await newSignedIn(url)]
    const program = await newProgram(url, { client_name: '<b>Helper</b>\u202e' })
    const { refresh_token = '' } = await program.tokensFor(ada, { scope: 'tasks:read offline_access' })
    const other = await program.tokensFor(bob)
    expect(await jsonOf<Program[]>(await ask('GET', ada))).toEqual([
      {
        client_id: program.id,
        name: '<b>Helper</b>',
        hosts: ['127.0.0.1:7777'],
        scopes: ['tasks:read'],
        created_at: expect.stringMatching(/^\d{4}-.*Z$/),
      } as Program,
    ])
    const page = await (await ada.get('/account/access')).text()
    expect(page).toContain('&#60;b&#62;Helper&#60;/b&#62;')
    expect(page).not.toContain('<b>')

    const query = `?client_id=${program.id}`
    await expectProblem(await ask('DELETE', { id: ada.id, token: bob.token }, query), 403, 'wrong-user')
    await expectProblem(await ask('DELETE', ada), 422, 'validation-failed', { pointers: ['/client_id'] })
    for (const scope of ['tasks:read', 'tasks:read tasks:write']) {
      const limited = { id: ada.id, token: forge({ claims: claims({ sub: ada.id, scope }) }) }
      await expectProblem(await ask('GET', limited), 403, 'insufficient-scope')
      await expectProblem(await ask('DELETE', limited, query), 403, 'insufficient-scope')
    }
    expect((await ask('DELETE', ada, query)).status).toBe(204)
    await expectProblem(await ask('DELETE', ada, query), 404, 'access-not-found')
    expect(await jsonOf<Program[]>(await ask('GET', ada))).toEqual([])
    expect((await program.refresh(refresh_token)).status).toBe(400)

    expect(await jsonOf<Program[]>(await ask('GET', bob))).toMatchObject([{ client_id: program.id }])
    expect((await program.refresh(other.refresh_token ?? '')).status).toBe(200)
    await bob.submit('/account/access', { client_id: program.id })
    expect(await (await bob.get('/account/access')).text()).toContain('No program has access.')
    expect((await program.refresh(other.refresh_token ?? '')).status).toBe(400)
  })

  test('goes with the account', async () => {
    const { url } = service()
    const ada = await newSignedIn(url)
    const program = await newProgram(url)
    const { refresh_token = '' } = await program.tokensFor(ada)
    const deleted = await send(
      url,
      'DELETE',
      `/api/${ada.id}?confirm=${ada.id}&account=true`,
      undefined,
      bearer(ada.token),
    )
    expect(deleted.status).toBe(204)
    expect((await program.refresh(refresh_token)).status).toBe(400)
  })

  test('signing out leaves it, as its page says', async () => {
    const { url } = service()
    const ada = await newSignedIn(url)
    const program = await newProgram(url)
    const { refresh_token = '' } = await program.tokensFor(ada)
    await ada.submit('/account/sign-out', {})
    expect((await ada.get('/account/access')).headers.get('location')).toBe('/account/sign-in')
    expect((await program.refresh(refresh_token)).status).toBe(200)
    const again = await ada.submit('/account/sign-in', { email: ada.email, password: PASSWORD })
    expect(again.headers.get('location')).toBe('/account/access')
    expect(await (await ada.get('/account/access')).text()).toContain('Helper')
  })
})

describe('an access token, as other replicas check it', () => {
  let target: Target
  let database: Database
  let clock = 0
  let ada: Awaited<ReturnType<typeof newSignedIn>>
  let program: Awaited<ReturnType<typeof newProgram>>
  let key: IssuerKey

  beforeAll(async () => {
    target = await boot('postgres')
    database = await openDatabase(readConfig({ DATABASE_URL: target.databaseUrl, BETTER_AUTH_SECRET: SECRET }))
    ada = await newSignedIn(target.url)
    program = await newProgram(target.url)
    await program.tokensFor(ada)
    // A key of the accounts whose private half the test has.
    key = await createKey('EdDSA', 'of-the-test')
    const sql = openSession(target.databaseUrl ?? '')
    await sql`insert into doable.account_keys (id, public_key, private_key, alg, created_at)
      select 'of-the-test', ${JSON.stringify(key.jwk)}, private_key, 'EdDSA', now() - interval '1 day' from doable.account_keys limit 1`
    await sql.end()
  })
  afterAll(async () => {
    await database?.close()
    await target?.stop()
  })

  const replica = () =>
    createTokens(
      {
        ...readConfig({}),
        secrets: [SECRET],
        own: createAccountIssuer(database.db, [SECRET], { issuer: OWN_ISSUER, audience: OWN_ISSUER }, () => clock),
      },
      () => clock,
    )
  const codeOf = (checked: Promise<unknown>) =>
    checked.then(
      () => 'taken',
      (error: { code: string }) => error.code,
    )

  const right = () => ({
    iss: MCP_ISSUER,
    aud: MCP_AUDIENCE,
    sub: ada.id,
    client_id: program.id,
    scope: 'tasks:read',
    iat: now() + 1,
  })
  const typ = 'at+jwt'

  test('speaks for its user, within its scope, for /mcp', async () => {
    const { access_token } = await program.tokensFor(ada, { scope: 'tasks:read' })
    expect(decodeJwt(access_token)).toMatchObject({ iss: MCP_ISSUER, aud: MCP_AUDIENCE, client_id: program.id })
    const identity = await (await replica()).verify(access_token)
    expect(identity).toMatchObject({ id: ada.id, isForMcp: true })
    expect([...(identity.scopes ?? [])]).toEqual(['tasks:read'])
    expect(await codeOf((await replica()).verify(await key.sign(right(), { typ })))).toBe('taken')
  })

  const forged: [name: string, change: object, header?: object][] = [
    ['for another audience', { aud: 'https://elsewhere.example.com/mcp' }],
    ['without an audience', { aud: undefined }],
    ['for the audience of sessions', { aud: OWN_ISSUER }],
    ['with an audience that begins alike', { aud: `${MCP_AUDIENCE}/more` }],
    ['by another issuer', { iss: 'https://doable.invalid.evil.example.com' }],
    ['by the issuer of sessions', { iss: OWN_ISSUER }],
    ['without a scope', { scope: undefined }],
    ['with a scope that is none', { scope: { read: true } }],
    ['without a client', { client_id: undefined }],
    ['of a client that nobody let in', { client_id: 'somebody' }],
    ['of a user who did not let it in', { sub: 'somebody' }],
    ['from before the access was given', { iat: 1_700_000_000 }],
    ['without its time', { iat: undefined }],
    ['with a time that is none', { iat: 'now' }],
    ['that has expired', { exp: 1_700_000_000 }],
    ['that never expires', { exp: undefined }],
    ['that says it is a session', {}, { typ: 'JWT' }],
    ['that does not say what it is', {}, { typ: undefined }],
  ]
  test.each(forged)('%s is refused', async (_, change, header = { typ }) => {
    const token = await key.sign({ ...right(), ...change }, header as Record<string, unknown>)
    expect(await codeOf((await replica()).verify(token))).toStartWith('token-')
  })

  test('a token of a session is not for /mcp alone, and one under the shared secret is, by its audience', async () => {
    const session = await (await replica()).verify(ada.token)
    expect(session.isForMcp).toBeUndefined()
    const hs256 = await (await replica()).verify(forge({ claims: { ...right(), exp: now() + 60 } }))
    expect(hs256.isForMcp).toBe(true)
  })

  test('counts for 60 s at most once the access was taken away, and not again when it is given anew', async () => {
    const { access_token } = await program.tokensFor(ada)
    const tokens = await replica()
    expect(await codeOf(tokens.verify(access_token))).toBe('taken')
    await Bun.sleep(1100)
    await ada.submit('/account/access', { client_id: program.id })
    const start = clock
    while (clock - start < 90_000 && (await codeOf(tokens.verify(access_token))) === 'taken') clock += 1000
    expect(clock - start).toBeWithin(1, 60_001)
    await Bun.sleep(1100)
    const { access_token: fresh } = await program.tokensFor(ada)
    clock += 60_000
    expect(await codeOf(tokens.verify(fresh))).toBe('taken')
    expect(await codeOf(tokens.verify(access_token))).toBe('token-invalid')
  })

  test('where the access was taken away, ends at once', async () => {
    const { access_token } = await program.tokensFor(ada)
    const tokens = await replica()
    await tokens.verify(access_token)
    await ada.submit('/account/access', { client_id: program.id })
    tokens.end(ada.id)
    expect(await codeOf(tokens.verify(access_token))).toBe('token-invalid')
  })
})

test('a refresh token ends with the secret that it was made under, unless that is a previous one', async () => {
  const env = { DATABASE_URL: await newDatabase() }
  const next = { ...env, BETTER_AUTH_SECRET: 'Zr7Lq2Xw9Tf4Hb6Nd1Vk8Mc3Ys5Pg0JaQe' }
  const before = await boot('postgres', env)
  const ada = await newSignedIn(before.url)
  const program = await newProgram(before.url)
  const { refresh_token = '' } = await program.tokensFor(ada)
  const code = await program.codeFor(ada)
  await before.stop()

  const form = { grant_type: 'refresh_token', client_id: program.id }
  const post = (url: string, more: Record<string, string>) =>
    fetch(`${url}/api/auth/oauth2/token`, { method: 'POST', body: new URLSearchParams({ ...form, ...more }) })
  const after = await boot('postgres', next)
  expect(await (await post(after.url, { refresh_token })).text()).toContain('invalid_grant')
  const redeemed = await post(after.url, { ...program.proof, grant_type: 'authorization_code', code })
  expect(await redeemed.text()).toContain('invalid_grant')
  await after.stop()

  const during = await boot('postgres', { ...next, BETTER_AUTH_SECRETS_PREVIOUS: SECRET })
  const renewed = await jsonOf<{ refresh_token: string }>(await post(during.url, { refresh_token }))
  await during.stop()
  const later = await boot('postgres', next)
  expect((await post(later.url, { refresh_token: renewed.refresh_token })).status).toBe(200)
  await later.stop()
})
