import type { Config } from '../config.ts'
import type { Database, DatabaseLog, Time } from './database.ts'
import type { PoolOptions } from './postgres/pool.ts'

/** The longest that migrations may take, waiting for another replica's included. */
const MIGRATION_MS = 15 * 60_000

/**
 * Picks the driver: PostgreSQL when `DATABASE_URL` is set, the embedded database otherwise.
 * Only that one is loaded: the other would cost every start its time and memory.
 *
 * @param time sees every statement and transaction, as it begins.
 * @param log is told when the server is lost, and when it is back.
 */
export async function openDatabase(config: Config, time?: Time, log?: DatabaseLog): Promise<Database> {
  if (config.databaseUrl !== undefined) return await openServer(config.databaseUrl, config, time, log)
  const { openPglite } = await import('./pglite/open.ts')
  return await openPglite(
    config.dataDir,
    { requestTimeoutMs: config.requestTimeoutMs, migrationMs: MIGRATION_MS },
    time,
  )
}

/**
 * A way in for migrations, which may take longer than any request. The embedded database has only
 * one way in, so there only the deadline differs, and closing it closes nothing.
 */
export async function openForMigration(config: Config, database: Database): Promise<Database> {
  const { db, patient = db } = database
  if (config.databaseUrl === undefined) return { ...database, db: patient, close: async () => {} }
  return await openServer(config.databaseUrl, { pool: 1, prepare: false, requestTimeoutMs: MIGRATION_MS })
}

async function openServer(url: string, options: PoolOptions, time?: Time, log?: DatabaseLog): Promise<Database> {
  const { openPostgres } = await import('./postgres/open.ts')
  return await openPostgres(url, options, time, log)
}
