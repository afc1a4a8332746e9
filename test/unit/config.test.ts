import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { ConfigError, Environment, readConfig } from '../../src/config.ts'
import { SECRET } from '../kit/tokens.ts'

type Env = Record<string, string>
const database = 'postgres://doable@db.internal/doable'
const retired = 'Vb7Qm2Xc9Zr4Lt6Kp1Wd8Hy3Nf5Gs0JaEe'

function faultsOf(env: Env): readonly string[] {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
  return []
}

test('with nothing set, everything has its default', () => {
  expect(readConfig({})).toEqual({
    port: 8000,
    host: '127.0.0.1',
    databaseUrl: undefined,
    dataDir: './.doable',
    secret: undefined,
    previousSecrets: [],
    jwksUrl: undefined,
    jwks: { issuers: [], audiences: [] },
    issuer: undefined,
    audience: undefined,
    accounts: true,
    web: true,
    corsOrigins: ['http://localhost:*', 'http://127.0.0.1:*', 'http://[::1]:*'],
    publicUrl: undefined,
    mail: undefined,
    logLevel: 'info',
    pool: 4,
    prepare: true,
    requestTimeoutMs: 5000,
    shutdownDelayMs: 0,
    trashDays: 30,
    adminPort: undefined,
    workers: 1,
    rateLimit: 1200,
    quotaBytes: 200_000_000,
    trustedProxies: [],
    tracing: undefined,
  })
})

test('an empty value and white space count as unset, for every variable', () => {
  for (const blank of ['', ' ', '\t\r\n'])
    expect(readConfig(Object.fromEntries(Object.keys(Environment.properties).map((name) => [name, blank])))).toEqual(
      readConfig({}),
    )
})

test('what else stands in the environment does not matter', () => {
  expect(readConfig({ PATH: '/bin', NODE_ENV: 'production', port: 'x' })).toEqual(readConfig({}))
})

test('every fault is named in one message, and no value is', () => {
  const env = {
    PORT: 'eighty',
    DATABASE_URL: 'mysql://root:hunter2@db',
    BETTER_AUTH_SECRET: 'too-short',
    BETTER_AUTH_SECRETS_PREVIOUS: `${retired},change-me-change-me-change-me-please`,
    BETTER_AUTH_URL: 'app.internal',
    JWKS_URL: 'ftp://keys.internal',
    CORS_ORIGINS: 'localhost:4321',
    LOG_LEVEL: 'loud',
    DB_POOL: '0',
    DB_PREPARE: 'maybe',
    REQUEST_TIMEOUT_MS: '7s',
  }
  const faults = faultsOf(env)
  for (const name of Object.keys(env)) expect(faults.filter((fault) => fault.split(' ')[0] === name)).toHaveLength(1)
  expect(faults).toHaveLength(Object.keys(env).length)
  const { message } = new ConfigError(faults)
  for (const fault of faults) expect(message).toContain(fault)
  for (const value of [...Object.values(env), retired, 'hunter2', 'change-me'])
    if (value !== '0') expect(message).not.toContain(value)
})

