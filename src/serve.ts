import type { Logger } from 'pino'
import { version } from '../package.json'
import { OWN_ISSUER } from './accounts/accounts.ts'
import { createAccountIssuer } from './accounts/issuer.ts'
import { createApp } from './app.ts'
import { keptSecret, newSecret } from './auth/secret.ts'
import { createTokens, type TokenOptions, type Tokens } from './auth/token.ts'
import type { Config } from './config.ts'
import { findCollation } from './db/collation.ts'
import { isRefusal } from './db/errors.ts'
import { isMigrated, migrate } from './db/migrate.ts'
import { type Database, openDatabase, openForMigration, type Time } from './db/open.ts'
import { keptSetting } from './db/settings.ts'
import { tidy } from './housekeeping.ts'
import { startAdmin } from './http/admin.ts'
import type { Metrics } from './http/metrics.ts'
import type { Tracing } from './http/tracing.ts'
import { Problem } from './problem.ts'
import { createFeed, type Feed } from './sync/feed.ts'

/** How long a start waits for a database that is still starting itself. */
const START_WAIT_MS = 10_000

/** How long a stop waits for requests that are still running. */
const DRAIN_MS = 10_000

/** How often it looks whether they still do. */
const LOOK_MS = 50

/** How long a worker goes on listening while its connections end with their next answer. */
const HANDOVER_MS = 500

/** How often the trash is looked through, in milliseconds. */
const PURGE_MS = 60 * 60_000

/** Larger bodies are refused by the routes, with a problem document; this only bounds what a socket may send. */
const MAX_SOCKET_BODY = 2 ** 31

export interface Service {
  /** `http://host:port` with the port that was really bound. */
  readonly url: string
  /** `embedded PostgreSQL in …` or `PostgreSQL at …`. */
  readonly database: string
  /** Undefined where nobody looks at them. */
  readonly metrics: Metrics | undefined
  /** Unready at once, no new connections, what is running finishes, the database closes. Safe to call twice. */
  stop(): Promise<void>
}

/**
 * Everything `doable serve` does: database, migrations, tokens, app, socket.
 *
 * @param isWorker one of several on one port, whose parent shows their metrics.
 * @throws Error with a sentence for the operator when the database cannot be used or the
 * port is taken. Nothing is left open then.
 */
export async function startService(config: Config, log: Logger, { isWorker = false } = {}): Promise<Service> {
  const metrics = config.adminPort === undefined ? undefined : await openMetrics(config.pool, () => streams?.size ?? 0)
  let streams: Feed | undefined
  const tracing = config.tracing && (await openTracing(config.tracing, log))
  const database = await openDatabase(config, watching(metrics, tracing), log)
  let admin: ReturnType<typeof startAdmin> | undefined
  try {
    await prepareDatabase(config, database)
    const tokenSecret = await currentSecret(config)
    const secret = tokenSecret ?? (await keptSetting(database.db, 'secret', newSecret))
    const own = { issuer: config.issuer ?? OWN_ISSUER, audience: config.audience ?? OWN_ISSUER }
    const tokens = await openTokens(
      config,
      tokenSecret,
      config.accounts ? createAccountIssuer(database.db, [secret, ...config.previousSecrets], own) : undefined,
    )
    const feed = createFeed(database.db, log)
    streams = feed
    let stopping: Promise<void> | undefined
    let leaving = false
    const isReady = async () => stopping === undefined && (await isMigrated(database.db))
    const app = createApp({
      config,
      db: database.db,
      oneConnection: database.oneConnection,
      collation: await findCollation(database.db),
      secret,
      tokens,
      accounts: config.accounts ? { ...own, previousSecrets: config.previousSecrets } : undefined,
      feed,
      log,
      metrics,
      tracing,
      isReady,
      isStopping: () => leaving,
    })
    // Before the service's own port: where this one is taken, nobody has been let in yet. The parent listens for all
    // its workers.
    if (metrics && config.adminPort !== undefined && !isWorker)
      admin = startAdmin(config.host, config.adminPort, { isReady, metrics: metrics.print })
    app.listen({
      hostname: config.host,
      port: config.port,
      reusePort: isWorker,
      maxRequestBodySize: MAX_SOCKET_BODY,
    })
    const { server } = app
    if (!server) throw new Error('the server did not start')
    const purging = startPurging(database, config.trashDays, feed, log)
    return {
      url: `http://${server.hostname?.includes(':') ? `[${server.hostname}]` : server.hostname}:${server.port}`,
      database: database.label,
      metrics,
      stop() {
        clearInterval(purging)
        // Streams would never end by themselves.
        feed.close()
        leaving = true
        // Others listen on the same port: connections that stay open are handed to them first.
        stopping ??= (isWorker ? Bun.sleep(HANDOVER_MS) : Promise.resolve())
          .then(() => drain(server))
          .then(() => database.close())
          .then(() => tracing?.close())
          .then(() => admin?.stop())
        return stopping
      },
    }
  } catch (error) {
    admin?.stop()
    await database.close()
    await tracing?.close()
    throw error
  }
}

