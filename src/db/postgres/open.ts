import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { Problem } from '../../problem.ts'
import { codeOf, findCause, Refusal } from '../errors.ts'
import type { Database, Time } from '../open.ts'
import { type ConnectionTarget, readDatabaseUrl } from './address.ts'
import { Guard, type Pool, type Work } from './guard.ts'
import { connectionError, openWire, type Wire } from './wire.ts'

export interface PostgresOptions {
  /** Connections. Statements are pipelined, so a few serve many requests. */
  pool: number
  /** Protocol-level prepared statements; off for poolers that lose them. */
  prepare: boolean
  /** The longest a statement or a transaction may take, in milliseconds. */
  requestTimeoutMs: number
}

const untimed: Time = async (work) => work

/** The longest that making a connection may take, however long a statement may. */
const CONNECT_MS = 10_000

/**
 * Seconds after which an unused connection is given back: before the network between
 * forgets it, and before Neon goes to sleep under it.
 */
const IDLE_S = 120

/** SQLSTATEs of a connection that was refused or is lost (PostgreSQL manual, appendix A). */
const LOST = /^(08...|28...|3D000|53300|57P0.)$/

/** SQLSTATEs that say "not now" rather than "not so". */
const NOT_NOW = /^(53...|57014|25006|40001|40P01|55P03)$/

/** Codes of postgres.js and of the socket below it. */
const BROKEN = /^(CONNECT|SASL|DNS_|ERR_(STREAM|SOCKET)|E(CONN|HOST|NET|PIPE|TIMEDOUT|NOTFOUND|AI_|NOENT|ACCES))/

/**
 * Opens PostgreSQL or Neon by postgres.js. Connects lazily: an unreachable server
 * shows at the first statement, as a `database-unavailable` Problem.
 *
 * @throws Error with a sentence for the operator when the address cannot be used.
 */
export async function openPostgres(url: string, options: PostgresOptions, time: Time = untimed): Promise<Database> {
  const target = await readDatabaseUrl(url)
  // The server lets go of what we have given up, and of locks behind a dead network.
  const bounds: Record<string, string> = {
    statement_timeout: String(Math.floor(options.requestTimeoutMs * 0.8)),
    idle_in_transaction_session_timeout: String(options.requestTimeoutMs),
  }
  const guard = new Guard<postgres.Sql>({
    open: () => openPool(target, options, bounds),
    deadlineMs: options.requestTimeoutMs,
    judge,
    // A transaction pooler does not take parameters for sessions that many share.
    relent(error) {
      const refused = codeOf(error) === '08P01' && Object.keys(bounds).some((name) => String(error).includes(name))
      if (refused) for (const name of Object.keys(bounds)) delete bounds[name]
      return refused
    },
  })
  const run = (text: string, parameters: never[], settings: object, arrays: boolean) =>
    time(guard.run((sql) => statement(sql, text, parameters, settings, arrays), text.startsWith('select ')))
  const client = {
    options: { parsers: {}, serializers: {} },
    unsafe: (text: string, parameters: never[], settings: object) => ({
      values: () => run(text, parameters, settings, true),
      // biome-ignore lint/suspicious/noThenProperty: a query of postgres.js is a thenable, and so is this
      then: <A, B>(done: (rows: unknown) => A, failed: (error: unknown) => B) =>
        run(text, parameters, settings, false).then(done, failed),
    }),
    begin: (work: Transaction) => time(guard.run((sql, renew) => transaction(sql, work, renew), false)),
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

function openPool(
  target: ConnectionTarget,
  { pool, prepare, requestTimeoutMs }: PostgresOptions,
  bounds: Record<string, string>,
): Pool<postgres.Sql> {
  const wires = new Set<Wire>()
  const opened = performance.now()
  const connectMs = Math.min(requestTimeoutMs, CONNECT_MS)
  const client = postgres({
    host: target.host,
    port: target.port,
    database: target.database,
    user: target.user,
    pass: target.password,
    ssl: false,
    max: pool,
    prepare,
    // For the start-up that follows the socket.
    connect_timeout: connectMs / 1000,
    idle_timeout: IDLE_S,
    keep_alive: 30,
    // A lost connection is made anew at once; the guard spaces the tries when that fails.
    backoff: () => 0,
    // Arrays are read by Drizzle; asking the catalogue for their types costs a round trip.
    fetch_types: false,
    connection: { application_name: 'doable', TimeZone: 'UTC', ...bounds, ...target.parameters },
    onnotice: () => {},
    socket: () => openWire(target, connectMs, wires),
    // `pass` and `socket` are options of postgres.js that its types do not list.
  } as postgres.Options<Record<string, never>>)
  // Drizzle reads dates and JSON itself, and turns postgres.js's own reading of them off.
  drizzle(client)
  return {
    client,
    heard: () => [...wires].reduce((latest, { heard }) => Math.max(latest, heard), opened),
    isUp: () => [...wires].some(({ ready }) => ready),
    cutSilent(since) {
      for (const wire of wires)
        if (wire.heard < since) wire.destroy(connectionError('CONNECTION_CLOSED', 'the connection went silent'))
    },
    ping: () => client.unsafe('select 1'),
    async end() {
      const gone = [...wires].map((wire) => new Promise((resolve) => wire.once('close', resolve)))
      await client.end({ timeout: 0 })
      for (const wire of wires) if (!wire.writableEnded) wire.destroy()
      await Promise.all(gone)
    },
  }
}

function statement(
  sql: postgres.Sql,
  text: string,
  parameters: never[],
  settings: object,
  arrays: boolean,
): Work<unknown> {
  const query = sql.unsafe(text, parameters, settings)
  // Null until a connection takes the query; its type does not say so.
  const isSent = () => (query as { state?: unknown }).state !== null
  return {
    result: arrays ? query.values() : query,
    isSent,
    abandon() {
      // Once sent it must be left alone: postgres.js then takes the next answer for another query's.
      if (!isSent()) query.cancel()
    },
  }
}

type Transaction = (tx: postgres.TransactionSql) => Promise<unknown>

function transaction(sql: postgres.Sql, work: Transaction, renew: () => void): Work<unknown> {
  let begun = false
  let abandoned = false
  const check = () => {
    if (abandoned) throw connectionError('CONNECT_TIMEOUT', 'the transaction took too long')
  }
  const bound = (tx: postgres.TransactionSql) => {
    const { unsafe, savepoint } = tx
    return Object.assign(tx, {
      unsafe(...args: Parameters<typeof unsafe>) {
        check()
        renew()
        return unsafe(...args)
      },
      savepoint: (nested: Transaction) => savepoint((inner) => nested(bound(inner))),
    })
  }
  return {
    result: sql.begin(async (tx) => {
      begun = true
      const value = await work(bound(tx))
      // Who was told that it failed must not find it done.
      check()
      return value
    }),
    isSent: () => begun,
    abandon() {
      abandoned = true
    },
  }
}

function judge(error: unknown): 'broken' | 'not-now' | undefined {
  if (findCause(error, (at) => at instanceof Problem)) return undefined
  const code = codeOf(error) ?? ''
  if (findCause(error, (at) => at instanceof Refusal) || LOST.test(code) || BROKEN.test(code)) return 'broken'
  return NOT_NOW.test(code) ? 'not-now' : undefined
}
