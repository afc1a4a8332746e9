import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import type { Database, Db, Time } from '../database.ts'
import { replan } from '../plans.ts'
import { DeadlineClient } from './client.ts'
import { MAJOR, openDirectory } from './files.ts'
import { EngineWire } from './wire.ts'

export interface PgliteOptions {
  /** The longest that a request waits for a statement, in milliseconds. */
  requestTimeoutMs: number
  /** The longest that a migration waits for one, in milliseconds. */
  migrationMs: number
}

/** How long `close` waits for what runs, in milliseconds. */
const CLOSE_MS = 5000

/** How long after an engine's failure the next one is started, in seconds: doubled after each that cannot open. */
const BACKOFF_S = 0.25
const LONGEST_BACKOFF_S = 8

/**
 * How often the plans of prepared statements are made anew while the database is used, in milliseconds. A server does
 * so after each ANALYZE of its autovacuum, which this one lacks: a plan from when a table was empty went on reading
 * all tasks of a user for one of them. It costs each statement in use less than a millisecond.
 */
const REPLAN_MS = 5000

const untimed: Time = async (work) => work

/**
 * Opens the embedded PostgreSQL in `dataDir`, making it on the first start. It works in a thread of its own, to which
 * postgres.js speaks as to a server, on one connection. A failed engine is replaced, and recovers as after a crash.
 *
 * @throws Error with a sentence for the operator when the directory is in use by a
 * living process, not writable, or made by another major version. Nothing is touched then.
 */
export async function openPglite(
  dataDir: string,
  { requestTimeoutMs, migrationMs }: PgliteOptions,
  time: Time = untimed,
): Promise<Database> {
  // Started before the files are there: the thread compiles meanwhile.
  let wire: EngineWire | undefined = new EngineWire()
  let opened: EngineWire | undefined
  const { root, files, release } = await openDirectory(dataDir).catch(async (error) => {
    wire?.destroy()
    await wire?.gone
    throw error
  })
  /** Why there is no engine at present. */
  let away: Error | undefined
  let state: 'opening' | 'open' | 'closed' = 'opening'
  const nextWire = async () => {
    // postgres.js may still ask after its end; the files are somebody else's by then.
    if (state === 'closed') return new Promise<never>(() => {})
    // Two engines on the same files would destroy them.
    await opened?.gone
    const next = wire ?? new EngineWire()
    wire = undefined
    opened = next
    await next.open(files)
    void next.gone.then(() => lose(next.errored))
    return next
  }
  const sql = connect(nextWire)
  // Drizzle reads dates and JSON itself, and turns postgres.js's own reading of them off.
  const own = drizzle(sql)
  const lose = (error: Error | null) => {
    if (state !== 'open' || away) return
    away = error ?? new Error('the engine has ended')
    void reopen()
  }
  const reopen = async () => {
    while (state === 'open' && away)
      away = await sql.unsafe('select 1').then(
        () => undefined,
        (error: Error) => error,
      )
  }
  let replanning: Timer | undefined
  const close = async () => {
    state = 'closed'
    clearInterval(replanning)
    await sql.end({ timeout: 0 })
    // One that is still opening has had no farewell.
    if (opened?.readyState === 'open') opened.destroy()
    await opened?.gone
    release()
  }
  try {
    await sql.unsafe('select 1')
  } catch (error) {
    await close()
    throw error
  }
  state = 'open'
  let isUsed = false
  const noting: Time = (work, text) => {
    isUsed = true
    return time(work, text)
  }
  replanning = setInterval(() => {
    if (isUsed && !away) replan(own).catch(() => {})
    isUsed = false
  }, REPLAN_MS)
  replanning.unref()
  const clientOf = (deadlineMs: number) => new DeadlineClient(sql, { time: noting, deadlineMs, away: () => away })
  const client = clientOf(requestTimeoutMs)
  let closing: Promise<void> | undefined
  return {
    label: `embedded PostgreSQL ${MAJOR} in ${root}`,
    db: drizzled(client),
    patient: drizzled(clientOf(migrationMs)),
    oneConnection: true,
    async ping() {
      await client.unsafe('select 1', [], {})
    },
    close() {
      closing ??= client.settle(CLOSE_MS).then((settled) => {
        // A statement cannot be stopped, its thread can: PostgreSQL then recovers at the next start.
        if (!settled) opened?.destroy()
        return close()
      })
      return closing
    },
  }
}

function connect(nextWire: () => Promise<EngineWire>): postgres.Sql {
  return postgres({
    host: 'embedded',
    user: 'postgres',
    database: 'postgres',
    pass: '',
    ssl: false,
    max: 1,
    // Recovery after a crash can take as long as it needs.
    connect_timeout: 0,
    idle_timeout: 0,
    max_lifetime: null,
    backoff: (failures: number) => Math.min(BACKOFF_S * 2 ** failures, LONGEST_BACKOFF_S),
    // Drizzle reads arrays; asking the catalogue for their types would cost every start.
    fetch_types: false,
    onnotice: () => {},
    socket: nextWire,
    // `pass` and `socket` are options of postgres.js that its types do not list.
  } as postgres.Options<Record<string, never>>)
}

/** Drizzle asks its client for the members that `DeadlineClient` has, and for no others. */
function drizzled(client: DeadlineClient): Db {
  return drizzle(client as unknown as postgres.Sql)
}
