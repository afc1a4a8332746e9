import { Kind, type Static, Type, TypeRegistry } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import ipaddr from 'ipaddr.js'
import { isWeakSecret } from './auth/secret.ts'

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

// Checked as the text that it is: TypeBox's conversion would take `true` for 1 and `8000.5` for 8000.
TypeRegistry.Set<{ minimum: number; maximum: number }>(
  'Whole',
  ({ minimum, maximum }, text) => /^\d{1,9}$/.test(String(text)) && Number(text) >= minimum && Number(text) <= maximum,
)
TypeRegistry.Set<{ protocol: RegExp }>('Url', ({ protocol }, text) => {
  // libpq lets the host stand in the query alone (`postgres://user@/database?host=…`).
  const url = URL.parse(String(text).replace(/^(postgres\w*:\/\/[^/?#]*@)\//, '$1localhost/'))
  return protocol.test(url?.protocol ?? '')
})

TypeRegistry.Set('Ratio', (_, text) => /^(0|1|0?\.\d+|1\.0*)$/.test(String(text)))

/** The values of `OTEL_TRACES_SAMPLER` that there are. */
export const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const

/** What may stand in the environment. Every value is text there, and an empty one is as good as none. */
export const Environment = Type.Object({
  PORT: whole(8000, 0, 65535),
  HOST: Type.String({ default: '127.0.0.1' }),
  DATABASE_URL: Type.Optional(
    address(/^postgres(ql)?:$/, 'must look like postgres://user:password@host:5432/database'),
  ),
  DATA_DIR: Type.String({ default: './.doable' }),
  BETTER_AUTH_SECRET: Type.Optional(Type.String()),
  BETTER_AUTH_SECRETS_PREVIOUS: Type.String({ default: '' }),
  BETTER_AUTH_URL: Type.Optional(address(/^https?:$/, 'must be an http:// or https:// address')),
  JWKS_URL: Type.Optional(address(/^https?:$/, 'must be an http:// or https:// address')),
  JWT_ISSUER: Type.Optional(Type.String()),
  JWT_AUDIENCE: Type.Optional(Type.String()),
  ACCOUNTS: Type.Optional(Type.Union([Type.Literal('on'), Type.Literal('off')], { detail: 'must be on or off' })),
  CORS_ORIGINS: Type.String({ default: 'http://localhost:3000' }),
  LOG_LEVEL: Type.Union(
    LOG_LEVELS.map((level) => Type.Literal(level)),
    { default: 'info', detail: `must be one of ${LOG_LEVELS.join(', ')}` },
  ),
  DB_POOL: whole(4, 1, 100),
  DB_PREPARE: Type.Union([Type.Literal('on'), Type.Literal('off')], { default: 'on', detail: 'must be on or off' }),
  REQUEST_TIMEOUT_MS: whole(5000, 100, 600_000),
  TRASH_DAYS: whole(30, 0, 36_500),
  ADMIN_PORT: Type.Optional(wholeOf(1, 65535)),
  WORKERS: whole(1, 1, 256),
  RATE_LIMIT: whole(1200, 0, 100_000_000),
  USER_QUOTA_MB: whole(200, 0, 100_000_000),
  TRUSTED_PROXIES: Type.String({ default: '' }),
  // Those of the OpenTelemetry specification that decide whether and where; its SDK reads the rest itself.
  OTEL_SDK_DISABLED: Type.String({ default: 'false' }),
  OTEL_TRACES_EXPORTER: oneOf(['otlp', 'none'], 'otlp'),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(address(/^https?:$/, 'must be an http:// or https:// address')),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: Type.Optional(address(/^https?:$/, 'must be an http:// or https:// address')),
  OTEL_EXPORTER_OTLP_PROTOCOL: oneOf(['http/protobuf', 'http/json'], 'http/protobuf'),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: Type.Optional(oneOf(['http/protobuf', 'http/json'])),
  OTEL_SERVICE_NAME: Type.String({ default: 'doable' }),
  OTEL_TRACES_SAMPLER: oneOf(SAMPLERS, 'parentbased_always_on'),
  OTEL_TRACES_SAMPLER_ARG: Type.Unsafe<string>({
    [Kind]: 'Ratio',
    default: '1',
    detail: 'must be a number from 0 to 1',
  }),
})

type Environment = Static<typeof Environment>

/** Everything the service can be told, checked and frozen. Only `main` makes one from the environment. */
export interface Config {
  readonly port: number
  readonly host: string
  /** Unset: the embedded database in `dataDir`. */
  readonly databaseUrl: string | undefined
  readonly dataDir: string
  /** Unset: generated and kept beside the embedded database; with `databaseUrl`, a key set issues all tokens. */
  readonly secret: string | undefined
  readonly previousSecrets: readonly string[]
  readonly jwksUrl: URL | undefined
  /** `iss` (any of them) and `aud` that tokens of the key set must carry. */
  readonly jwks: { readonly issuers: readonly string[]; readonly audiences: readonly string[] }
  /** `iss` and `aud` that every token must carry. */
  readonly issuer: string | undefined
  readonly audience: string | undefined
  /** Whether users can sign up here: by default when no other issuer is named. */
  readonly accounts: boolean
  /** Origins as browsers send them, or `['*']`. */
  readonly corsOrigins: readonly string[]
  readonly logLevel: (typeof LOG_LEVELS)[number]
  readonly pool: number
  readonly prepare: boolean
  readonly requestTimeoutMs: number
  /** How long deleted tasks keep their content. */
  readonly trashDays: number
  /** Unset: no listener for the operator. */
  readonly adminPort: number | undefined
  /** Processes on one port. */
  readonly workers: number
  /** Requests a minute for each user, or address before authentication; 0 is no limit. */
  readonly rateLimit: number
  /** Bytes that one user's tasks may count; `Infinity` is no bound. */
  readonly quotaBytes: number
  /** Addresses and CIDR blocks. */
  readonly trustedProxies: readonly string[]
  /** Unset: no traces are exported. */
  readonly tracing: Tracing | undefined
}

/** What the variables of the OpenTelemetry specification say. */
export interface Tracing {
  /** Where spans are posted to, by OTLP over HTTP. */
  readonly url: string
  readonly protocol: 'http/protobuf' | 'http/json'
  readonly serviceName: string
  readonly sampler: (typeof SAMPLERS)[number]
  /** Of the traces that begin here, the part that a `traceidratio` samples. */
  readonly ratio: number
}

/** Every fault of the environment at once; the message names each variable and never a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  constructor(readonly faults: readonly string[]) {
    super(`The configuration is not usable:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`)
  }
}

/**
 * Reads the environment.
 *
 * @throws ConfigError naming every fault found.
 */
export function readConfig(env: Record<string, string | undefined>): Config {
  const faults: string[] = []
  const values = Value.Default(Environment, givenIn(env)) as Environment
  for (const { path, schema } of Value.Errors(Environment, values))
    faults.push(`${path.slice(1)} ${schema['detail'] ?? 'is not valid'}`)

  const previous = list(values.BETTER_AUTH_SECRETS_PREVIOUS)
  checkSecrets(values, previous, faults)
  const corsOrigins = list(values.CORS_ORIGINS)
  for (const origin of corsOrigins)
    if (origin !== '*' && (URL.parse(origin)?.origin !== origin || origin.includes('*')))
      faults.push(
        'CORS_ORIGINS must list origins as browsers send them, like https://app.example.com: ' +
          'no path, no slash at the end, no default port, no wildcard within',
      )
  if (corsOrigins.includes('*') && corsOrigins.length > 1)
    faults.push('CORS_ORIGINS must be * alone or a list of origins')

  if (Number(values.WORKERS) > 1 && values.DATABASE_URL === undefined)
    faults.push('WORKERS needs DATABASE_URL: the embedded database is for one process')
  if (Number(values.WORKERS) > 1 && Number(values.PORT) === 0) faults.push('WORKERS needs a PORT that they can share')
  if (values.ADMIN_PORT !== undefined && values.ADMIN_PORT === values.PORT)
    faults.push('ADMIN_PORT must be another one than PORT')
  const trustedProxies = list(values.TRUSTED_PROXIES)
  for (const proxy of trustedProxies)
    if (!(proxy.includes('/') ? ipaddr.isValidCIDR(proxy) : ipaddr.isValid(proxy)))
      faults.push('TRUSTED_PROXIES must list addresses and CIDR blocks, like 10.0.0.0/8')

  if (faults.length > 0) throw new ConfigError([...new Set(faults)])
  const issuerUrl = values.BETTER_AUTH_URL?.replace(/\/+$/, '')
  const jwksUrl = values.JWKS_URL ?? (issuerUrl === undefined ? undefined : `${issuerUrl}/api/auth/jwks`)
  // Better Auth signs its base URL as configured, which may end in a slash.
  const implied = issuerUrl === undefined ? [] : [issuerUrl, `${issuerUrl}/`]
  return Object.freeze({
    port: Number(values.PORT),
    host: values.HOST,
    databaseUrl: values.DATABASE_URL,
    dataDir: values.DATA_DIR,
    secret: values.BETTER_AUTH_SECRET,
    previousSecrets: previous,
    jwksUrl: jwksUrl === undefined ? undefined : new URL(jwksUrl),
    jwks: {
      issuers: values.JWT_ISSUER === undefined ? implied : [values.JWT_ISSUER],
      audiences: values.JWT_AUDIENCE === undefined ? implied : [values.JWT_AUDIENCE],
    },
    issuer: values.JWT_ISSUER,
    audience: values.JWT_AUDIENCE,
    accounts: values.ACCOUNTS === undefined ? jwksUrl === undefined : values.ACCOUNTS === 'on',
    corsOrigins,
    logLevel: values.LOG_LEVEL,
    pool: Number(values.DB_POOL),
    prepare: values.DB_PREPARE === 'on',
    requestTimeoutMs: Number(values.REQUEST_TIMEOUT_MS),
    trashDays: Number(values.TRASH_DAYS),
    adminPort: values.ADMIN_PORT === undefined ? undefined : Number(values.ADMIN_PORT),
    workers: Number(values.WORKERS),
    rateLimit: Number(values.RATE_LIMIT),
    quotaBytes: values.USER_QUOTA_MB === '0' ? Number.POSITIVE_INFINITY : Number(values.USER_QUOTA_MB) * 1_000_000,
    trustedProxies,
    tracing: tracingIn(values),
  })
}

function tracingIn(values: Environment): Tracing | undefined {
  const base = values.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/+$/, '')
  const url = values.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base === undefined ? undefined : `${base}/v1/traces`)
  const off = values.OTEL_SDK_DISABLED.toLowerCase() === 'true' || values.OTEL_TRACES_EXPORTER === 'none'
  if (url === undefined || off) return undefined
  return {
    url,
    protocol: values.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? values.OTEL_EXPORTER_OTLP_PROTOCOL,
    serviceName: values.OTEL_SERVICE_NAME,
    sampler: values.OTEL_TRACES_SAMPLER,
    ratio: Number(values.OTEL_TRACES_SAMPLER_ARG),
  }
}

/**
 * Line ends and spaces around a value are accidents, but a secret is left as it is: whoever
 * signs with it reads the same bytes.
 */
function givenIn(env: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value = '']) => {
      const trimmed = value.trim()
      return trimmed === '' ? [] : [[name, name === 'BETTER_AUTH_SECRET' ? value : trimmed]]
    }),
  )
}

