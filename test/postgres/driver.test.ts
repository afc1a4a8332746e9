import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { connect, type Socket } from 'node:net'
import postgres from 'postgres'
import { newDatabase, openSession } from '../kit/postgres-server.ts'
import { until } from '../kit/until.ts'

// What `patches/` changes in postgres.js. Each of these fails without it.

setDefaultTimeout(120_000)

/** As many statements as postgres.js sends ahead on one connection. */
const PIPELINE = 100

let url: string
let admin: postgres.Sql
const clients: postgres.Sql[] = []

beforeAll(async () => {
  url = await newDatabase()
  admin = openSession(url)
  await admin`create table notes (id serial primary key, text text not null)`
})
afterAll(async () => {
  await Promise.all([admin, ...clients].map((client) => client.end({ timeout: 0 })))
})

/** Sockets that the client has opened, and those that it was told to wait for. */
interface Network {
  sockets: Socket[]
  before?: Promise<unknown>
}

function open(max: number, network: Network = { sockets: [] }): postgres.Sql {
  const { hostname, port } = new URL(url)
  const socket = async () => {
    const made = connect(Number(port), hostname)
    await new Promise((resolve) => made.once('connect', resolve))
    await network.before
    network.sockets.push(made)
    return made
  }
  const options = { max, fetch_types: false, backoff: () => 0, onnotice: () => {}, socket }
  // `socket` is an option of postgres.js that its types do not list.
  const client = postgres(url, options as postgres.Options<Record<string, never>>)
  clients.push(client)
  return client
}

/** By the extended protocol though it has no parameters: an option of postgres.js that its types do not list. */
const EXTENDED: postgres.UnsafeQueryOptions = { prepare: true, ...{ simple: false } }

/** A prepared statement that answers with its parameter. It is handed over at once, which `await` would not do. */
function echo(sql: postgres.Sql, value: string | undefined): Promise<unknown> {
  const query = sql.unsafe('select $1::text as value', [value as string], { prepare: true })
  return query.then(([row]) => row?.['value'])
}

async function note(tx: postgres.Sql, text: string): Promise<void> {
  await tx.unsafe('insert into notes (text) values ($1)', [text], { prepare: true })
}

async function notesLike(pattern: string): Promise<string[]> {
  const rows = await admin<{ text: string }[]>`select text from notes where text like ${pattern} order by id`
  return rows.map(({ text }) => text)
}

const terminateBackends = () =>
  admin`select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`

test('the rows of a statement that fails half way are no part of the next answer', async () => {
  const sql = open(1)
  const failing = () => sql.unsafe('select 1 / (4 - n) from generate_series(1, 9) as n', [], EXTENDED)
  // One behind the other, and one after the other.
  const [failed, pipelined] = await Promise.allSettled([failing(), sql.unsafe('select 1 as n', [], EXTENDED)])
  expect(failed).toMatchObject({ status: 'rejected', reason: { code: '22012' } })
  expect(pipelined).toMatchObject({ status: 'fulfilled', value: [{ n: 1 }] })
  await expect(failing()).rejects.toMatchObject({ code: '22012' })
  const rows = await sql.unsafe('select n from generate_series(1, 2) as n', [], EXTENDED)
  expect(rows.map(({ n }) => n)).toEqual([1, 2])
})

test('prepared statements that the server refuses fail alone, and are prepared anew', async () => {
  await admin`create table altered (value text)`
  await admin`insert into altered values ('same')`
  const sql = open(1)
  const read = () => sql.unsafe('select value from altered', [], EXTENDED)
  await read()
  await echo(sql, 'first')
  await admin`alter table altered alter column value type varchar(10)`
  const mixed = await Promise.allSettled(
    Array.from({ length: 50 }, (_, n) => (n % 5 ? echo(sql, String(n)) : read().then(() => 'read'))),
  )
  for (const [n, outcome] of mixed.entries())
    if (n % 5) expect(outcome).toEqual({ status: 'fulfilled', value: String(n) })
    else expect(outcome).toMatchObject({ status: 'rejected', reason: { code: '0A000' } })
  expect((await read())[0]?.['value']).toBe('same')
})

