import type { Logger } from 'pino'
import { version } from '../../package.json'
import { type Config, readConfig } from '../config.ts'
import { openDatabase } from '../db/open.ts'
import { startAdmin } from '../http/admin.ts'
import { createLog } from '../log.ts'
import { startService } from '../serve.ts'
import { prepareDatabase } from '../service/prepare.ts'
import { type Running, runUntilEnded } from './ending.ts'
import { type Host, print, readArgs } from './host.ts'

/** Answers requests until a signal ends it. */
export async function serve(args: string[], host: Host): Promise<number> {
  readArgs(args, 0)
  const config = readConfig(host.env)
  const log = createLog(config.logLevel)
  return await runUntilEnded(host, log, { delayMs: config.shutdownDelayMs }, (abort) =>
    config.workers > 1 ? serveByWorkers(config, log, host, abort) : serveAlone(config, log, host),
  )
}

async function serveAlone(config: Config, log: Logger, host: Host): Promise<Running> {
  const service = await startService(config, log)
  const { url, database } = service
  log.info({ url, page: `${url}/swagger`, database }, 'started')
  if (config.databaseUrl === undefined && config.logLevel !== 'silent')
    await print(host.stderr, welcome(url, database, config))
  return service
}

/** The parent of `WORKERS`: it answers no request itself, so that no request can make it fail. */
async function serveByWorkers(config: Config, log: Logger, host: Host, abort: AbortSignal): Promise<Running> {
  const self = Bun.isStandaloneExecutable ? [process.execPath] : [process.execPath, Bun.main]
  // Migrated once: workers that all try wait for each other.
  const database = await openDatabase(config)
  await prepareDatabase(config, database).finally(() => database.close())
  const { startWorkers } = await import('../workers/supervisor.ts')
  const workers = await startWorkers({ count: config.workers, command: [...self, 'worker'], log, abort })
  const admin =
    config.adminPort === undefined
      ? undefined
      : await openOr(() => startAdmin(config.host, config.adminPort ?? 0, workers), workers.stop)
  host.on('SIGHUP', () => void workers.restart())
  const { url } = workers
  log.info({ url, page: `${url}/swagger`, database: workers.database, workers: config.workers }, 'started')
  return { leave: workers.leave, stop: () => workers.stop().finally(() => admin?.stop()) }
}

/** Opens something, or undoes what was opened before it. */
async function openOr<T>(open: () => T, undo: () => Promise<void>): Promise<T> {
  try {
    return open()
  } catch (error) {
    await undo()
    throw error
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
    ...(config.web ? [`  Open      ${url}`] : []),
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
