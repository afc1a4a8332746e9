import type { Logger } from 'pino'
import { version } from '../package.json'
import { OWN_ISSUER } from './accounts/accounts.ts'
import { createAccountIssuer } from './accounts/issuer.ts'
import { createMailer } from './accounts/mail/mailer.ts'
import { createPost } from './accounts/mail/post.ts'
import { createResetLink } from './accounts/password.ts'
import { createApp } from './app.ts'
import { keptSecret, newSecret } from './auth/secret.ts'
import { createTokens, type TokenOptions, type Tokens } from './auth/token.ts'
import type { Config } from './config.ts'
import { findCollation } from './db/collation.ts'
import type { Db } from './db/database.ts'
import { isMigrated } from './db/migrate.ts'
import { openDatabase } from './db/open.ts'
import { keptSetting } from './db/settings.ts'
import { startAdmin } from './http/admin.ts'
import type { Metrics } from './http/metrics.ts'
import { Activity } from './service/activity.ts'
import { startControl } from './service/control.ts'
import { drain, withinBound } from './service/drain.ts'
import { tidy } from './service/housekeeping.ts'
import { openObservers } from './service/observers.ts'
import { prepareDatabase, reasonOf } from './service/prepare.ts'
import { createPurging } from './service/purging.ts'
import { Readiness } from './service/readiness.ts'
import { createReminding } from './service/reminding.ts'
import { createFeed, type Feed } from './sync/feed.ts'
import { remindDue } from './tasks/remind.ts'

/** How long a worker goes on listening while its connections end with their next answer, in milliseconds. */
const HANDOVER_MS = 500

/** How long a stop waits for the database, in milliseconds: above the bound of its own `close`. */
const CLOSE_MS = 6000

/** Larger bodies are refused by the routes, with a problem document; this only bounds what a socket may send. */
const MAX_SOCKET_BODY = 2 ** 31

export interface Service {
  /** `http://host:port` with the port that was really bound. */
  readonly url: string
  /** `embedded PostgreSQL in …` or `PostgreSQL at …`. */
  readonly database: string
  /** Undefined where nobody looks at them. */
  readonly metrics: Metrics | undefined
  /** Rejects, or resolves false, while the service cannot answer. */
  isReady(): Promise<boolean>
  /** Readiness says 503 from now on, and connections end with their next answer. Requests are still served. */
  leave(): void
  /**
   * No new connections, what is running finishes, the database closes: within 23.5 s whatever does
   * not finish (a worker's handover 0.5 s, requests 11 s, mails 3 s, the database 6 s, traces 3 s). Safe to call twice.
   */
  stop(): Promise<void>
}

/**
 * Everything `doable serve` does: database, migrations, tokens, app, socket.
 *
 * @param isWorker one of several on one port, whose parent shows their metrics.
 * @throws Error with a sentence for the operator when the database cannot be used or a port is
 * taken. What was opened before is closed again then.
 */
