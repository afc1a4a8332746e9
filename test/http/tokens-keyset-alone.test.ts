import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import postgres from 'postgres'
import { boot, type Target } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { forge } from '../kit/forge.ts'
import { createKey, type Issuer, startIssuer } from '../kit/issuer.ts'
import { newDatabase } from '../kit/postgres-server.ts'
import { runToEnd } from '../kit/program.ts'
import { SECRET } from '../kit/tokens.ts'
import { nextPage } from '../kit/user.ts'

setDefaultTimeout(120_000)

const ed = await createKey('EdDSA', 'ed')
const token = await ed.sign()

let issuer: Issuer
let env: Record<string, string>
let replicas: Target[]

beforeAll(async () => {
  issuer = startIssuer(ed.jwk)
  env = { DATABASE_URL: await newDatabase(), JWKS_URL: `${issuer.url}/api/auth/jwks`, BETTER_AUTH_SECRET: '' }
  replicas = await Promise.all(Array.from({ length: 4 }, () => boot('postgres', env)))
})
afterAll(async () => {
  for (const each of [...(replicas ?? []), issuer]) await each?.stop()
})

const ask = (target: Target | undefined, method: string, path: string, body?: unknown, by = token) =>
  (target as Target).request(undefined, method, path, body, { authorization: `Bearer ${by}` })

test('where a key set issues all tokens, four first starts at once serve without a secret, and share cursors', async () => {
  const path = '/api/alice/tasks'
  for (let i = 0; i < replicas.length + 1; i++)
    expect((await ask(replicas[0], 'POST', path, { title: `${i}` })).status).toBe(201)
  let page: string | undefined = `${path}?limit=1`
  for (const target of replicas) {
    const answer = await ask(target, 'GET', page ?? '')
    expect(answer.status).toBe(200)
    page = nextPage(answer)
  }
  const later = await boot('postgres', env)
  expect(await (await ask(later, 'GET', page ?? '')).json()).toMatchObject([{ title: '0' }])
  await later.stop()
  const sql = postgres(env['DATABASE_URL'] ?? '', { max: 1 })
  const kept = await sql`select name, length(value) as length from doable.settings`
  expect([...kept]).toEqual([{ name: 'secret', length: 43 }])
  const [{ value } = { value: '' }] = await sql<{ value: string }[]>`select value from doable.settings`
  await sql.end()
  // The kept secret signs cursors only.
  for (const key of [SECRET, '', value])
    await expectProblem(await ask(replicas[0], 'GET', path, undefined, forge({ key })), 401, 'token-invalid')
})

test('doable token says why it cannot make one', async () => {
  const { code, stderr: output } = await runToEnd(['token', 'alice'], env)
  expect(code).toBe(1)
  expect(output).toBe(
    'doable: no token can be made here: a key set issues all tokens, and there is no BETTER_AUTH_SECRET to sign one with\n',
  )
})

test.each([
  ['without a key set', { JWKS_URL: '' }],
  ['with accounts', { ACCOUNTS: 'on' }],
  ['with previous secrets', { BETTER_AUTH_SECRETS_PREVIOUS: SECRET }],
])('%s, a secret is asked for', async (_, more) => {
  const { code, stderr: output } = await runToEnd(['token', 'alice'], { ...env, ...more })
  expect(code).toBe(1)
  expect(output).toContain('BETTER_AUTH_SECRET is required with DATABASE_URL, unless')
})