/** Token checks as configured, under this secret and the previous ones, and by the accounts inside. */
export async function openTokens(
  config: Config,
  secret: string | undefined,
  own?: TokenOptions['own'],
): Promise<Tokens> {
  const secrets = secret === undefined ? [] : [secret, ...config.previousSecrets]
  return createTokens({ ...config, secrets, ...(own && { own }) })
}

/**
 * The secret of HS256 tokens and accounts: the configured one, or the one that is kept with the
 * embedded database. Undefined where a key set issues all tokens.
 */
export async function currentSecret(config: Config): Promise<string | undefined> {
  return config.secret ?? (config.databaseUrl === undefined ? keptSecret(config.dataDir) : undefined)
}

/**
 * Applies missing migrations, waiting for a database that is not there yet.
 *
 * @throws Error when it stays away, or answers that it will not have us.
 */
export async function prepareDatabase(config: Config, database: Database): Promise<void> {
  const giveUp = Date.now() + START_WAIT_MS
  for (;;) {
    try {
      if (await isMigrated(database.db)) return
      const long = await openForMigration(config, database)
      try {
        await migrate(long.db)
      } finally {
        if (long !== database) await long.close()
      }
      return
    } catch (error) {
      const away = findAway(error)
      if (!away || isRefusal(away.cause))
        throw new Error(`${database.label} cannot be used: ${reason(error)}`, { cause: error })
      if (Date.now() > giveUp)
        throw new Error(`${database.label} cannot be reached: ${reason(away.cause)}`, { cause: error })
      await Bun.sleep(250)
    }
  }
}

/** Replicas need not take turns: whoever comes second finds nothing left to do. */
function startPurging(database: Database, days: number, feed: Feed, log: Logger) {
  return setInterval(() => {
    tidy(database.db, days, feed.ring)
      .then((purged) => purged > 0 && log.info({ purged }, 'emptied the trash'))
      .catch((error: unknown) => log.warn({ cause: reason(error) }, 'emptying the trash failed'))
  }, PURGE_MS)
}

/** Loaded only where it is asked for, like a driver: a start would pay for it. */
async function openMetrics(pool: number, streams: () => number): Promise<Metrics> {
  const { createMetrics } = await import('./http/metrics.ts')
  return createMetrics(version, pool, streams)
}

async function openTracing(options: NonNullable<Config['tracing']>, log: Logger): Promise<Tracing> {
  const { createTracing } = await import('./http/tracing.ts')
  return createTracing(options, version, log)
}

/** Whoever looks on while the database works; nobody, where nothing is asked for. */
function watching(metrics: Metrics | undefined, tracing: Tracing | undefined): Time | undefined {
  if (metrics === undefined || tracing === undefined) return (metrics ?? tracing)?.statement
  return (work) => metrics.statement(tracing.statement(work))
}

/**
 * Takes no new connections, and cuts those that are left once every answer has been sent. Left
 * are those that still send a body which was refused unread: to cut them with the answer
 * would reset them, and clients would lose it while they send (RFC 9112, 9.6).
 */
async function drain(server: Bun.Server<unknown>): Promise<void> {
  let ended = false
  void server.stop().then(() => {
    ended = true
  })
  for (let waited = 0; !ended && waited < DRAIN_MS; waited += LOOK_MS) {
    await Bun.sleep(LOOK_MS)
    if (server.pendingRequests === 0) break
  }
  if (!ended) await server.stop(true)
}

function findAway(error: unknown): Problem | undefined {
  for (let at = error; at instanceof Error; at = at.cause)
    if (at instanceof Problem && at.code === 'database-unavailable') return at
  return undefined
}

/** The innermost message: outer ones quote statements. */
function reason(error: unknown): string {
  let at = error
  while (at instanceof Error && at.cause instanceof Error) at = at.cause
  return at instanceof Error ? at.message || at.name : String(at)
}