export async function startService(config: Config, log: Logger, { isWorker = false } = {}): Promise<Service> {
  await using opened = new AsyncDisposableStack()
  const activity = new Activity()
  // Metrics are there before the database, whose statements they time.
  let readiness: Readiness | undefined
  let feed: Feed | undefined
  let admin: ReturnType<typeof startAdmin> | undefined
  // Closed last, so that the operator's port tells that the service is not ready.
  opened.defer(() => admin?.stop())
  const { metrics, tracing, time } = await openObservers(config, log, activity, {
    version,
    streams: () => feed?.size ?? 0,
    isReady: async () => (await readiness?.asKnown()) ?? false,
    isWorker,
  })
  opened.defer(() => tracing?.close())
  const database = await openDatabase(config, time, log)
  const { db, oneConnection, label } = database
  opened.defer(() => withinBound(database.close(), CLOSE_MS))
  await prepareDatabase(config, database)

  const tokenSecret = await currentSecret(config)
  const secret = tokenSecret ?? (await keptSetting(db, 'secret', newSecret))
  const own = { issuer: config.issuer ?? OWN_ISSUER, audience: config.audience ?? OWN_ISSUER }
  const accounts = config.accounts ? createAccountIssuer(db, [secret, ...config.previousSecrets], own) : undefined
  const ready = new Readiness(activity, () => isMigrated(db))
  readiness = ready
  const isReady = () => ready.ask()
  const reminding = createReminding({
    remind: () => activity.aside(() => remindDue(db, (user) => bells.ring(user))),
    isUsed: () => activity.isRecent(),
    failed: (error) => log.warn({ cause: reasonOf(error) }, 'sending reminders out failed'),
  })
  const bells = createFeed(db, log, reminding.look)
  feed = bells
  let isClosing = false
  const mailer = config.accounts && config.mail ? createMailer(config.mail, log) : undefined
  opened.defer(() => mailer?.close())
  const publicUrl = () => config.publicUrl ?? urlOf(server, true)
  const app = createApp({
    config,
    db,
    oneConnection,
    collation: await findCollation(db),
    secret,
    tokens: await openTokens(config, tokenSecret, accounts),
    accounts: config.accounts
      ? {
          ...own,
          previousSecrets: config.previousSecrets,
          publicUrl,
          ...(mailer && { post: createPost(mailer, publicUrl) }),
        }
      : undefined,
    foreignIssuer: config.jwks.issuers.find((issuer) => URL.canParse(issuer)),
    feed: bells,
    remind: reminding.wake,
    log,
    metrics,
    tracing,
    isReady,
    isStopping: () => isClosing,
  })
  // Before the service's own port: where this one is taken, nobody has been let in yet. The parent
  // listens for all its workers.
  if (metrics && config.adminPort !== undefined && !isWorker)
    admin = startAdmin(config.host, config.adminPort, { isReady, metrics: metrics.print })
  app.listen({ hostname: config.host, port: config.port, reusePort: isWorker, maxRequestBodySize: MAX_SOCKET_BODY })
  const { server } = app
  if (!server) throw new Error('the server did not start')
  if (mailer && config.publicUrl === undefined)
    log.warn({ url: publicUrl() }, 'links in mails lead here: set PUBLIC_URL where browsers reach Doable elsewhere')

  if (config.accounts && config.databaseUrl === undefined) {
    const control = await startControl(config.dataDir, (email) => createResetLink(db, log, publicUrl(), email), log)
    opened.defer(control.stop)
  }
  const purging = createPurging({ activity, purge: () => purge(db, config.trashDays, bells, log) })
  const endPurging = purging.start()
  const endReminding = reminding.start()
  let stopped: Promise<void> | undefined
  async function stop(): Promise<void> {
    endPurging()
    const reminded = endReminding()
    // Streams would never end by themselves.
    bells.close()
    isClosing = true
    // Others listen on the same port: connections that stay open are handed to them first.
    if (isWorker) await Bun.sleep(HANDOVER_MS)
    else ready.leave()
    if (server) await drain(server)
    await withinBound(reminded, CLOSE_MS)
    await resources.disposeAsync()
  }
  const resources = opened.move()
  return {
    url: urlOf(server),
    database: label,
    metrics,
    isReady,
    leave() {
      ready.leave()
      isClosing = true
    },
    stop() {
      stopped ??= stop()
      return stopped
    },
  }
}

/** Where a server listens. @param isLink whether the address is to lead somewhere: `0.0.0.0` leads nowhere. */
function urlOf(server: { hostname?: string | undefined; port?: number | undefined } | null, isLink = false): string {
  const { hostname = '', port } = server ?? {}
  const name = isLink && ['0.0.0.0', '::'].includes(hostname) ? 'localhost' : hostname
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`
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

async function purge(db: Db, days: number, feed: Feed, log: Logger): Promise<void> {
  try {
    const purged = await tidy(db, days, feed.ring)
    if (purged > 0) log.info({ purged }, 'emptied the trash')
  } catch (error) {
    log.warn({ cause: reasonOf(error) }, 'emptying the trash failed')
  }
}
