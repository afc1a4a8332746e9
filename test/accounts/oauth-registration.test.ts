import { expect, test } from 'bun:test'
import { readMetadata } from '../../src/accounts/oauth/registration.ts'
import { forgetSessions } from '../../src/accounts/sessions.ts'
import { readConfig } from '../../src/config.ts'
import { openDatabase } from '../../src/db/open.ts'
import { boot } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { newProgram } from '../kit/oauth-program.ts'
import { openSession } from '../kit/postgres-server.ts'
import { send } from '../kit/send.ts'
import { SECRET } from '../kit/tokens.ts'

const uri = 'http://127.0.0.1:7777/callback'
const METADATA = 'invalid_client_metadata'
const REDIRECT = 'invalid_redirect_uri'

const refused: [name: string, body: unknown, error: string][] = [
  ['no JSON', 'Secret', METADATA],
  ['null', null, REDIRECT],
  ['a list', [], REDIRECT],
  ['no redirect_uris', {}, REDIRECT],
  ['an empty list of them', { redirect_uris: [] }, REDIRECT],
  ['eleven of them', { redirect_uris: Array(11).fill(uri) }, REDIRECT],
  ['an endless one', { redirect_uris: [`${uri}/${'x'.repeat(512)}`] }, REDIRECT],
  ['a number among them', { redirect_uris: [uri, 7] }, REDIRECT],
  ['a NUL', { redirect_uris: [`${uri}\0`] }, METADATA],
  ['a lone surrogate', { redirect_uris: [uri], client_name: '\ud800' }, METADATA],
  ['an endless name', { redirect_uris: [uri], client_name: 'x'.repeat(513) }, METADATA],
  ['another grant', { redirect_uris: [uri], grant_types: ['client_credentials'] }, METADATA],
  ['an implicit response', { redirect_uris: [uri], response_types: ['token'] }, METADATA],
  [
    'keys that we would have to fetch',
    { redirect_uris: [uri], token_endpoint_auth_method: 'private_key_jwt' },
    METADATA,
  ],
]

test.each(refused)('a registration with %s is refused before the provider sees it', (_, body, error) => {
  expect(readMetadata(typeof body === 'string' ? body : JSON.stringify(body))).toBe(error as typeof METADATA)
})

test('of the metadata only what is known is kept, and the defaults are those of a program without a secret', () => {
  const sent = {
    redirect_uris: [uri],
    client_name: 'Helper',
    jwks_uri: 'https://evil.example.com/keys',
    backchannel_logout_uri: 'https://evil.example.com/',
    logo_uri: 'https://evil.example.com/x.png',
    skip_consent: true,
    require_pkce: false,
    __proto__: { scope: 'x' },
  }
  expect(readMetadata(JSON.stringify(sent))).toEqual({
    redirect_uris: [uri],
    client_name: 'Helper',
    application_type: 'native',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  })
  expect(readMetadata('{"redirect_uris":["https://a.example.com/"]}')).toMatchObject({ application_type: 'web' })
})

test('a redirect must be https, of this machine, or of an application, and anything larger than 8 KiB is 413', async () => {
  const target = await boot('embedded')
  const register = (body: unknown) => send(target.url, 'POST', '/api/auth/oauth2/register', body)
  for (const redirect of [
    'http://evil.example.com/',
    'javascript:alert(1)',
    'data:text/html,x',
    'Secret',
    'https://user:password@helper.example.com/',
    `${uri}#fragment`,
  ]) {
    const answer = await register({ redirect_uris: [redirect] })
    expect(answer.status).toBe(400)
    expect(await answer.text()).not.toMatch(/Secret|evil/)
  }
  await expectProblem(await register({ redirect_uris: [uri], client_name: 'x'.repeat(9000) }), 413, 'body-too-large')
  const text = await send(target.url, 'POST', '/api/auth/oauth2/register', 'x', { 'content-type': 'text/plain' })
  await expectProblem(text, 415, 'unsupported-media-type')
  await target.stop()
})

test('registrations are bounded: by address in a minute, and in all while nobody lets them in, for a day', async () => {
  const target = await boot('postgres')
  const program = await newProgram(target.url)
  const sql = openSession(target.databaseUrl ?? '')
  await sql`insert into doable.oauth_clients (id, client_id, redirect_uris, created_at)
    select 'c' || n, 'c' || n, '{}', now() - interval '25 hours' from generate_series(1, 1000) n`
  const body = { redirect_uris: [uri] }
  await expectProblem(await program.register(body), 429, 'rate-limited')
  const database = await openDatabase(readConfig({ DATABASE_URL: target.databaseUrl, BETTER_AUTH_SECRET: SECRET }))
  await forgetSessions(database.db)
  await database.close()
  const left = await sql<{ client_id: string }[]>`select client_id from doable.oauth_clients`
  expect(left.map(({ client_id }) => client_id)).toEqual([program.id])
  await sql.end()
  const statuses = new Set<number>()
  for (let n = 0; n < 11; n++) statuses.add((await program.register(body)).status)
  expect([...statuses]).toEqual([201, 429])
  await target.stop()
})
