import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core'

/** Both databases are this one type: nothing above this folder knows which it talks to. */
export type Db = PgDatabase<PgQueryResultHKT, Record<string, never>>

/** Looks on while the database works. `text` is the statement's SQL, or `begin` for a transaction. */
export type Time = <T>(work: PromiseLike<T>, text: string) => Promise<T>

/** Takes the lines that an operator should read about the database; pino's loggers do. */
export interface DatabaseLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface Database {
  /** What the operator is told: `embedded PostgreSQL in …` or `PostgreSQL at host/database`. Holds no password. */
  readonly label: string
  readonly db: Db
  /** The same one with a deadline that migrations keep, where there is only one way in. */
  readonly patient?: Db
  /** Whether all work queues for one connection, which nobody must have to themselves. */
  readonly oneConnection: boolean
  /** Resolves when the database answers; rejects with a `database-unavailable` Problem otherwise. */
  ping(): Promise<void>
  /** Waits for what is running (5 s at most), then closes every connection. Safe to call twice. */
  close(): Promise<void>
}