describe('a fault names its variable', () => {
  test.each([
    ['PORT', ['-1', '65536', '80.5', '1e3', '0x50', 'true', '+80', '8000 9000', 'NaN', '٨٠']],
    ['DB_POOL', ['0', '101', '2.5', 'auto']],
    ['REQUEST_TIMEOUT_MS', ['0', '99', '600001', '5s', 'Infinity']],
    ['SHUTDOWN_DELAY_MS', ['-1', '600001', '5s']],
    ['DB_PREPARE', ['true', '1', 'ON']],
    ['LOG_LEVEL', ['INFO', 'verbose', 'constructor']],
    ['DATABASE_URL', ['mysql://a@b/c', 'localhost:5432', 'postgres', 'host=db user=me', 'postgres://a@b:c/d']],
    ['JWKS_URL', ['keys', '/jwks', 'file:///jwks', 'http://', 'http://a b/jwks', 'http://[bad', 'http://a:99999']],
    ['BETTER_AUTH_URL', ['app.example.com', 'localhost:3000', 'ws://a', 'http://a:99999']],
    [
      'CORS_ORIGINS',
      [
        'https://app.example.com/',
        'https://app.example.com/path',
        'https://app.example.com:443',
        'https://App.example.com',
        'https://*.example.com',
        'http://*:3000',
        'https://localhost:*',
        'http://localhost:*/',
        'http://localhost:30*',
        'http://app.example.com:*',
        'app.example.com',
        'null',
        'https://a.example https://b.example',
        '*,https://app.example.com',
        'https://app.example.com,*',
        'https://app.example.com,nonsense',
      ],
    ],
    ['ADMIN_PORT', ['0', '8000', '65536', 'on']],
    ['WORKERS', ['0', '2', 'auto']],
    ['RATE_LIMIT', ['-1', '1.5', 'off']],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', ['collector:4318', 'grpc://collector:4317']],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', ['collector']],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', ['grpc']],
    ['OTEL_TRACES_EXPORTER', ['zipkin']],
    ['OTEL_TRACES_SAMPLER', ['sometimes']],
    ['OTEL_TRACES_SAMPLER_ARG', ['2', '-0.1', 'half']],
    ['TRUSTED_PROXIES', ['proxy', '10.0.0.0/33', '10.0.0.1 10.0.0.2', '10.0.0.0/8,::1/129', '*']],
    ['BETTER_AUTH_SECRET', ['short', 'k'.repeat(31), 'k'.repeat(64), 'change-me-change-me-change-me-please']],
    ['BETTER_AUTH_SECRETS_PREVIOUS', ['short', `${retired},short`, `${retired},${'ab'.repeat(20)}`]],
  ] as [string, string[]][])('%s', (name, values) => {
    for (const value of values) {
      const faults = faultsOf({ BETTER_AUTH_SECRET: SECRET, [name]: value })
      expect([value, faults.length, faults[0]?.split(' ')[0]]).toEqual([value, 1, name])
    }
  })
})

describe('secrets', () => {
  test('one is required with PostgreSQL, where nothing could keep a generated one', () => {
    expect(faultsOf({ DATABASE_URL: database })[0]).toStartWith('BETTER_AUTH_SECRET is required')
    expect(faultsOf({ DATABASE_URL: database, BETTER_AUTH_SECRET: SECRET })).toEqual([])
  })

  test('a command that signs nothing needs none, but takes no wrong one either', () => {
    const needs = { secret: false }
    expect(readConfig({ DATABASE_URL: database }, needs).secret).toBeUndefined()
    expect(() => readConfig({ DATABASE_URL: database, BETTER_AUTH_SECRET: 'short' }, needs)).toThrow('32 characters')
  })

  test('32 characters are enough', () => {
    expect(faultsOf({ BETTER_AUTH_SECRET: SECRET.slice(0, 32) })).toEqual([])
    expect(faultsOf({ BETTER_AUTH_SECRET: SECRET.slice(0, 31) })).toHaveLength(1)
  })

  test('the secret is taken to the letter: the issuer signs with the same bytes', () => {
    expect(readConfig({ BETTER_AUTH_SECRET: `${SECRET}\n` }).secret).toBe(`${SECRET}\n`)
  })

  test('earlier ones are a list', () => {
    const { previousSecrets } = readConfig({ BETTER_AUTH_SECRETS_PREVIOUS: `${retired}, ${SECRET} ,` })
    expect(previousSecrets).toEqual([retired, SECRET])
  })
})

