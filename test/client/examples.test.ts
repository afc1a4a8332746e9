import { describe, expect, test } from 'bun:test'
import { plugin } from 'bun'
import { boot, databases } from '../kit/boot.ts'

// The examples install the packed client. Here it is the source, and nothing has to be built or installed before.
plugin({
  name: 'doable/client from source',
  setup: (build) =>
    void build.module('doable/client', async () => ({
      exports: await import('../../src/client/index.ts'),
      loader: 'object',
    })),
})
const { connect } = await import('../../examples/accounts-inside/lib/connect.ts')
const { connect: connectInFront } = await import('../../examples/better-auth-in-front/lib/connect.ts')

const PASSWORD = 'correct horse battery staple'

/** A `fetch` that keeps cookies, as a browser does for its user. */
function withCookies(origin: string): typeof fetch {
  const jar = new Map<string, string>()
  const send = async (input: string | URL | Request, init?: RequestInit) => {
    const request = input instanceof Request ? new Request(input, init) : new Request(String(input), init)
    request.headers.set('origin', origin)
    request.headers.set('cookie', [...jar].map(([name, value]) => `${name}=${value}`).join('; '))
    const response = await fetch(request)
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '' || /max-age=0/i.test(line)) jar.delete(name)
      else jar.set(name, value)
    }
    return response
  }
  return Object.assign(send, { preconnect: fetch.preconnect })
}

/** What somebody does on the pages. */
async function journey(backend: ReturnType<typeof connect>) {
  expect(await backend.currentUser()).toBeNull()
  const email = `${crypto.randomUUID()}@example.com`
  const user = await backend.signUp(email, PASSWORD)
  expect(user).toMatchObject({ email })
  expect(await backend.currentUser()).toMatchObject({ id: user.id })
  const doable = backend.tasksOf(user.id, () => {})
  const made = await doable.create({ title: 'Buy milk' })
  expect((await doable.complete(made.id, true, { ifUnchanged: made })).completed).toBe(true)
  await backend.signOut()
  expect(await backend.currentUser()).toBeNull()
  await expect(backend.signIn(email, 'incorrect horse')).rejects.toThrow('Invalid email or password')
  expect((await backend.signIn(email, PASSWORD)).id).toBe(user.id)
  expect(await Array.fromAsync(backend.tasksOf(user.id, () => {}).list())).toMatchObject([
    { title: 'Buy milk', completed: true },
  ])
}

describe.each(databases)("the examples' way to the back end, over %s", (kind) => {
  test('with the accounts inside', async () => {
    const doable = await boot(kind)
    await journey(connect({ authUrl: doable.url, doableUrl: doable.url, fetch: withCookies('http://localhost:3000') }))
    await doable.stop()
  })

  test('with a Better Auth in front, which is the one of the example', async () => {
    const front = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: (request): Promise<Response> => auth.handler(request),
    })
    const authUrl = `http://127.0.0.1:${front.port}`
    process.env['BETTER_AUTH_URL'] = authUrl
    // Loaded once for each address, which it reads from the environment.
    const { auth } = await import(`../../examples/better-auth-in-front/lib/auth.ts?${front.port}`)
    delete process.env['BETTER_AUTH_URL']
    const doable = await boot(kind, { BETTER_AUTH_URL: authUrl })
    await journey(connectInFront({ authUrl, doableUrl: doable.url, fetch: withCookies(authUrl) }))
    await doable.stop()
    await front.stop(true)
  })

  test('which is the same in both', async () => {
    const text = (example: string) => Bun.file(`${import.meta.dir}/../../examples/${example}/lib/connect.ts`).text()
    expect(await text('better-auth-in-front')).toBe(await text('accounts-inside'))
  })
})
