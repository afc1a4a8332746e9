import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import type { ConnectionTarget } from './address.ts'
import type { Pool } from './pools.ts'
import { connectionError, openWire, type Wire } from './wire.ts'

export interface PoolOptions {
  /** Connections. Statements are pipelined, so a few serve many requests. */
  pool: number
  /** Protocol-level prepared statements; off for poolers that lose them. Then nothing is sent ahead either. */
  prepare: boolean
  /** The longest a statement or a transaction may take, in milliseconds. */
  requestTimeoutMs: number
}

/** The longest that making a connection may take, however long a statement may. */
const CONNECT_MS = 10_000

/**
 * Seconds after which an unused connection is closed: before the network between
 * forgets it, and before Neon goes to sleep under it.
 */
const IDLE_S = 120

/**
 * PgBouncer before 1.21 hands a server's connection on after the first of several statements that were sent ahead: the
 * answers of the others are lost, and who waits for them waits for ever, or they reach whoever has the connection next.
 */
const ONE_BY_ONE = { max_pipeline: 0 }

/** @param parameters start-up parameters of each session, which those in the address overrule. */
export function openPool(
  target: ConnectionTarget,
  { pool, prepare, requestTimeoutMs }: PoolOptions,
  parameters: Readonly<Record<string, string>>,
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
    ...(!prepare && ONE_BY_ONE),
    // For the start-up that follows the socket.
    connect_timeout: connectMs / 1000,
    idle_timeout: IDLE_S,
    keep_alive: 30,
    // A lost connection is made anew at once; `Pools` spaces the tries when that fails.
    backoff: () => 0,
    // Arrays are read by Drizzle; asking the catalogue for their types costs a round trip.
    fetch_types: false,
    connection: { application_name: 'doable', TimeZone: 'UTC', ...parameters, ...target.parameters },
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
    async ping() {
      const [row] = await client.unsafe<{ transaction_read_only: string }[]>('show transaction_read_only')
      return row?.transaction_read_only === 'off'
    },
    async end() {
      const gone = [...wires].map((wire) => new Promise((resolve) => wire.once('close', resolve)))
      await client.end({ timeout: 0 })
      for (const wire of wires) if (!wire.writableEnded) wire.destroy()
      await Promise.all(gone)
    },
  }
}
