import { parseArgs } from 'node:util'
import type { Logger } from 'pino'
import { version } from '../package.json'
import { type Config, ConfigError, readConfig } from './config.ts'
import { type Database, openDatabase } from './db/open.ts'
import { tidy } from './housekeeping.ts'
import { startAdmin } from './http/admin.ts'
import { createLog } from './log.ts'
import { currentSecret, openTokens, prepareDatabase, type Service, startService } from './serve.ts'
import type { FromWorker, ToWorker, Workers } from './workers.ts'

const USAGE = `Doable ${version}: a multi-user to-do API

Usage: doable [command] [options]

Commands
  serve                      answer requests (the default)
  migrate                    bring the database to this version, and end
  purge                      empty what has been in the trash for TRASH_DAYS, and end
  token <user_id> [--ttl 1h] print a token that speaks for a user (ttl: 90s, 15m, 12h, 30d)
  healthcheck                ask a running service whether it is alive; exit 0 or 1
  openapi                    print the OpenAPI 3.1 document

Options
  --help     print this
  --version  print the version

All settings come from the environment: see .env.example or the README.
`

/** A wrong command line: printed with the usage, exit status 2. */
class UsageError extends Error {}

const commands: Record<string, (args: string[], env: Record<string, string | undefined>) => Promise<void>> = {
  serve,
  // One of several processes that serve on one port: started by `serve`, and by nobody else.
  worker,
  migrate,
  purge,
  token,
  healthcheck,
  openapi,
}

async function serve(args: string[], env: Record<string, string | undefined>): Promise<void> {
  readArgs(args, 0)
  const config = readConfig(env)
  const log = createLog(config.logLevel)
  let service: Pick<Service, 'stop'> | undefined
  endBySignal(log, () => service?.stop())
  if (config.workers > 1) {
    service = await serveByWorkers(config, log)
    return
  }
  const started = await startService(config, log)
  service = started
  log.info({ url: started.url, page: `${started.url}/swagger`, database: started.database }, 'started')
  if (config.databaseUrl === undefined && config.logLevel !== 'silent')
    process.stderr.write(welcome(started.url, started.database, config))
}

/** The parent: it answers no request itself, and so has nothing that could fail. */
async function serveByWorkers(config: Config, log: Logger): Promise<Pick<Service, 'stop'>> {
  const self = Bun.isStandaloneExecutable ? [process.execPath] : [process.execPath, Bun.main]
  // Migrated once, rather than by all of them waiting for each other.
  const database = await openDatabase(config)
  await prepareDatabase(config, database).finally(() => database.close())
  const { startWorkers } = await import('./workers.ts')
  const workers: Workers = await startWorkers(config.workers, [...self, 'worker'], log)
  process.on('SIGHUP', () => void workers.restart())
  const admin = config.adminPort === undefined ? undefined : startAdmin(config.host, config.adminPort, workers)
  const { url } = workers
  log.info({ url, page: `${url}/swagger`, database: workers.database, workers: config.workers }, 'started')
  return { stop: () => workers.stop().then(() => admin?.stop()) }
}

async function worker(args: string[], env: Record<string, string | undefined>): Promise<void> {
  readArgs(args, 0)
  const config = readConfig(env)
  const log = createLog(config.logLevel)
  const tell = (message: FromWorker) => process.send?.(message)
  let service: Service | undefined
  endBySignal(log, () => service?.stop())
  // For the parent alone: a terminal sends it to the whole group.
  process.on('SIGHUP', () => {})
  // A worker without its parent would be nobody's to stop.
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  service = await startService(config, log, { isWorker: true })
  const { metrics, url, database } = service
  process.on('message', (message: ToWorker) => {
    if (message === 'metrics') void metrics?.values().then((values) => tell({ metrics: values }))
  })
  tell({ ready: { url, database } })
}

/**
 * Ends the process when a signal asks for it, and when something has failed that nobody
 * expected: half a process that is alive helps nobody, a new one does.
 */
function endBySignal(log: Logger, stop: () => Promise<unknown> | undefined): void {
  const end = async (status: number) => {
    try {
      await stop()
      log.info('stopped')
      process.exit(status)
    } catch (error) {
      log.error({ cause: error instanceof Error ? error.message : String(error) }, 'stopped badly')
      process.exit(1)
    }
  }
  // Before the start: as a container's first process, without a handler, it could not be stopped
  // meanwhile. A start may be left at any point, what it does to a database is all or nothing.
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      log.info({ signal }, 'stopping')
      void end(0)
    })
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(event, (error: unknown) => {
      // Messages of databases and parsers can hold what a user wrote: the place is enough.
      const { name, stack = '' } = error instanceof Error ? error : new Error()
      const frames = stack.split('\n').filter((line) => /^\s+at /.test(line))
      log.fatal({ event, cause: { name, stack: frames.map((line) => line.trim()) } }, 'ending after a failure')
      void end(1)
    })
}

