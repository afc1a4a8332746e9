import { drizzle } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import type { Database, DatabaseLog, Time } from '../database.ts'
import { readDatabaseUrl } from './address.ts'
import { Guard } from './guard.ts'
import { Opener } from './opener.ts'
import type { PoolOptions } from './pool.ts'
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
  const opener = new Opener(target, options, limits, log, () => guard.renewPool())
  const unprepared = new Unprepared()
  const guard = new Guard<postgres.Sql>({
    open: () => opener.open(),
    learn: (error) => opener.learn(error),
    suits: (pool) => opener.suits(pool),
    deadlineMs: options.requestTimeoutMs,
    judge,
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
    async close() {
      await Promise.all([opener.close(), guard.close()])
    },
  }
}