function checkSecrets(values: Environment, previous: string[], faults: string[]): void {
  const { BETTER_AUTH_SECRET: secret, DATABASE_URL: database } = values
  const keySet = values.JWKS_URL ?? values.BETTER_AUTH_URL
  const keySetIssuesAll = keySet !== undefined && values.ACCOUNTS !== 'on' && previous.length === 0
  if (secret === undefined && database !== undefined && !keySetIssuesAll)
    faults.push(
      'BETTER_AUTH_SECRET is required with DATABASE_URL, unless all tokens are issued by JWKS_URL or BETTER_AUTH_URL. ' +
        'Make one: openssl rand -base64 32',
    )
  const all = [
    ...(secret === undefined ? [] : [['BETTER_AUTH_SECRET', secret] as const]),
    ...previous.map((value) => ['BETTER_AUTH_SECRETS_PREVIOUS', value] as const),
  ]
  for (const [name, value] of all) {
    if (value.length < 32) faults.push(`${name} must have at least 32 characters. Make one: openssl rand -base64 32`)
    else if (isWeakSecret(value))
      faults.push(`${name} is a placeholder or well known. Make one: openssl rand -base64 32`)
  }
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

function whole(fallback: number, minimum: number, maximum: number) {
  return Type.Unsafe<string>({ ...wholeOf(minimum, maximum), default: String(fallback) })
}

function wholeOf(minimum: number, maximum: number) {
  return Type.Unsafe<string>({
    [Kind]: 'Whole',
    minimum,
    maximum,
    detail: `must be a whole number from ${minimum} to ${maximum}`,
  })
}

function oneOf<const Name extends string>(names: readonly Name[], fallback?: Name) {
  return Type.Unsafe<Name>({
    ...Type.Union(names.map((name) => Type.Literal(name))),
    ...(fallback !== undefined && { default: fallback }),
    detail: `must be one of ${names.join(', ')}`,
  })
}

function address(protocol: RegExp, detail: string) {
  return Type.Unsafe<string>({ [Kind]: 'Url', protocol, detail })
}
