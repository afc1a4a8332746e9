import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../../src/config.ts'
import { createLog } from '../../src/log.ts'
import { startService } from '../../src/serve.ts'
import { boot } from '../kit/boot.ts'
import { type Authority, createAuthority } from '../kit/certificates.ts'
import { newDatabase, openSession, type PostgresServer, startPostgresServer } from '../kit/postgres-server.ts'
import { SECRET } from '../kit/tokens.ts'

setDefaultTimeout(120_000)

let folder: string
let secure: PostgresServer
let plain: PostgresServer
let onlyByName: PostgresServer
/** Paths of the authority that signed the servers' certificates, and of another one. */
let ours: string
let strangers: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doable-tls-'))
  const authority = await createAuthority('Test authority')
  ours = join(folder, 'ours.pem')
  strangers = join(folder, 'strangers.pem')
  await Bun.write(ours, authority.certificate)
  await Bun.write(strangers, (await createAuthority('Stranger')).certificate)
  secure = await startWithTls(authority, { dns: ['localhost'], ip: ['127.0.0.1'] })
  onlyByName = await startWithTls(authority, { dns: ['database.test'] })
  plain = await startPostgresServer()
})

afterAll(async () => {
  for (const server of [secure, onlyByName, plain]) await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

async function startWithTls(authority: Authority, names: { dns?: string[]; ip?: string[] }) {
  const { certificate, key } = await authority.issue(names)
  return startPostgresServer({
    settings: ["ssl = 'on'", "ssl_cert_file = 'server.crt'", "ssl_key_file = 'server.key'"],
    files: { 'server.crt': certificate, 'server.key': key },
  })
}

async function address(server: PostgresServer, query: string, host = '127.0.0.1'): Promise<string> {
  const url = new URL(await newDatabase(server))
  url.hostname = host
  return `${url.href}?${query}`
}

const server = { secure: () => secure, onlyByName: () => onlyByName, plain: () => plain }
const ca = { ours: () => ours, strangers: () => strangers }

const accepted: [string, keyof typeof server, string, keyof typeof ca | undefined, boolean, string?][] = [
  ['require, by the authority it is told', 'secure', 'require', 'ours', true],
  ['verify-full by IP address', 'secure', 'verify-full', 'ours', true],
  ['verify-full by name', 'secure', 'verify-full', 'ours', true, 'localhost'],
  ['verify-ca lets the name pass', 'onlyByName', 'verify-ca', 'ours', true],
  ['no-verify takes any certificate', 'secure', 'no-verify', undefined, true],
  ['prefer takes TLS where there is some', 'secure', 'prefer', undefined, true],
  ['prefer goes without where there is none', 'plain', 'prefer', undefined, false],
  ['disable goes without', 'secure', 'disable', undefined, false],
]

for (const [name, kind, mode, authority, encrypted, host] of accepted)
  test(`sslmode ${name}`, async () => {
    const root = authority ? `&sslrootcert=${encodeURIComponent(ca[authority]())}` : ''
    const url = await address(server[kind](), `sslmode=${mode}${root}`, host)
    const target = await boot('postgres', { DATABASE_URL: url })
    const made = await target.request('alice', 'POST', '/api/alice/tasks', { title: 'over the wire' })
    expect(made.status).toBe(201)
    // Many at once, so that the pool opens all its connections.
    const all = await Promise.all(Array.from({ length: 20 }, () => target.request('alice', 'GET', '/api/alice/tasks')))
    expect(all.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
    const admin = openSession(server[kind]().url())
    const rows = await admin`select ssl from pg_stat_ssl join pg_stat_activity using (pid)
      where application_name = 'doable' and datname = ${new URL(url).pathname.slice(1)}`
    await admin.end()
    expect(new Set(rows.map((row) => row['ssl']))).toEqual(new Set([encrypted]))
    await target.stop()
  })

const refused: [string, keyof typeof server, string, keyof typeof ca | undefined, RegExp][] = [
  ["a stranger's certificate", 'secure', 'require', 'strangers', /certificate .*not accepted/],
  ["a stranger's certificate", 'secure', 'verify-full', 'strangers', /certificate .*not accepted/],
  ["a stranger's certificate", 'secure', 'verify-ca', 'strangers', /certificate .*not accepted/],
  ['an authority that nobody knows', 'secure', 'require', undefined, /certificate .*not accepted.*sslrootcert/],
  ["another host's certificate", 'onlyByName', 'verify-full', 'ours', /certificate is for another host/],
  ["another host's certificate", 'onlyByName', 'require', 'ours', /certificate is for another host/],
  ['a server without TLS', 'plain', 'require', 'ours', /does not offer TLS.*sslmode=disable/],
]

for (const [name, kind, mode, authority, message] of refused)
  test(`sslmode=${mode} refuses ${name}, at once and in words`, async () => {
    const root = authority ? `&sslrootcert=${encodeURIComponent(ca[authority]())}` : ''
    const config = readConfig({
      DATABASE_URL: await address(server[kind](), `sslmode=${mode}${root}`),
      BETTER_AUTH_SECRET: SECRET,
      PORT: '0',
    })
    const start = performance.now()
    await expect(startService(config, createLog('silent'))).rejects.toThrow(message)
    // Far less than the 10 s for which a missing database is waited for.
    expect(performance.now() - start).toBeLessThan(5000)
  })
