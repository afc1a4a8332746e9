import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import ipaddr from 'ipaddr.js'
import { list, oneOf, url, webUrl, whole } from './settings/kinds.ts'
import { type MailSettings, mailVariables, readMail, readPublicUrl } from './settings/mail.ts'
import { readOrigins } from './settings/origins.ts'
import { checkSecrets, requireSecret } from './settings/secrets.ts'
import { readTracing, type Tracing, tracingVariables } from './settings/tracing.ts'

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

/** With `DATABASE_URL`: as long as load balancers take to stop sending requests here, in milliseconds. */
const SHUTDOWN_DELAY_MS = 5000

/** The variables that are read. Every value is text, and an empty one counts as unset. */
export const Environment = Type.Object({
  PORT: whole(0, 65535, 8000),
  HOST: Type.String({ default: '127.0.0.1' }),
  DATABASE_URL: Type.Optional(url(/^postgres(ql)?:$/, 'must look like postgres://user:password@host:5432/database')),
  DATA_DIR: Type.String({ default: './.doable' }),
  BETTER_AUTH_SECRET: Type.Optional(Type.String()),
  BETTER_AUTH_SECRETS_PREVIOUS: Type.String({ default: '' }),
  BETTER_AUTH_URL: Type.Optional(webUrl),
  JWKS_URL: Type.Optional(webUrl),
  JWT_ISSUER: Type.Optional(Type.String()),
  JWT_AUDIENCE: Type.Optional(Type.String()),
  ACCOUNTS: Type.Optional(oneOf(['on', 'off'])),
  WEB: Type.Optional(oneOf(['on', 'off'])),
  CORS_ORIGINS: Type.Optional(Type.String()),
  ...mailVariables,
  LOG_LEVEL: oneOf(LOG_LEVELS, 'info'),
  DB_POOL: whole(1, 100, 4),
  DB_PREPARE: oneOf(['on', 'off'], 'on'),
  REQUEST_TIMEOUT_MS: whole(100, 600_000, 5000),
  SHUTDOWN_DELAY_MS: Type.Optional(whole(0, 600_000)),
  TRASH_DAYS: whole(0, 36_500, 30),
  ADMIN_PORT: Type.Optional(whole(1, 65535)),
  WORKERS: whole(1, 256, 1),
  RATE_LIMIT: whole(0, 100_000_000, 1200),
  USER_QUOTA_MB: whole(0, 100_000_000, 200),
  TRUSTED_PROXIES: Type.String({ default: '' }),
  ...tracingVariables,
})

type Environment = Static<typeof Environment>

/** The environment as `main` hands it on. */
export type Env = Readonly<Record<string, string | undefined>>

