import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { decodeProtectedHeader } from 'jose'
import { boot, databases, type Target } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { createKey } from '../kit/issuer.ts'
import { PASSWORD } from '../kit/person.ts'
import { startProgram } from '../kit/program.ts'
import { bearer, send } from '../kit/send.ts'

/** A real Better Auth in its own process. */
async function startBetterAuth() {
  const program = startProgram(['issuer-program.ts'], { command: [process.execPath], cwd: import.meta.dir })
  const url = await program.url
  let cookie = ''
  return {
    url,
    async signUp(): Promise<string> {
      const body = { name: 'Ada', email: `${crypto.randomUUID()}@example.com`, password: PASSWORD }
      const answer = await send(url, 'POST', '/api/auth/sign-up/email', body)
      cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? ''
      return ((await answer.json()) as { user: { id: string } }).user.id
    },
    async token(): Promise<string> {
      const answer = await send(url, 'GET', '/api/auth/token', undefined, { cookie })
      return ((await answer.json()) as { token: string }).token
    },
    rotate: () => send(url, 'POST', '/rotate'),
    stop: () => program.end(),
  }
}

describe.each(databases)('a Better Auth outside, over %s', (kind) => {
  let issuer: Awaited<ReturnType<typeof startBetterAuth>>
  let service: Target
  let user: string
  const tokens: string[] = []

  beforeAll(async () => {
    issuer = await startBetterAuth()
    service = await boot(kind, { BETTER_AUTH_URL: issuer.url })
    user = await issuer.signUp()
  })
  afterAll(async () => {
    await service?.stop()
    await issuer?.stop()
  })

  const tasks = (token: string) => send(service.url, 'GET', `/api/${user}/tasks`, undefined, bearer(token))
  /** A token that Doable has not seen before. */
  const newToken = async () => {
    // Within one second the same claims make the same token.
    for (;;) {
      const token = await issuer.token()
      if (!tokens.includes(token)) return token
      await Bun.sleep(200)
    }
  }
  const kidOf = (token: string) => decodeProtectedHeader(token).kid

  // Each test needs the state that the one before it left.
  test('signs up, and its token makes tasks with nothing set but BETTER_AUTH_URL', async () => {
    const token = await newToken()
    tokens.push(token)
    expect(decodeProtectedHeader(token).alg).toBe('EdDSA')
    const made = await send(service.url, 'POST', `/api/${user}/tasks`, { title: 'Buy milk' }, bearer(token))
    expect(made.status).toBe(201)
    expect(await (await tasks(token)).json()).toMatchObject([{ title: 'Buy milk', user_id: user }])
  })

  test('leaves the accounts inside absent', async () => {
    for (const [method, path] of [
      ['POST', '/sign-up/email'],
      ['GET', '/token'],
      ['GET', '/jwks'],
    ] as const)
      await expectProblem(await send(service.url, method, `/api/auth${path}`), 404, 'not-found')
    const document = (await (await send(service.url, 'GET', '/swagger/json')).json()) as { paths: object }
    expect(Object.keys(document.paths).filter((path) => path.startsWith('/api/auth/'))).toEqual([])
  })

  test('rotates its keys, and tokens of both go on working', async () => {
    const early = await newToken()
    await issuer.rotate()
    const late = await newToken()
    expect(kidOf(late)).not.toBe(kidOf(early))
    expect((await tasks(late)).status).toBe(200)
    expect((await tasks(early)).status).toBe(200)
    expect((await tasks(tokens[0] ?? '')).status).toBe(200)
    tokens.push(early, late)
  })

  test('goes down, and the known keys go on serving', async () => {
    const unseen = await newToken()
    await issuer.stop()
    expect((await tasks(unseen)).status).toBe(200)
    for (const token of tokens) expect((await tasks(token)).status).toBe(200)
  })

  test('is not taken for anybody with an unknown key', async () => {
    const claims = { sub: user, iss: issuer.url, aud: issuer.url }
    const stranger = await createKey('EdDSA', 'unheard-of')
    const forger = await createKey('EdDSA', kidOf(tokens[0] ?? ''))
    for (const key of [stranger, forger]) await expectProblem(await tasks(await key.sign(claims)), 401, 'token-invalid')
  })
})
