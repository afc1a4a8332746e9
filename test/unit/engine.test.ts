import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtemp, readdir, readlink, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import type { Database } from '../../src/db/database.ts'
import { codeOf } from '../../src/db/errors.ts'
import { openPglite } from '../../src/db/pglite/open.ts'
import { causes, Problem } from '../../src/problem.ts'

let root: string
let database: Database

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'doable-engine-'))
})
afterEach(async () => {
  await database.close()
  await rm(root, { recursive: true, force: true })
})

const open = async (requestTimeoutMs = 60_000) => {
  database = await openPglite(root, { requestTimeoutMs, migrationMs: 60_000 })
  return database
}

/** A statement of a second or more on any machine. */
const slow = sql`select count(*)::int as n from generate_series(1, 3000000) as a where sin(a) > 2`

const problemOf = (error: unknown) => causes(error).find((cause) => cause instanceof Problem)?.code

const failure = async (work: PromiseLike<unknown>) =>
  work.then(
    () => 'none',
    (error: unknown) => problemOf(error) ?? codeOf(error) ?? String(error),
  )

/** The rows of a statement, whose type each driver has its own for. */
const rowsOf = async (work: PromiseLike<unknown> | undefined) => (await work) as Record<string, unknown>[]

/** How many files of the directory this process has open. */
async function openFiles(): Promise<number> {
  const names = await readdir('/proc/self/fd')
  const targets = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')))
  return targets.filter((target) => target.startsWith(root)).length
}

test('the event loop goes on while a statement of seconds runs', async () => {
  const { db } = await open()
  let turns = 0
  const clock = setInterval(() => turns++, 5)
  const started = performance.now()
  await db.execute(slow)
  clearInterval(clock)
  expect(performance.now() - started).toBeGreaterThan(200)
  expect(turns).toBeGreaterThan(20)
})

test('a statement past its deadline is 503 at once, and the next ones are answered after it', async () => {
  const { db, patient } = await open(50)
  const first = failure(db.execute(slow))
  const second = failure(db.execute(sql`select 1`))
  expect(await Promise.all([first, second])).toEqual(['database-unavailable', 'database-unavailable'])
  expect(await patient?.execute(sql`select 2 as n`)).toMatchObject([{ n: 2 }])
  expect(await db.execute(sql`select 3 as n`)).toMatchObject([{ n: 3 }])
})

test('a transaction past its deadline is rolled back', async () => {
  const { db, patient } = await open(300)
  await patient?.execute(sql`create table kept (n int)`)
  const late = db.transaction(async (tx) => {
    await tx.execute(sql`insert into kept values (1)`)
    await tx.execute(slow)
    await tx.execute(sql`insert into kept values (2)`)
  })
  expect(await failure(late)).toBe('database-unavailable')
  expect(await patient?.execute(sql`select n from kept`)).toHaveLength(0)
})

test('what still waits in the queue at its deadline is never done', async () => {
  const { db, patient } = await open(100)
  await patient?.execute(sql`create table kept (n int)`)
  const running = rowsOf(patient?.execute(slow))
  // Drizzle sends a statement when it is awaited, and that is in the next turn of the event loop.
  await Bun.sleep(5)
  const waiting = Array.from({ length: 300 }, (_, n) => failure(db.execute(sql`insert into kept values (${n})`)))
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['database-unavailable']))
  await running
  const [row] = await rowsOf(patient?.execute(sql`select count(*)::int as n from kept`))
  // One may have been sent when the deadline came.
  expect(Number(row?.['n'])).toBeLessThanOrEqual(1)
})

/** Without a place for its next log file PostgreSQL panics. */
async function abort({ db }: Database): Promise<string> {
  await rename(join(root, 'postgres', 'pg_wal'), join(root, 'pg_wal'))
  const fill = () => failure(db.execute(sql`select pg_logical_emit_message(false, 'test', repeat('x', 1000000))`))
  let refused = await fill()
  for (let n = 0; n < 60 && refused === 'none'; n++) refused = await fill()
  return refused
}

/** Puts back what `abort` took away. */
async function heal(): Promise<void> {
  await rm(join(root, 'postgres', 'pg_wal'), { recursive: true, force: true })
  await rename(join(root, 'pg_wal'), join(root, 'postgres', 'pg_wal'))
}

test('an engine that aborts is replaced: 503 meanwhile, and every acknowledged row is there after it', async () => {
  const { db } = await open()
  await db.execute(sql`create table kept (n int)`)
  for (let n = 0; n < 20; n++) await db.execute(sql`insert into kept values (${n})`)
  expect(await abort(database)).toBe('database-unavailable')
  expect(await failure(db.execute(sql`select 1`))).toBe('database-unavailable')
  expect(await failure(database.ping())).toBe('database-unavailable')

  await heal()
  while ((await failure(db.execute(sql`select 1`))) !== 'none') await Bun.sleep(50)
  expect(await db.execute(sql`select n from kept`)).toHaveLength(20)
  await db.execute(sql`insert into kept values (20)`)
  await database.ping()
}, 60_000)

test('a database can be closed while its engine is away, and opens again', async () => {
  const { db } = await open()
  await db.execute(sql`create table kept (n int)`)
  await abort(database)
  // Into the midst of the next engine's start, which fails.
  await Bun.sleep(400)
  await database.close()
  await heal()
  await open()
  expect(await database.db.execute(sql`select n from kept`)).toHaveLength(0)
}, 60_000)

test('answers of many megabytes arrive whole, between short ones', async () => {
  const { db } = await open()
  const lengths = [1, 65_536, 3, 5_000_000, 2, 70_000]
  const answers = await Promise.all(
    lengths.map((length) => rowsOf(db.execute(sql`select repeat('é', ${length}::int) as text, ${length}::int as n`))),
  )
  expect(answers.map(([row]) => [String(row?.['text']).length, row?.['n']])).toEqual(lengths.map((n) => [n, n]))
  const text = 'ü'.repeat(3_000_000)
  const [row] = await rowsOf(db.execute(sql`select length(${text}) as n`))
  expect(row).toEqual({ n: 3_000_000 })
})

test('a closed database has no file open and takes no more work', async () => {
  await open()
  expect(await openFiles()).toBeGreaterThan(1)
  await database.close()
  expect(await openFiles()).toBe(0)
  expect(await failure(database.db.execute(sql`select 1`))).toBe('database-unavailable')
  expect(await failure(database.ping())).toBe('database-unavailable')
})

test('files that the engine cannot open are told to whoever starts it, and the directory is free again', async () => {
  await open()
  await database.close()
  const control = join(root, 'postgres', 'global', 'pg_control')
  await rename(control, `${control}.away`)
  expect(await failure(openPglite(root, { requestTimeoutMs: 1000, migrationMs: 1000 }))).not.toBe('none')
  await rename(`${control}.away`, control)
  await open()
  await database.ping()
})
