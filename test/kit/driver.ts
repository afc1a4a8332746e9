import { drizzle } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { findCollation } from '../../src/db/collation.ts'
import { Guard, type GuardOptions, type Work } from '../../src/db/postgres/guard.ts'
import type { Pool } from '../../src/db/postgres/pools.ts'
import type { Verdict } from '../../src/db/postgres/verdict.ts'
import { createLog } from '../../src/log.ts'
import { createFeed } from '../../src/sync/feed.ts'
import { bearer, type Headers } from './send.ts'
import { SECRET, secretTokens } from './tokens.ts'

/** A client of a driver that only counts the statements that it is given. */
export interface FakeClient {
  taken: number
}

/** A pool without a database. */
export function fakePool(): Pool<FakeClient> {
  return {
    client: { taken: 0 },
    heard: () => performance.now(),
    isUp: () => true,
    cutSilent() {},
    ping: async () => false,
    end: async () => {},
  }
}

/** A guard over such a pool. A RangeError is the statement's own; the message of any other error is its verdict. */
export function guardOver(
  pool: Pool<FakeClient>,
  deadlineMs: number,
  more: Partial<GuardOptions<FakeClient>> = {},
): Guard<FakeClient> {
  return new Guard<FakeClient>({
    open: () => pool,
    deadlineMs,
    judge: (error) => (error instanceof RangeError ? undefined : ((error as Error).message as Verdict)),
    learn: () => false,
    suits: () => true,
    onStale() {},
    log: { info() {}, warn() {} },
    ...more,
  })
}

/** A statement for the guard, with the outcome that `outcome` gives at each try. */
export function fakeWork<T>(outcome: () => Promise<T>, sent = true): (client: FakeClient) => Work<T> {
  return (client) => {
    client.taken++
    return { result: outcome(), isSent: () => sent, abandon() {} }
  }
}

/** A client of postgres.js as Drizzle uses it, which sends what `change` makes of each statement. */
export function intercept(
  sql: postgres.Sql,
  change: (text: string, parameters: postgres.ParameterOrJSON<never>[]) => string,
): postgres.Sql {
  const wrap = (inner: postgres.Sql | postgres.TransactionSql): object => ({
    options: sql.options,
    unsafe: (text: string, parameters: postgres.ParameterOrJSON<never>[], settings: postgres.UnsafeQueryOptions) =>
      inner.unsafe(change(text, parameters), parameters, settings),
    begin: (work: (tx: object) => Promise<unknown>) => sql.begin((tx) => work(wrap(tx))),
  })
  return wrap(sql) as postgres.Sql
}

export type App = Awaited<ReturnType<typeof appOver>>

/** Doable without a socket, over such a client. */
export async function appOver(client: postgres.Sql) {
  const config = { ...readConfig({ DATABASE_URL: 'postgres://a@b/c', BETTER_AUTH_SECRET: SECRET }), rateLimit: 0 }
  const [db, log, tokens] = [drizzle(client), createLog('silent'), await secretTokens(SECRET)]
  const app = createApp({
    config,
    db,
    log,
    tokens,
    secret: SECRET,
    feed: createFeed(db, log),
    collation: await findCollation(db),
    accounts: undefined,
    metrics: undefined,
    isReady: async () => true,
  })
  return async (user: string, method: string, path: string, body?: unknown, headers: Headers = {}) => {
    const all = { ...bearer(await tokens.sign(user, 60)), 'content-type': 'application/json', ...headers }
    const sent = typeof body === 'string' ? body : JSON.stringify(body)
    const init = { method, headers: all, ...(body === undefined ? {} : { body: sent }) }
    return app.handle(new Request(`http://localhost${path}`, init))
  }
}
