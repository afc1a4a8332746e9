import { expect, test } from 'bun:test'
import { boot } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { send } from '../kit/send.ts'
import { jsonOf } from '../kit/user.ts'

const METADATA = '/.well-known/oauth-protected-resource'
const FOREIGN = 'https://app.example.com'

/** Who gives out tokens, and whom programs are therefore told to ask. */
const arrangements: [name: string, env: Record<string, string>, servers: string[] | undefined][] = [
  ['Better Auth in front', { BETTER_AUTH_URL: `${FOREIGN}/` }, [FOREIGN]],
  [
    'another issuer',
    { JWKS_URL: `${FOREIGN}/keys`, JWT_ISSUER: 'https://issuer.example.com/x' },
    ['https://issuer.example.com/x'],
  ],
  ['both', { BETTER_AUTH_URL: FOREIGN, ACCOUNTS: 'on' }, ['own', FOREIGN]],
  ['a key set of nobody by name', { JWKS_URL: `${FOREIGN}/keys` }, undefined],
  ['a shared secret', { ACCOUNTS: 'off' }, undefined],
]

test.each(arrangements)(
  'with %s the metadata names who gives out tokens, and nothing else is there',
  async (_, env, servers) => {
    const target = await boot('embedded', env)
    const get = (path: string) => send(target.url, 'GET', path)
    for (const path of [METADATA, `${METADATA}/mcp`])
      if (servers === undefined) await expectProblem(await get(path), 404, 'not-found')
      else
        expect(await jsonOf<object>(await get(path))).toMatchObject({
          resource: `${target.url}/mcp`,
          authorization_servers: servers.map((server) => (server === 'own' ? target.url : server)),
        })
    const { headers } = await send(target.url, 'POST', '/mcp', {})
    expect(headers.get('www-authenticate')).toBe(
      servers === undefined ? 'Bearer' : `Bearer resource_metadata="${target.url}${METADATA}/mcp"`,
    )
    const isOwn = servers?.includes('own') ?? false
    for (const path of ['/.well-known/oauth-authorization-server', '/account/sign-in', '/account/access'])
      expect((await get(path)).status).toBeOneOf(isOwn ? [200, 303] : [404])
    expect((await get('/api/auth/oauth2/authorize')).status).toBe(isOwn ? 400 : 404)
    await target.stop()
  },
)