describe('values', () => {
  test('spaces and line ends around a value are accidents', () => {
    const config = readConfig({ PORT: ' 80 ', HOST: '::\n', LOG_LEVEL: 'warn\r', DATA_DIR: ' /data ' })
    expect(config).toMatchObject({ port: 80, host: '::', logLevel: 'warn', dataDir: '/data' })
  })

  test('origins are a list, or * alone', () => {
    expect(readConfig({ CORS_ORIGINS: '*' }).corsOrigins).toEqual(['*'])
    expect(readConfig({ CORS_ORIGINS: 'http://localhost:5173 , https://app.example.com,' }).corsOrigins).toEqual([
      'http://localhost:5173',
      'https://app.example.com',
    ])
  })

  test('any port of this machine may be listed; with PostgreSQL the default is http://localhost:3000', () => {
    const listed = 'http://localhost:*,http://127.0.0.1:*,http://[::1]:*,https://app.example.com'
    expect(readConfig({ CORS_ORIGINS: listed }).corsOrigins).toEqual(listed.split(','))
    const { corsOrigins } = readConfig({ DATABASE_URL: database, BETTER_AUTH_SECRET: SECRET })
    expect(corsOrigins).toEqual(['http://localhost:3000'])
  })

  test('with PostgreSQL, requests are served for 5 s after SIGTERM, or for as long as is set', () => {
    const env = { DATABASE_URL: database, BETTER_AUTH_SECRET: SECRET }
    expect(readConfig(env).shutdownDelayMs).toBe(5000)
    expect(readConfig({ ...env, SHUTDOWN_DELAY_MS: '0' }).shutdownDelayMs).toBe(0)
  })

  test('BETTER_AUTH_URL implies the key set, its issuers and audiences, with and without a slash', () => {
    for (const url of ['https://app.example.com', 'https://app.example.com/']) {
      const config = readConfig({ BETTER_AUTH_URL: url })
      expect(config.jwksUrl?.href).toBe('https://app.example.com/api/auth/jwks')
      const either = ['https://app.example.com', 'https://app.example.com/']
      expect(config.jwks).toEqual({ issuers: either, audiences: either })
      expect([config.issuer, config.audience]).toEqual([undefined, undefined])
    }
  })

  test('what is said outright has precedence over what is implied', () => {
    const config = readConfig({
      BETTER_AUTH_URL: 'https://app.example.com',
      JWKS_URL: 'https://keys.example.com/jwks.json',
      JWT_ISSUER: 'me',
      JWT_AUDIENCE: 'you',
    })
    expect(config.jwksUrl?.href).toBe('https://keys.example.com/jwks.json')
    expect(config.jwks).toEqual({ issuers: ['me'], audiences: ['you'] })
    expect(config).toMatchObject({ issuer: 'me', audience: 'you' })
  })

  test.each([
    [{}, true],
    [{ WEB: 'off' }, false],
    [{ ACCOUNTS: 'off' }, false],
    [{ JWKS_URL: 'https://keys.example.com' }, false],
    [{ JWKS_URL: 'https://keys.example.com', ACCOUNTS: 'on' }, true],
  ])('the task application is there where people sign up here, unless WEB is off: %j', (env, web) => {
    expect(readConfig(env).web).toBe(web)
  })

  test('the task application cannot be asked for where nobody can sign up', () => {
    expect(faultsOf({ WEB: 'on', ACCOUNTS: 'off' })).toEqual([
      'WEB needs ACCOUNTS: the task application signs in by them',
    ])
  })

  test('the configuration cannot be changed afterwards', () => {
    expect(Object.isFrozen(readConfig({}))).toBe(true)
  })
})

describe('.env.example', async () => {
  const text = await Bun.file(join(import.meta.dir, '../../.env.example')).text()
  const entries = [...text.matchAll(/^# ?([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(
    ([, name = '', value = '']) => [name, value] as const,
  )

  test('names every variable that is read, each once, and no other', () => {
    const named = entries.map(([name]) => name)
    expect(named.toSorted()).toEqual(Object.keys(Environment.properties).toSorted())
  })

  test('sets nothing as it stands', () => {
    expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([])
  })

  test('holds no secret that would start', () => {
    for (const [name, value] of entries)
      if (name.includes('SECRET') && value !== '') expect(faultsOf({ [name]: value })).not.toEqual([])
  })

  test('shows values that are good, and defaults that are true', () => {
    const shown = Object.fromEntries(entries.filter(([name]) => !name.includes('SECRET')))
    expect(faultsOf({ ...shown, BETTER_AUTH_SECRET: SECRET })).toEqual([])
    for (const [name, { default: fallback }] of Object.entries(Environment.properties))
      if (fallback !== undefined && fallback !== '') expect([name, shown[name]]).toEqual([name, fallback])
  })
})

const spans: [env: Env, exported: object | undefined][] = [
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }, { url: 'http://c:4318/v1/traces', protocol: 'http/protobuf' }],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/base/' }, { url: 'http://c:4318/base/v1/traces' }],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://b/in' },
    { url: 'https://b/in', serviceName: 'doable', sampler: 'parentbased_always_on', ratio: 1 },
  ],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a', OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' },
    { sampler: 'traceidratio', ratio: 0.25 },
  ],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a', OTEL_SDK_DISABLED: 'TRUE' }, undefined],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a', OTEL_TRACES_EXPORTER: 'none' }, undefined],
  [{ OTEL_SERVICE_NAME: 'todo' }, undefined],
]
test.each(spans)('traces are exported where the standard variables say so: %j', (env, exported) => {
  const { tracing } = readConfig(env)
  if (exported === undefined) expect(tracing).toBeUndefined()
  else expect(tracing).toMatchObject(exported)
})
