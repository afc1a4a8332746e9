import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { version } from '../../package.json'
import { migrations } from '../../src/db/migrate.ts'
import { now } from '../kit/forge.ts'
import { freePort, newDatabase } from '../kit/postgres-server.ts'
import { newPlace, type Place } from '../kit/program.ts'
import { SECRET } from '../kit/tokens.ts'

setDefaultTimeout(120_000)

let place: Place
beforeAll(async () => {
  place = await newPlace()
})
afterAll(() => place[Symbol.asyncDispose]())

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  )

describe('asking for help', () => {
  test.each([[['--help']], [['-h']], [['token', '--help']], [['serve', '--help']]])('%p', async (args) => {
    const { code, stdout, stderr } = await place.run(args)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const word of ['serve', 'migrate', 'token', 'healthcheck', 'openapi', '--ttl', '--version'])
      expect(stdout).toContain(word)
  })

  test('--version', async () => {
    expect(await place.run(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
  })
})

test.each([
  ['an unknown command', ['frobnicate']],
  ['a command named like a member of every object', ['constructor']],
  ['an unknown option', ['--frobnicate']],
  ['an unknown option of a command', ['migrate', '--frobnicate']],
  ['an argument too many', ['migrate', 'now']],
  ['an argument too many for serve', ['serve', '8080']],
  ['token without a user', ['token']],
  ['token for nobody', ['token', '']],
  ['token for two', ['token', 'alice', 'bob']],
  ['token for someone too long', ['token', 'u'.repeat(256)]],
  ['a ttl without a value', ['token', 'alice', '--ttl']],
  ['a scope without a value', ['token', 'alice', '--scope']],
  ['an unknown scope', ['token', 'alice', '--scope', 'tasks:reed']],
  ...['0s', '1', 'h', '-1h', '1.5h', '1w', '1h30m', '', ' 1h', '1e3s', 'soon'].map((ttl) => [
    `the ttl "${ttl}"`,
    ['token', 'alice', `--ttl=${ttl}`],
  ]),
] as [string, string[]][])('%s is a wrong command line: exit status 2, with the usage', async (_, args) => {
  const { code, stdout, stderr } = await place.run(args, { BETTER_AUTH_SECRET: SECRET })
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain('Usage: doable')
  expect(stderr).not.toMatch(/^\s+at /m)
})

describe('a wrong environment: exit status 1, with every fault', () => {
  test.each(['serve', 'migrate', 'token'])('%s', async (command) => {
    const args = command === 'token' ? [command, 'alice'] : [command]
    const env = { PORT: 'eighty', BETTER_AUTH_SECRET: 'hunter2', LOG_LEVEL: 'loud' }
    const { code, stdout, stderr } = await place.run(args, env)
    expect(code).toBe(1)
    for (const name of Object.keys(env)) expect(stderr).toContain(`- ${name} `)
    expect(stdout + stderr).not.toMatch(/eighty|hunter2|loud\b|^\s+at /m)
    if (command !== 'serve') expect(stdout).toBe('')
    else {
      const line = JSON.parse(stdout) as { faults: string[] }
      expect(line).toMatchObject({ level: 'fatal', msg: 'the configuration is not usable' })
      expect(line.faults).toHaveLength(3)
    }
  })

  test('a start that fails says so in the log as well, unless that is silent', async () => {
    const env = { BETTER_AUTH_SECRET: SECRET, DATABASE_URL: await newDatabase(), PORT: String(freePort()) }
    using other = Bun.serve({ port: Number(env.PORT), hostname: '127.0.0.1', fetch: () => new Response() })
    for (const LOG_LEVEL of ['warn', 'silent']) {
      const { code, stdout, stderr } = await place.run(['serve'], { ...env, LOG_LEVEL })
      expect([code, other.port]).toEqual([1, Number(env.PORT)])
      expect(stderr).toMatch(/^doable: .*in use/)
      if (LOG_LEVEL === 'silent') expect(stdout).toBe('')
      else {
        const line = JSON.parse(stdout) as { cause: string }
        expect(line).toMatchObject({ level: 'fatal', service: 'doable', msg: 'the start failed' })
        expect(stderr).toContain(line.cause)
      }
    }
  })
})

describe('token', () => {
  test.each([
    ['1h', 3600],
    ['90s', 90],
    ['15m', 900],
    ['30d', 2_592_000],
  ])('--ttl %s lasts %d seconds', async (ttl, seconds) => {
    const args = ttl.endsWith('d') ? ['token', `--ttl=${ttl}`, 'alice'] : ['token', 'alice', '--ttl', ttl]
    const { code, stdout, stderr } = await place.run(args, { BETTER_AUTH_SECRET: SECRET })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const { sub, exp = 0 } = decodeJwt(stdout.trim())
    expect(sub).toBe('alice')
    expect(Math.abs(exp - now() - seconds)).toBeLessThan(60)
  })

  test('without --ttl it lasts an hour', async () => {
    const { stdout } = await place.run(['token', 'alice'], { BETTER_AUTH_SECRET: SECRET })
    expect(Math.abs(Number(decodeJwt(stdout.trim()).exp) - now() - 3600)).toBeLessThan(60)
  })

  test.each([
    [['--scope', 'tasks:read'], 'tasks:read'],
    [['--scope', 'tasks:write', '--scope=tasks:read'], 'tasks:read tasks:write'],
    [['--scope', 'tasks:read tasks:write'], 'tasks:read tasks:write'],
    [[], undefined],
  ])('%p limits it to %p', async (options, scope) => {
    const args = ['token', 'alice', '--ttl', '90d', ...options]
    const { stdout } = await place.run(args, { BETTER_AUTH_SECRET: SECRET })
    expect(decodeJwt(stdout.trim())['scope']).toBe(scope)
  })

  test('before the first start and beside a running service, it speaks for that user there', async () => {
    await using home = await newPlace()
    const early = await home.run(['token', 'alice'])
    const service = await home.serve()
    const late = await home.run(['token', 'alice'])
    const issuer = { JWT_ISSUER: 'me', JWT_AUDIENCE: 'you' }
    const strict = await home.run(['token', 'alice'], issuer)
    for (const { stdout } of [early, late, strict]) {
      const headers = { authorization: `Bearer ${stdout.trim()}` }
      expect((await fetch(`${service.url}/api/alice/tasks`, { headers })).status).toBe(200)
      expect((await fetch(`${service.url}/api/bob/tasks`, { headers })).status).toBe(403)
    }
    expect(decodeJwt(strict.stdout)).toMatchObject({ iss: 'me', aud: 'you' })
    expect(await service.end()).toBe(0)
  })
})

test('openapi prints the document with no database, no secret, and nothing left behind', async () => {
  await using home = await newPlace()
  const { code, stdout, stderr } = await home.run(['openapi'], {
    DATABASE_URL: 'postgres://nobody@127.0.0.1:9/nothing',
  })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(JSON.parse(stdout)).toMatchObject({ openapi: '3.1.0', info: { version } })
  expect(await exists(join(home.dir, 'data'))).toBe(false)
})

describe('migrate says which migrations it applied', () => {
  const names = migrations.map(({ name }) => `Applied ${name}.\n`).join('')

  test('to the embedded database', async () => {
    await using home = await newPlace()
    for (const said of [names, 'No migration was missing.\n']) {
      const { code, stdout, stderr } = await home.run(['migrate'])
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toStartWith(`${said}embedded PostgreSQL `)
      expect(stdout).toEndWith(' is up to date.\n')
    }
  })

  test('to PostgreSQL, and needs no secret there', async () => {
    const env = { DATABASE_URL: await newDatabase() }
    for (const said of [names, 'No migration was missing.\n']) {
      const { code, stdout, stderr } = await place.run(['migrate'], env)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toStartWith(`${said}PostgreSQL at `)
      expect(stdout).toEndWith(' is up to date.\n')
    }
    expect((await place.run(['purge'], env)).stdout).toBe('0 tasks were deleted for good.\n')
    expect((await place.run(['serve'], env)).stderr).toContain('BETTER_AUTH_SECRET is required')
  })
})

test('healthcheck is 0 while the service lives, and 1 otherwise', async () => {
  await using home = await newPlace()
  const port = String(freePort())
  const before = await home.run(['healthcheck'], { PORT: port })
  expect(before.code).toBe(1)
  expect(before.stderr).toStartWith('doable: ')
  const service = await home.serve({ PORT: port })
  expect(await home.run(['healthcheck'], { PORT: port })).toEqual({ code: 0, stdout: '', stderr: '' })
  expect((await home.run(['healthcheck'], { PORT: port, HOST: '0.0.0.0' })).code).toBe(0)
  expect(await service.end()).toBe(0)
  expect((await home.run(['healthcheck'], { PORT: port })).code).toBe(1)
})
