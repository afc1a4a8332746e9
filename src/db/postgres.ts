import { connect, isIP, type Socket } from 'node:net'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { Problem } from '../problem.ts'
import { type ConnectionTarget, readDatabaseUrl } from './address.ts'
import type { Database } from './open.ts'

export interface PostgresOptions {
  /** Connections. Statements are pipelined, so a few serve many requests. */
  pool: number
  /** Protocol-level prepared statements; off for poolers that lose them. */
  prepare: boolean
  /** The longest a statement or a transaction may take, in milliseconds. */
  requestTimeoutMs: number
}

/** SQLSTATE classes and codes that say "not now" rather than "not so". */
const AWAY = /^(08...|53...|57P0.|57014|25006|40001|40P01|55P03)$/

/** Codes of postgres.js and of the socket below it. */
const BROKEN = /^(CONNECT|CONNECTION|E(CONN|HOST|NET|PIPE|TIMEDOUT|NOTFOUND|AI_AGAIN))/

/**
 * Opens PostgreSQL or Neon by postgres.js. Connects lazily: an unreachable server
 * shows at the first statement, as a `database-unavailable` Problem.
 *
 * @throws Error with a sentence for the operator when the address cannot be used.
 */
export async function openPostgres(url: string, options: PostgresOptions): Promise<Database> {
  const target = await readDatabaseUrl(url)
  const sockets = new Set<Wire>()
  const sql = postgres({
    host: target.host,
    port: target.port,
    database: target.database,
    user: target.user,
    pass: target.password,
    ssl: target.tls,
    max: options.pool,
    prepare: options.prepare,
    connect_timeout: options.requestTimeoutMs / 1000,
    idle_timeout: 300,
    // Steady and short: a database that is back is found again within a second.
    backoff: (attempt: number) => Math.min(0.05 * 2 ** attempt, 0.5),
    // Arrays are read by Drizzle; asking the catalogue for their types costs a round trip.
    fetch_types: false,
    connection: { application_name: 'doable', TimeZone: 'UTC', ...target.parameters },
    onnotice: () => {},
    socket: () => openWire(target, sockets),
    // `pass` and `socket` are options of postgres.js that its types do not list.
  } as postgres.Options<Record<string, never>>)

  const guard = <T>(work: PromiseLike<T>) => withDeadline(work, options.requestTimeoutMs, sockets)
  const guarded = {
    options: sql.options,
    unsafe(text: string, parameters: never[], settings: object) {
      const query = sql.unsafe(text, parameters, settings)
      return {
        values: () => guard(query.values()),
        // biome-ignore lint/suspicious/noThenProperty: a query of postgres.js is a thenable, and so is its guard
        then: <A, B>(done: (rows: unknown) => A, failed: (error: unknown) => B) => guard(query).then(done, failed),
      }
    },
    begin: (work: (tx: postgres.TransactionSql) => Promise<unknown>) => guard(sql.begin(work)),
  }

  let closing: Promise<void> | undefined
  return {
    label: `PostgreSQL at ${target.host}:${target.port}/${target.database}`,
    // Drizzle asks its client for these three members only.
    db: drizzle(guarded as unknown as postgres.Sql),
    async ping() {
      await guard(sql.unsafe('select 1'))
    },
    close() {
      closing ??= sql.end({ timeout: 5 })
      return closing
    },
  }
}

/** A connection's socket and when it last said anything, in `performance.now()` milliseconds. */
interface Wire extends Socket {
  heard: number
  host?: string
}

/** Makes the socket ourselves, to be able to cut one that has gone silent. */
function openWire(target: ConnectionTarget, wires: Set<Wire>): Wire {
  const socket = target.path ? connect(target.path) : connect(target.port, target.host)
  const wire: Wire = Object.assign(socket, { heard: performance.now() })
  // postgres.js reads `host` for the name that the certificate must carry.
  if (isIP(target.host) === 0) wire.host = target.host
  wire.setNoDelay(true)
  wires.add(wire)
  wire.on('data', () => {
    wire.heard = performance.now()
  })
  wire.once('close', () => wires.delete(wire))
  return wire
}

/**
 * Gives an answer or a `database-unavailable` Problem within `ms`. Past it, every
 * connection that has been silent for as long is cut: behind one that a network
 * swallows, all pipelined statements would wait for ever.
 */
async function withDeadline<T>(work: PromiseLike<T>, ms: number, wires: Set<Wire>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const silentSince = performance.now() - ms * 0.9
    for (const wire of wires) if (wire.heard < silentSince) wire.destroy()
    reject(unavailable(new Error(`no answer from the database within ${ms} ms`)))
  }, ms)
  try {
    return await Promise.race([work, late])
  } catch (error) {
    throw isAway(error) ? unavailable(error) : error
  } finally {
    clearTimeout(timer)
  }
}

function isAway(error: unknown): boolean {
  if (error instanceof Problem) return false
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && (AWAY.test(code) || BROKEN.test(code))
}

function unavailable(cause: unknown): Problem {
  return new Problem('database-unavailable', 'The database cannot be reached right now. Please try again shortly.', {
    headers: { 'retry-after': '1' },
    cause,
  })
}