test('a parameter that cannot be sent fails its own statement, not the one under way', async () => {
  const sql = open(1)
  await echo(sql, 'first')
  const outcomes = await Promise.allSettled(
    Array.from({ length: 10 }, (_, n) => echo(sql, n === 5 ? undefined : String(n))),
  )
  for (const [n, outcome] of outcomes.entries())
    if (n === 5) expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'UNDEFINED_VALUE' } })
    else expect(outcome).toEqual({ status: 'fulfilled', value: String(n) })
  expect(await echo(sql, 'after')).toBe('after')
})

test("a transaction that fills its connection's pipeline has the connection to itself, and commits", async () => {
  const sql = open(1)
  await echo(sql, 'first')
  const statements = Array.from({ length: PIPELINE }, (_, n) => echo(sql, String(n)))
  await Promise.all([sql.begin((tx) => note(tx as unknown as postgres.Sql, 'fills')), ...statements])
  await note(sql, 'fills')
  expect(await notesLike('fills')).toEqual(['fills', 'fills'])
})

test('a transaction whose connection was lost runs nothing on the connection that replaces it', async () => {
  const sql = open(1)
  for (const ending of ['goes on', 'fails']) {
    const gate = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const first = sql.begin(async (tx) => {
      await note(tx as unknown as postgres.Sql, `${ending}: first`)
      begun.resolve()
      await gate.promise
      if (ending === 'fails') throw new Error('its own')
      await note(tx as unknown as postgres.Sql, `${ending}: stray`)
    })
    const lost = first.catch((error: unknown) => error)
    await begun.promise
    await terminateBackends()
    expect(await lost).toMatchObject({ code: 'CONNECTION_CLOSED' })
    await sql.begin(async (tx) => {
      await note(tx as unknown as postgres.Sql, `${ending}: second`)
      gate.resolve()
      await Bun.sleep(100)
      await note(tx as unknown as postgres.Sql, `${ending}: third`)
    })
    expect(await notesLike(`${ending}:%`)).toEqual([`${ending}: second`, `${ending}: third`])
  }
})

test('a socket that drains while a transaction rests lets no other statement into the transaction', async () => {
  const network: Network = { sockets: [] }
  const sql = open(1, network)
  const other = Promise.withResolvers<unknown>()
  await sql
    .begin(async (tx) => {
      await tx`select 1`
      network.sockets[0]?.emit('drain')
      void note(sql, 'drained').then(other.resolve, other.reject)
      await Bun.sleep(50)
      throw new Error('rolled back')
    })
    .catch(() => {})
  await other.promise
  expect(await notesLike('drained')).toEqual(['drained'])
})

test('an answer that nobody waits for ends the connection, and the next statement gets its own', async () => {
  const network: Network = { sockets: [] }
  const sql = open(1, network)
  await echo(sql, 'first')
  const [socket] = network.sockets
  // CommandComplete (PostgreSQL manual, 54.7) of a statement that was never sent.
  socket?.emit('data', Buffer.from('C\0\0\0\rSELECT 1\0', 'latin1'))
  expect(socket?.destroyed).toBe(true)
  await until('the connection has ended', () => socket?.listenerCount('data') === 0)
  expect(await echo(sql, 'next')).toBe('next')
  expect(network.sockets).toHaveLength(2)
})

test('a connection whose first statement was cancelled while it was made takes the next one', async () => {
  const gate = Promise.withResolvers<void>()
  const sql = open(1, { sockets: [], before: gate.promise })
  const query = sql.unsafe('select 1')
  const outcome = query.catch((error: unknown) => error)
  await Bun.sleep(10)
  query.cancel()
  expect(await outcome).toMatchObject({ code: '57014' })
  gate.resolve()
  expect(await Promise.race([echo(sql, 'next'), Bun.sleep(5000)])).toBe('next')
})
