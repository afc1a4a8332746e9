import { Elysia } from 'elysia'
import type { Logger } from 'pino'
import { createAccounts } from './accounts/accounts.ts'
import { oauth } from './accounts/oauth/oauth.ts'
import type { AccountOptions } from './accounts/options.ts'
import { passwordPages } from './accounts/pages/password.ts'
import { accountRoutes } from './accounts/routes.ts'
import { createFreshCheck } from './accounts/sessions.ts'
import { SCOPES, scopeOf } from './auth/scope.ts'
import type { Tokens } from './auth/token.ts'
import type { Config } from './config.ts'
import type { Db } from './db/database.ts'
import { createTurns } from './db/turns.ts'
import { createWork } from './db/work.ts'
import { pathOf, settled } from './http/address.ts'
import { createCursors } from './http/cursor.ts'
import { healthRoutes } from './http/health.ts'
import { createOnce, createRepeat } from './http/idempotency.ts'
import { createLimits, limitStage } from './http/limits.ts'
import { createMethodTable, createRouteNames } from './http/methods.ts'
import type { Metrics } from './http/metrics.ts'
import { docs } from './http/openapi/routes.ts'
import { createOrigins } from './http/origins.ts'
import { problemBoundary } from './http/problems.ts'
import { protectedResourceRoutes, withResourceMetadata } from './http/protected-resource.ts'
import { queryStage } from './http/query.ts'
import { accessLog, corsStage, requestStage, type TraceFields, traceOf } from './http/request.ts'
import { rootRoutes } from './http/root.ts'
import type { Tracing } from './http/tracing.ts'
import { runListOperation } from './lists/operations.ts'
import { listRoutes } from './lists/routes.ts'
import { mcpRoutes } from './mcp/routes.ts'
import { eraseUser } from './resource/history.ts'
import type { Feed } from './sync/feed.ts'
import { syncRoutes } from './sync/routes.ts'
import { createListTasks } from './tasks/list.ts'
import { runTaskOperation } from './tasks/operations.ts'
import { taskRoutes } from './tasks/routes.ts'
import { trashRoutes } from './tasks/trash.ts'
import { transferRoutes } from './transfer/routes.ts'
import { webRoutes } from './web/routes.ts'

export interface Deps {
  config: Pick<Config, 'corsOrigins' | 'quotaBytes' | 'rateLimit' | 'trustedProxies' | 'web'>
  db: Db
  /** Whether all work queues for one connection, as on the embedded database: users take turns then. */
  oneConnection?: boolean
  /** The name of the collation by which orders and searches ignore case. */
  collation: string
  /** Signs cursors, and what accounts need signed; the same in every replica. */
  secret: string
  tokens: Tokens
  /** Who else gives out tokens, by its address: what programs are told that ask where to get one. */
  foreignIssuer?: string | undefined
  /** Undefined: users sign up elsewhere, and there is nothing below `/api/auth`. */
  accounts:
    | (Pick<AccountOptions, 'issuer' | 'audience' | 'post' | 'publicUrl'> & { previousSecrets?: readonly string[] })
    | undefined
  feed: Feed
  /** Is told when a task that this process has written reminds. Undefined: nobody sends reminders out. */
  remind?: ((at: string) => void) | undefined
  log: Logger
  /** Undefined without `ADMIN_PORT`. */
  metrics: Metrics | undefined
  /** Undefined where no traces are exported. */
  tracing?: Tracing | undefined
  /** Whether the service can answer; rejects when the database is away. */
  isReady(): Promise<boolean>
  /** Whether connections are to end with their next answer. */
  isStopping?(): boolean
}

export type App = ReturnType<typeof createApp>

/**
 * The composition root: every stage, in the order in which a request meets them. Does not
 * listen. `systemRouter` is off so that a socket and `app.handle` take one path.
 */
