import { expect, setDefaultTimeout, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import type postgres from 'postgres'
import type { Database } from '../../src/db/database.ts'
import { openPostgres } from '../../src/db/postgres/open.ts'
import { newDatabase, openSession } from '../kit/postgres-server.ts'

setDefaultTimeout(120_000)

async function withDatabase(work: (database: Database, admin: postgres.Sql) => Promise<void>): Promise<void> {
  const url = await newDatabase()
  const admin = openSession(url)
  await admin`create table notes (n int)`
  const database = await openPostgres(url, { pool: 2, prepare: true, requestTimeoutMs: 1000 })
  await work(database, admin)
  await database.close()
  expect(await admin`select * from notes`).toHaveLength(0)
  await admin.end()
}

test('a transaction whose connection is lost ends in 503, leaves nothing, and the process lives', () =>
  withDatabase(async ({ db, ping }, admin) => {
    for (let i = 0; i < 5; i++) {
      const lost = db.transaction(async (tx) => {
        await tx.execute(sql`insert into notes values (1)`)
        await admin`select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'doable' and datname = current_database()`
        await Bun.sleep(50)
        throw new Error('the work noticed')
      })
      await expect(lost).rejects.toMatchObject({ code: 'database-unavailable' })
      await Bun.sleep(50)
      await ping()
    }
  }))

test('a transaction that outlives its deadline ends in 503 and is not committed later', () =>
  withDatabase(async ({ db, ping }) => {
    let reached = false
    const slow = db.transaction(async (tx) => {
      await tx.execute(sql`insert into notes values (1)`)
      await Bun.sleep(1500)
      reached = true
      await tx.execute(sql`insert into notes values (2)`)
    })
    await expect(slow).rejects.toMatchObject({ code: 'database-unavailable' })
    while (!reached) await Bun.sleep(50)
    await Bun.sleep(200)
    await ping()
  }))

test("a transaction that its own work ends passes the work's error on", () =>
  withDatabase(async ({ db, ping }) => {
    const failed = db.transaction(async (tx) => {
      await tx.execute(sql`insert into notes values (1)`)
      throw new RangeError('no')
    })
    await expect(failed).rejects.toBeInstanceOf(RangeError)
    await ping()
  }))
