import { Elysia } from 'elysia'
import type { Logger } from 'pino'
import type { Tokens } from './auth/token.ts'
import type { Config } from './config.ts'
import type { Db } from './db/open.ts'
import { docs } from './http/docs.ts'
import { healthRoutes } from './http/health.ts'
import { createMethodTable } from './http/methods.ts'
import { problemBoundary } from './http/problems.ts'
import { accessLog, corsStage, requestStage } from './http/request.ts'
import { taskRoutes } from './tasks/routes.ts'
import { createStore } from './tasks/store.ts'

export interface Deps {
  config: Pick<Config, 'corsOrigins'>
  db: Db
  tokens: Tokens
  log: Logger
  /** Whether the service can answer; rejects when the database is away. */
  isReady(): Promise<boolean>
}

export type App = ReturnType<typeof createApp>

/**
 * The composition root: every stage of a request, in the order in which it meets them.
 * Never listens. `systemRouter` is off so that a socket and `app.handle` take one path.
 */
export function createApp({ config, db, tokens, log, isReady }: Deps) {
  const allowedMethods = createMethodTable(() => app.routes)
  const app = new Elysia({ name: 'doable', normalize: false, systemRouter: false })
    .wrap(accessLog(log))
    .use(problemBoundary(log, allowedMethods))
    .use(requestStage(allowedMethods))
    .use(corsStage(config.corsOrigins))
    .use(docs())
    .use(healthRoutes(isReady))
    .use(taskRoutes(tokens, createStore(db)))
  return app
}