export function createApp({
  config,
  db,
  oneConnection = false,
  collation,
  secret,
  tokens,
  accounts,
  foreignIssuer,
  feed,
  remind,
  log,
  metrics,
  tracing,
  isReady,
  isStopping,
}: Deps) {
  const changed = (user: string, remindAt: string | undefined) => {
    feed.ring(user)
    if (remindAt !== undefined) remind?.(remindAt)
  }
  const work = createWork(db, { quota: config.quotaBytes, changed, turns: createTurns({ oneConnection }) })
  const once = createOnce(work)
  const listTasks = createListTasks(createCursors(secret), collation)
  const openAccounts = ({ previousSecrets = [], ...given }: NonNullable<typeof accounts>) =>
    createAccounts({
      ...given,
      secrets: [secret, ...previousSecrets],
      db,
      corsOrigins: config.corsOrigins,
      log,
      erase: (user) => work.write(user, eraseUser, { account: true }).then(() => tokens.end(user)),
    })
  const account = accounts && openAccounts(accounts)
  /** Nobody whom a program could ask gives out tokens otherwise. */
  const isProtected = account !== undefined || foreignIssuer !== undefined
  const challenged = isProtected ? withResourceMetadata : <Handle>(handle: Handle) => handle
  const limits = createLimits(config)
  const origins = createOrigins(config.corsOrigins)
  const gate = { tokens, limits, checkFresh: accounts && createFreshCheck(db) }
  const allowedMethods = createMethodTable(() => app.routes)
  const routeName = createRouteNames(() => app.routes)
  // Better Auth reads the queries of its own routes, and of the pages that it sends people to.
  const strictQueries = queryStage(
    () => app.routes,
    (route) => !/^\/(api\/auth|account)\//.test(route),
  )
  const traceFields: TraceFields = (request) => ({
    client: limits.addressOf(request, app.server),
    ...(tracing ? tracing.ids() : traceOf(request)),
  })
  const traced = (handle: (request: Request) => Promise<Response>) =>
    tracing
      ? (request: Request) => tracing.request(request, routeName(pathOf(request.url)), () => handle(request))
      : handle
  const countAnswer =
    ({ answered }: Metrics) =>
    (method: string, path: string, status: number, seconds: number) =>
      answered(method, routeName(path), status, seconds)
  // With `standardHostname`, Elysia searches for the path from the 11th character of an address on, which is
  // behind its beginning where the host has one to three letters.
  const app = new Elysia({
    name: 'doable',
    normalize: false,
    systemRouter: false,
    handler: { standardHostname: false },
  })
    .wrap((handle) => settled(traced(challenged(accessLog(log, metrics && countAnswer(metrics), traceFields)(handle)))))
    .use(
      problemBoundary(log, {
        allowedMethods,
        countUnrouted: limits.countUnrouted,
        refused: metrics?.refused,
        trace: traceFields,
      }),
    )
    .use(requestStage(allowedMethods, isStopping))
    .use(corsStage(origins, log))
    // After CORS, so that browsers can read the refusal.
    .use(limitStage(limits))
    .use(strictQueries)
    .use(docs(scopeOf))
    .use(config.web ? webRoutes() : rootRoutes())
    .use(healthRoutes(isReady))
    .use(account ? accountRoutes(account, limits) : new Elysia())
    .use(account ? oauth({ accounts: account, gate, db, log }) : new Elysia())
    .use(account ? passwordPages(account, limits) : new Elysia())
    .use(isProtected ? protectedResource(account !== undefined, foreignIssuer) : new Elysia())
    .use(taskRoutes(gate, work, once, listTasks))
    .use(listRoutes(gate, work, once))
    .use(trashRoutes(gate, work, once, listTasks))
    .use(transferRoutes(gate, work, once))
    .use(syncRoutes(gate, work, once, feed, { task: runTaskOperation, list: runListOperation }))
    .use(mcpRoutes(gate, { work, repeat: createRepeat(work), listTasks, log, origins, refused: metrics?.refused }))
  return app
}

function protectedResource(hasAccounts: boolean, foreignIssuer: string | undefined) {
  const foreign = foreignIssuer === undefined ? [] : [foreignIssuer]
  return protectedResourceRoutes({ scopes: SCOPES, serversOf: (own) => (hasAccounts ? [own, ...foreign] : foreign) })
}
