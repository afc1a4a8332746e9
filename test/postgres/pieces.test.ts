import { afterAll, beforeAll, expect, test } from 'bun:test'
import { drizzle } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import { migrate } from '../../src/db/migrate.ts'
import type { Mark } from '../../src/resource/change.ts'
import { removeCompletedTasks } from '../../src/tasks/store.ts'
import { newDatabase, openSession } from '../kit/postgres-server.ts'

const OWNER = { id: 'ann', quota: Number.POSITIVE_INFINITY }
const TASKS = 20_000
const PIECE = 100

let sql: postgres.Sql
/** The statement of the last piece. */
let last: { text: string; parameters: string[] } | undefined

beforeAll(async () => {
  sql = openSession(await newDatabase(), {
    max: 1,
    debug: (_, text, parameters) => {
      if (text.startsWith('with locked')) last = { text, parameters: parameters.map(String) }
    },
  })
  await migrate(drizzle(sql))
  await sql`insert into doable.users (id, revision, history_start, bytes) values ('ann', ${TASKS}, 0, 0)`
  await sql`alter table doable.tasks set (autovacuum_enabled = off)`
  // Every other one is pending; all were made in one millisecond, as by an import.
  await sql`insert into doable.tasks (id, user_id, title, completed, completed_at, position, revision)
    select gen_random_uuid(), 'ann', 'x', n % 2 = 0, case when n % 2 = 0 then now() end, n, n from generate_series(1, ${TASKS}) as n`
}, 60_000)
afterAll(() => sql.end())

/** Blocks that the statement of the last piece touches, when it is run once more. */
async function blocks(): Promise<number> {
  if (last === undefined) throw new Error('no piece was run')
  const rows = await sql.unsafe<{ 'QUERY PLAN': [{ Plan: Record<`Shared ${'Hit' | 'Read'} Blocks`, number> }] }[]>(
    `explain (analyze, buffers, format json) ${last.text}`,
    last.parameters,
  )
  const plan = rows[0]?.['QUERY PLAN'][0].Plan
  if (plan === undefined) throw new Error('no plan')
  return plan['Shared Hit Blocks'] + plan['Shared Read Blocks']
}

test('a piece of many changes reads its own rows and not all that are left, also without statistics', async () => {
  const db = drizzle(sql)
  let mark: Mark | undefined
  for (let piece = 0; piece < 20; piece++) {
    const { count, last } = await removeCompletedTasks(db, OWNER, PIECE, mark)
    expect(count).toBe(PIECE)
    mark = last
  }
  // About 20 for each row that is changed, its indexes included; reading all would take 20,000 more.
  expect(await blocks()).toBeLessThan(PIECE * 60)
})