/** Every setting of the service, checked and frozen. */
export interface Config {
  readonly port: number
  readonly host: string
  /** Unset: the embedded database in `dataDir`. */
  readonly databaseUrl: string | undefined
  readonly dataDir: string
  /**
   * Unset with the embedded database, which then keeps a generated one, where a key set issues all tokens, and for
   * commands that sign nothing.
   */
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
  /** Whether the task application is at `/`: by default where users can sign up here. */
  readonly web: boolean
  /** Origins as browsers send them; `http://localhost:*` and its like for any port; or `['*']`. */
  readonly corsOrigins: readonly string[]
  /** The address under which browsers reach the service, without a slash at the end. Unset: where it listens. */
  readonly publicUrl: string | undefined
  /** Unset: no mails are sent. */
  readonly mail: MailSettings | undefined
  readonly logLevel: LogLevel
  readonly pool: number
  readonly prepare: boolean
  readonly requestTimeoutMs: number
  /** How long after SIGTERM requests are still served, while readiness says 503. */
  readonly shutdownDelayMs: number
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

/** What a command needs of its settings beyond their being right. */
export interface Needs {
  /** Whether tokens are checked or signed, which takes a secret. */
  secret: boolean
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
export function readConfig(env: Env, needs: Needs = { secret: true }): Config {
  const faults: string[] = []
  const values = Value.Default(Environment, valuesIn(env)) as Environment
  for (const { path, schema } of Value.Errors(Environment, values))
    faults.push(`${path.slice(1)} ${schema['detail'] ?? 'is not valid'}`)

  const isEmbedded = values.DATABASE_URL === undefined
  const previousSecrets = list(values.BETTER_AUTH_SECRETS_PREVIOUS)
  const keySet = values.JWKS_URL ?? values.BETTER_AUTH_URL
  const keySetIssuesAll = keySet !== undefined && values.ACCOUNTS !== 'on' && previousSecrets.length === 0
  if (needs.secret && !isEmbedded && !keySetIssuesAll) requireSecret(values.BETTER_AUTH_SECRET, faults)
  checkSecrets(values.BETTER_AUTH_SECRET, previousSecrets, faults)
  const accounts = values.ACCOUNTS === undefined ? keySet === undefined : values.ACCOUNTS === 'on'
  if (values.WEB === 'on' && !accounts) faults.push('WEB needs ACCOUNTS: the task application signs in by them')
  const corsOrigins = readOrigins(values.CORS_ORIGINS, isEmbedded, faults)
  const publicUrl = readPublicUrl(values.PUBLIC_URL, faults)
  const mail = readMail(values, faults)
  const trustedProxies = list(values.TRUSTED_PROXIES)
  checkListeners(values, trustedProxies, faults)
  if (faults.length > 0) throw new ConfigError([...new Set(faults)])

  return Object.freeze({
    port: Number(values.PORT),
    host: values.HOST,
    databaseUrl: values.DATABASE_URL,
    dataDir: values.DATA_DIR,
    secret: values.BETTER_AUTH_SECRET,
    previousSecrets,
    ...readIssuers(values),
    accounts,
    web: values.WEB === undefined ? accounts : values.WEB === 'on',
    corsOrigins,
    publicUrl,
    mail,
    logLevel: values.LOG_LEVEL,
    pool: Number(values.DB_POOL),
    prepare: values.DB_PREPARE === 'on',
    requestTimeoutMs: Number(values.REQUEST_TIMEOUT_MS),
    shutdownDelayMs: Number(values.SHUTDOWN_DELAY_MS ?? (isEmbedded ? 0 : SHUTDOWN_DELAY_MS)),
    trashDays: Number(values.TRASH_DAYS),
    adminPort: values.ADMIN_PORT === undefined ? undefined : Number(values.ADMIN_PORT),
    workers: Number(values.WORKERS),
    rateLimit: Number(values.RATE_LIMIT),
    quotaBytes: values.USER_QUOTA_MB === '0' ? Number.POSITIVE_INFINITY : Number(values.USER_QUOTA_MB) * 1_000_000,
    trustedProxies,
    tracing: readTracing(values),
  })
}

/** The level to log a faulty environment at: `LOG_LEVEL` where that is right, else its default. */
export function readLogLevel(env: Env): LogLevel {
  return LOG_LEVELS.find((level) => level === env['LOG_LEVEL']?.trim()) ?? 'info'
}

function checkListeners(values: Environment, trustedProxies: readonly string[], faults: string[]): void {
  if (Number(values.WORKERS) > 1 && values.DATABASE_URL === undefined)
    faults.push('WORKERS needs DATABASE_URL: the embedded database is for one process')
  if (Number(values.WORKERS) > 1 && Number(values.PORT) === 0) faults.push('WORKERS needs a PORT that they can share')
  if (values.ADMIN_PORT !== undefined && values.ADMIN_PORT === values.PORT)
    faults.push('ADMIN_PORT must be another one than PORT')
  for (const proxy of trustedProxies)
    if (!(proxy.includes('/') ? ipaddr.isValidCIDR(proxy) : ipaddr.isValid(proxy)))
      faults.push('TRUSTED_PROXIES must list addresses and CIDR blocks, like 10.0.0.0/8')
}

function readIssuers(values: Environment) {
  const issuerUrl = values.BETTER_AUTH_URL?.replace(/\/+$/, '')
  const jwksUrl = values.JWKS_URL ?? (issuerUrl === undefined ? undefined : `${issuerUrl}/api/auth/jwks`)
  // Better Auth signs its base URL as configured, which may end in a slash.
  const implied = issuerUrl === undefined ? [] : [issuerUrl, `${issuerUrl}/`]
  return {
    jwksUrl: jwksUrl === undefined ? undefined : new URL(jwksUrl),
    jwks: {
      issuers: values.JWT_ISSUER === undefined ? implied : [values.JWT_ISSUER],
      audiences: values.JWT_AUDIENCE === undefined ? implied : [values.JWT_AUDIENCE],
    },
    issuer: values.JWT_ISSUER,
    audience: values.JWT_AUDIENCE,
  }
}

/** A secret keeps its white space, because its issuer signs with the same bytes; other values lose theirs. */
function valuesIn(env: Env): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value = '']) => {
      const trimmed = value.trim()
      return trimmed === '' ? [] : [[name, name === 'BETTER_AUTH_SECRET' ? value : trimmed]]
    }),
  )
}
