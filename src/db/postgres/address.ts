import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { type ConnectionOptions, checkServerIdentity } from 'node:tls'

export interface ConnectionTarget {
  host: string
  port: number
  /** Path of a Unix socket, if the address names one. */
  path: string | undefined
  database: string
  user: string
  password: string
  /** `false` is plain text, `prefer` is TLS where the server has it; an object goes to `tls.connect`. */
  tls: false | 'prefer' | ConnectionOptions
  /** Start-up parameters of the session. */
  parameters: Record<string, string>
}

/** Parameters that the server takes. For any other (`channel_binding`, `pgbouncer`, `schema` …) it ends the session. */
const SESSION_PARAMETERS = ['application_name', 'options', 'search_path', 'statement_timeout', 'lock_timeout']

const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify']

/**
 * Reads a `postgres://` address as libpq does (PostgreSQL manual, 32.1.1.2), with one
 * difference: a certificate is verified unless `sslmode=no-verify` says not to. Without
 * `sslmode`, TLS is used for every host outside this machine and the private network.
 *
 * @throws Error naming what is wrong; the password is never part of it.
 */
export async function readDatabaseUrl(text: string): Promise<ConnectionTarget> {
  // libpq takes an address without a host (`postgres://user@/database?host=/run/postgresql`), the URL standard does not.
  const url = URL.parse(text.replace(/^(\w+:\/\/[^/?#]*@)\//, '$1host-in-query.invalid/'))
  if (!url || !/^postgres(ql)?:$/.test(url.protocol))
    throw new Error(
      'DATABASE_URL must look like postgres://user:password@host:5432/database, with every character ' +
        'of @ : / ? # % [ ] in the user or the password percent-encoded',
    )
  const query = url.searchParams
  const named = url.hostname === 'host-in-query.invalid' ? '' : decode(url.hostname, 'host').replace(/^\[|\]$/g, '')
  const host = query.get('host') ?? named
  if (host === '' || host.includes(',')) throw new Error('DATABASE_URL must name one host')
  const port = Number(query.get('port') ?? (url.port || 5432))
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new Error('DATABASE_URL: the port must be a number from 1 to 65535')
  const user = decode(url.username, 'user') || (query.get('user') ?? '')
  if (user === '') throw new Error('DATABASE_URL must name a user')
  const path = host.startsWith('/') ? `${host}/.s.PGSQL.${port}` : undefined

  const mode = query.get('sslmode') ?? impliedMode(query.get('ssl'), host)
  if (!SSL_MODES.includes(mode)) throw new Error(`DATABASE_URL: sslmode must be one of ${SSL_MODES.join(', ')}`)
  return {
    host,
    port,
    path,
    database: decode(url.pathname.slice(1), 'database') || user,
    user,
    password: decode(url.password, 'password') || (query.get('password') ?? ''),
    tls: path === undefined ? await tlsOptions(mode, host, query.get('sslrootcert')) : false,
    parameters: Object.fromEntries([...query].filter(([name]) => SESSION_PARAMETERS.includes(name))),
  }
}

/** `ssl=true` is what other drivers write for `sslmode=require`. */
function impliedMode(ssl: string | null, host: string): string {
  if (ssl === 'true') return 'require'
  return isNear(host) ? 'disable' : 'verify-full'
}

async function tlsOptions(
  mode: string,
  host: string,
  rootCertificate: string | null,
): Promise<ConnectionTarget['tls']> {
  if (mode === 'disable') return false
  if (mode === 'allow' || mode === 'prefer') return 'prefer'
  const options: ConnectionOptions = isIP(host) === 0 ? { servername: host } : {}
  if (mode === 'no-verify') return { ...options, rejectUnauthorized: false }
  options.rejectUnauthorized = true
  if (rootCertificate !== null && rootCertificate !== 'system')
    options.ca = await readFile(rootCertificate, 'utf8').catch((cause) => {
      throw new Error(`DATABASE_URL: sslrootcert ${rootCertificate} cannot be read`, { cause })
    })
  // Compared with the configured host, which may be an IP address: a TLS server name cannot be one.
  options.checkServerIdentity =
    mode === 'verify-ca' ? () => undefined : (_, certificate) => checkServerIdentity(host, certificate)
  return options
}

/**
 * Whether the host is this machine, has a name of a container or a cluster (one word, or below a name
 * that is never public: RFC 6761, RFC 6762), or a private address (RFC 1918, RFC 4193).
 */
function isNear(host: string): boolean {
  if (host.startsWith('/')) return true
  if (isIP(host) === 4) return /^(127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/.test(host)
  if (isIP(host) === 6) return host === '::1' || /^f[cd]/i.test(host)
  return !host.includes('.') || /\.(localhost|local|internal)$/i.test(host)
}

function decode(part: string, name: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new Error(`DATABASE_URL: the ${name} holds a % that is not followed by two hexadecimal digits; write %25`)
  }
}
