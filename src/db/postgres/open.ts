import { drizzle } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import type { Database, DatabaseLog, Time } from '../database.ts'
import { codeOf } from '../errors.ts'
import { readDatabaseUrl } from './address.ts'
import { Guard } from './guard.ts'
import { openPool, type PoolOptions } from './pool.ts'
import type { Pool } from './pools.ts'
import { Unprepared } from './unprepared.ts'
import { judge } from './verdict.ts'
import { runTransaction, sendStatement, type Transaction } from './work.ts'

const untimed: Time = async (work) => work
const unlogged: DatabaseLog = { info() {}, warn() {} }

/**
 * Opens PostgreSQL or Neon by postgres.js. Connects lazily: an unreachable server
 * shows at the first statement, as a `database-unavailable` Problem.
 *
 * @param log is told when the database is lost or read-only, and when that is over.
 * @throws Error with a sentence for the operator when the address cannot be used.
 */
export async function openPostgres(
  url: string,
  options: PoolOptions,
  time: Time = untimed,
  log: DatabaseLog = unlogged,
): Promise<Database> {
  const target = await readDatabaseUrl(url)
  // By these the server ends what we no longer wait for, and frees the locks of connections behind a dead network.
  const limits = {
    statement_timeout: String(Math.floor(options.requestTimeoutMs * 0.8)),
    idle_in_transaction_session_timeout: String(options.requestTimeoutMs),
  }
  let takesLimits = true
  const limited = new WeakSet<Pool<postgres.Sql>>()
  const unprepared = new Unprepared(log)
  const guard = new Guard<postgres.Sql>({
    open() {
      const pool = openPool(target, options, takesLimits ? limits : {})
      if (takesLimits) limited.add(pool)
      return pool
    },
    deadlineMs: options.requestTimeoutMs,
    judge,
    // A transaction pooler takes no parameters of sessions, which many clients share.
    relent(error, pool) {
      const isRefused = codeOf(error) === '08P01' && Object.keys(limits).some((name) => String(error).includes(name))
      if (!isRefused || !limited.has(pool)) return false
      takesLimits = false
      return true
    },
    onStale: (error) => unprepared.add(error),
    log,
  })
  const run = (text: string, parameters: never[], settings: postgres.UnsafeQueryOptions, arrays: boolean) =>
    time(
      guard.run(
        (sql) => sendStatement(sql.unsafe(text, parameters, unprepared.settings(text, settings)), arrays),
        text.startsWith('select ') ? 'read' : 'write',
      ),
      text,
    )
  const client = {
    options: { parsers: {}, serializers: {} },
    unsafe: (text: string, parameters: never[], settings: postgres.UnsafeQueryOptions) => ({
      values: () => run(text, parameters, settings, true),
      // biome-ignore lint/suspicious/noThenProperty: a query of postgres.js is a thenable, and so is this
      then: <A, B>(done: (rows: unknown) => A, failed: (error: unknown) => B) =>
        run(text, parameters, settings, false).then(done, failed),
    }),
    begin: (work: Transaction) =>
      time(
        guard.run(
          (sql, renew) => runTransaction(sql, work, renew, (text, settings) => unprepared.settings(text, settings)),
          'transaction',
        ),
        'begin',
      ),
  }
  return {
    label: `PostgreSQL at ${target.path ?? `${target.host}:${target.port}`}/${target.database}`,
    // Drizzle asks its client for these three members only.
    db: drizzle(client as unknown as postgres.Sql),
    oneConnection: false,
    async ping() {
      await run('select 1', [], {}, false)
    },
    close: () => guard.close(),
  }
}
