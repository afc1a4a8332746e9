import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'

export interface ConnectionTarget {
  host: string
  port: number
  /** Path of a Unix socket, where the address names one. */
  path: string | undefined
  database: string
  user: string
  password: string
  /** `false` is plain text, `prefer` is TLS where the server has it; an object goes to `tls.connect`. */
  tls: false | 'prefer' | ConnectionOptions
  /** Start-up parameters of the session. */
  parameters: Record<string, string>
}

/** The parameters a server knows. All others (`channel_binding`, `pgbouncer`, `schema` …) are fatal when sent. */
const SESSION_PARAMETERS = ['application_name', 'options', 'search_path', 'statement_timeout', 'lock_timeout']

const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify']

/**
 * Reads a `postgres://` address as libpq does (PostgreSQL manual, 32.1.1.2), with one
 * difference: a certificate is verified unless `sslmode=no-verify` says not to. Without
 * `sslmode`, TLS is used for every host but those of the own machine or network.
 *
 * @throws Error naming what is wrong; the password is never part of it.
 */
export async function readDatabaseUrl(text: string): Promise<ConnectionTarget> {
  const url = URL.parse(text)
  if (!url || !/^postgres(ql)?:$/.test(url.protocol))
    throw new Error('DATABASE_URL must look like postgres://user:password@host:5432/database')
  const query = url.searchParams
  const host = query.get('host') ?? decodeURIComponent(url.hostname).replace(/^\[|\]$/g, '')
  if (host === '' || host.includes(',')) throw new Error('DATABASE_URL must name one host')
  const port = Number(query.get('port') ?? (url.port || 5432))
  const user = decodeURIComponent(url.username)
  if (user === '') throw new Error('DATABASE_URL must name a user')
  const path = host.startsWith('/') ? `${host}/.s.PGSQL.${port}` : undefined

  const mode = query.get('sslmode') ?? (isNear(host) ? 'disable' : 'verify-full')
  if (!SSL_MODES.includes(mode)) throw new Error(`DATABASE_URL: sslmode must be one of ${SSL_MODES.join(', ')}`)
  const parameters = Object.fromEntries(SESSION_PARAMETERS.flatMap((name) => pick(query, name)))
  return {
    host,
    port,
    path,
    database: decodeURIComponent(url.pathname.slice(1)) || user,
    user,
    password: decodeURIComponent(url.password),
    tls: path === undefined ? await tlsOptions(mode, query.get('sslrootcert')) : false,
    parameters,
  }
}

async function tlsOptions(mode: string, rootCertificate: string | null): Promise<ConnectionTarget['tls']> {
  if (mode === 'disable') return false
  if (mode === 'allow' || mode === 'prefer') return 'prefer'
  if (mode === 'no-verify') return { rejectUnauthorized: false }
  const options: ConnectionOptions = { rejectUnauthorized: true }
  if (rootCertificate !== null && rootCertificate !== 'system')
    options.ca = await readFile(rootCertificate, 'utf8').catch((cause) => {
      throw new Error(`DATABASE_URL: sslrootcert ${rootCertificate} cannot be read`, { cause })
    })
  if (mode === 'verify-ca') options.checkServerIdentity = () => undefined
  return options
}

/** The own machine, a container's or a cluster's one-word name, or a private address (RFC 1918, RFC 4193). */
function isNear(host: string): boolean {
  if (host.startsWith('/')) return true
  if (isIP(host) === 4) return /^(127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/.test(host)
  if (isIP(host) === 6) return host === '::1' || /^f[cd]/i.test(host)
  return !host.includes('.') || host.endsWith('.localhost')
}

function pick(query: URLSearchParams, name: string): [string, string][] {
  const value = query.get(name)
  return value === null ? [] : [[name, value]]
}
