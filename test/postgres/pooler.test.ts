import { expect, setDefaultTimeout, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { pgTable, text } from 'drizzle-orm/pg-core'
import type { Database } from '../../src/db/database.ts'
import { openPostgres } from '../../src/db/postgres/open.ts'
import { standInPooler } from '../kit/pooler.ts'
import { newDatabase } from '../kit/postgres-server.ts'
import { until } from '../kit/until.ts'

setDefaultTimeout(120_000)

const QUESTION = 'select name from pg_catalog.pg_prepared_statements'

/** A database of one connection, and the warnings of its log. */
async function open(url: string, requestTimeoutMs = 5000) {
  const warnings: string[] = []
  const log = { info() {}, warn: (_: object, message: string) => warnings.push(message) }
  const database = await openPostgres(url, { pool: 1, prepare: true, requestTimeoutMs }, undefined, log)
  return { database, warnings, echo: echoOn(database, 'echoed') }
}

/** A prepared statement that gives back its value, as a column of that name. */
function echoOn({ db }: Database, name: string): (value: string) => Promise<string | undefined> {
  const statement = db
    .select({ value: sql<string>`${sql.placeholder('value')}::text as ${sql.identifier(name)}` })
    .from(sql`pg_catalog.pg_database`)
    .limit(1)
    .prepare(name)
  return async (value) => (await statement.execute({ value }))[0]?.value
}

/** How many such statements the server has prepared for this connection. */
async function preparedOn({ db }: Database): Promise<number> {
  const count = db
    .select({ names: sql<string>`count(*)::text` })
    .from(sql`pg_catalog.pg_prepared_statements`)
    .where(sql`statement like ${sql.placeholder('pattern')} and statement not like '%pg_prepared_statements%'`)
    .prepare('count')
  return Number((await count.execute({ pattern: '%echoed%' }))[0]?.names)
}

test('without a pooler, and behind one that keeps them, statements are prepared', async () => {
  await using pooler = await standInPooler({ keeps: true })
  for (const address of [pooler.direct, pooler.url]) {
    const { database, warnings, echo } = await open(address)
    await until('it is prepared', async () => {
      expect(await echo('milk')).toBe('milk')
      return (await preparedOn(database)) === 1
    })
    expect(warnings).toEqual([])
    await database.close()
  }
})

test('behind a pooler that loses prepared statements none is prepared, and the log names the setting', async () => {
  await using pooler = await standInPooler({ keeps: false })
  const { database, warnings, echo } = await open(pooler.url)
  expect(await echo('before it is known')).toBe('before it is known')
  await until('it is known', () => warnings.length > 0)
  expect(await echo('milk')).toBe('milk')
  expect(await preparedOn(database)).toBe(0)
  expect(warnings).toEqual([expect.stringContaining('DB_PREPARE=off')])
  await database.close()
})

test('a pooler that has not answered is asked again, and not waited for', async () => {
  let asked = 0
  await using pooler = await standInPooler({ keeps: true, drops: (text) => text.includes(QUESTION) && asked++ < 1 })
  const { database, warnings, echo } = await open(pooler.url, 1000)
  expect(await echo('milk')).toBe('milk')
  expect(await preparedOn(database)).toBe(0)
  await until('it is prepared', async () => {
    expect(await echo('milk')).toBe('milk')
    return (await preparedOn(database)) === 1
  })
  expect(asked).toBeGreaterThan(1)
  expect(warnings).toEqual([])
  await database.close()
})

test('closing does not wait for the answer of a pooler', async () => {
  let asked = 0
  await using pooler = await standInPooler({ keeps: true, drops: (text) => text.includes(QUESTION) && ++asked > 0 })
  const { database, echo } = await open(pooler.url, 60_000)
  expect(await echo('milk')).toBe('milk')
  await until('it is asked', () => asked > 0)
  await database.close()
  await until('no connection is left', () => pooler.open() === 0)
})

test('the first loss of a prepared statement is the last: reads on their way are answered all the same', async () => {
  const { database, warnings, echo } = await open(await newDatabase())
  const values = Array.from({ length: 20 }, (_, n) => `value ${n}`)
  expect(await echo('first')).toBe('first')
  for (let times = 0; times < 3; times++) {
    // As a pooler does that gives the connection another session.
    await database.db.execute(sql`deallocate all`)
    expect(await Promise.all(values.map(echo))).toEqual(values)
    expect(await echoOn(database, `echoed${times}`)('milk')).toBe('milk')
    expect(await preparedOn(database)).toBe(0)
  }
  expect(warnings).toEqual([expect.stringContaining('DB_PREPARE=off')])
  await database.close()
})

test('a write whose prepared statement is lost is 503 and not repeated: the error may be the answer to another one', async () => {
  const { database } = await open(await newDatabase())
  const { db } = database
  const marks = pgTable('marks', { mark: text().notNull() })
  await db.execute(sql`create table marks (mark text not null)`)
  const add = db
    .insert(marks)
    .values({ mark: sql.placeholder('mark') })
    .prepare('add')
  await add.execute({ mark: 'before' })
  await db.execute(sql`deallocate all`)
  await expect(add.execute({ mark: 'lost' })).rejects.toMatchObject({ cause: { code: 'database-unavailable' } })
  await add.execute({ mark: 'after' })
  expect(await db.select().from(marks)).toEqual([{ mark: 'before' }, { mark: 'after' }])
  await database.close()
})