async function migrate(args: string[], env: Record<string, string | undefined>): Promise<void> {
  readArgs(args, 0)
  const database = await withDatabase(readConfig(env), async ({ label }) => label)
  process.stdout.write(`${database} is up to date.\n`)
}

async function purge(args: string[], env: Record<string, string | undefined>): Promise<void> {
  readArgs(args, 0)
  const config = readConfig(env)
  const purged = await withDatabase(config, ({ db }) => tidy(db, config.trashDays))
  process.stdout.write(`${purged} tasks were deleted for good.\n`)
}

/** Work on the database once it is up to date. */
async function withDatabase<T>(config: Config, work: (database: Database) => Promise<T>): Promise<T> {
  const database = await openDatabase(config)
  try {
    await prepareDatabase(config, database)
    return await work(database)
  } finally {
    await database.close()
  }
}

async function token(args: string[], env: Record<string, string | undefined>): Promise<void> {
  const { positionals, values } = readArgs(args, 1, { ttl: { type: 'string', default: '1h' } })
  const [userId = ''] = positionals
  if (userId === '' || userId.length > 255) throw new UsageError('token needs a user id of 1 to 255 characters')
  const [, amount, unit = ''] = /^(\d{1,9})([smhd])$/.exec(String(values['ttl'])) ?? []
  const seconds = Number(amount) * ({ s: 1, m: 60, h: 3600, d: 86_400 }[unit] ?? Number.NaN)
  if (!(seconds > 0)) throw new UsageError('--ttl takes a number and a unit, such as 90s, 15m, 12h or 30d')
  const config = readConfig(env)
  const tokens = await openTokens(config, await currentSecret(config))
  process.stdout.write(`${await tokens.sign(userId, seconds)}\n`)
}

async function healthcheck(args: string[], env: Record<string, string | undefined>): Promise<void> {
  readArgs(args, 0)
  const { host, port } = readConfig(env)
  const address = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host
  const response = await fetch(`http://${address}:${port}/health`, { signal: AbortSignal.timeout(3000) })
  if (!response.ok) throw new Error(`the service answered ${response.status}`)
}

async function openapi(args: string[]): Promise<void> {
  readArgs(args, 0)
  // Loads what no other command needs of both drivers.
  const { describeApi } = await import('./describe.ts')
  process.stdout.write(`${JSON.stringify(await describeApi(), null, 2)}\n`)
}

function readArgs(args: string[], count: number, options: Record<string, { type: 'string'; default: string }> = {}) {
  try {
    const parsed = parseArgs({ args, options, allowPositionals: true, strict: true })
    if (parsed.positionals.length > count) throw new UsageError(`unexpected argument: ${parsed.positionals[count]}`)
    return parsed
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function welcome(url: string, database: string, config: Config): string {
  // A compiled program needs no runner before the command.
  const self = Bun.isStandaloneExecutable ? quote(process.execPath) : 'npx -y bun@1.4.5 src/main.ts'
  const issuers = [
    'HS256 under the secret (BETTER_AUTH_SECRET, or the one kept in DATA_DIR)',
    ...(config.accounts ? ['EdDSA for those who sign up here (ACCOUNTS)'] : []),
    ...(config.jwksUrl ? [`EdDSA, ES256 and RS256 by ${config.jwksUrl}`] : []),
  ]
  return [
    '',
    `  Doable ${version} listens at ${url}`,
    `  Page      ${url}/swagger`,
    `  Database  ${database}`,
    ...issuers.map((issuer, i) => `  ${i === 0 ? 'Tokens   ' : '         '} ${issuer}`),
    `  Try it    ${self} token alice`,
    '',
    '',
  ].join('\n')
}

/** One word of a POSIX shell (2.2.2). */
function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`
}

async function main(argv: string[], env: Record<string, string | undefined>): Promise<number> {
  const [first = 'serve', ...rest] = argv
  try {
    if (argv.includes('--help') || argv.includes('-h')) process.stdout.write(USAGE)
    else if (argv.includes('--version')) process.stdout.write(`${version}\n`)
    else {
      const name = first.startsWith('-') ? 'serve' : first
      const command = Object.hasOwn(commands, name) ? commands[name] : undefined
      if (!command) throw new UsageError(`unknown command: ${name}`)
      await command(first.startsWith('-') ? argv : rest, env)
    }
    return 0
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n\n${USAGE}`)
      return 2
    }
    const text = error instanceof Error ? error.message : String(error)
    process.stderr.write(error instanceof ConfigError ? `${text}\n` : `doable: ${text}\n`)
    return 1
  }
}

const status = await main(process.argv.slice(2), process.env)
// A service goes on until a signal ends it; everything else is over here.
if (status !== 0) process.exit(status)
