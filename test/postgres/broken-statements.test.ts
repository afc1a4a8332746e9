import { afterAll, beforeAll, expect, test } from 'bun:test'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { createApp } from '../../src/app.ts'
import { createTokens } from '../../src/auth/token.ts'
import { readConfig } from '../../src/config.ts'
import { migrate } from '../../src/db/migrate.ts'
import { createLog } from '../../src/log.ts'
import { createFeed } from '../../src/sync/feed.ts'
import { newDatabase, SECRET } from '../boot.ts'
import { fillPath, type Route, routesOf } from '../routes.ts'

const MARK = 'Zanzibar'

/** Statements that have lost the comparison with the owner in their WHERE; the parameter stays in use. */
function broken(text: string): string {
  const without = text.replace(
    /"(doable"\."tasks"|tasks)"?\."?user_id" = (\$\d+)/g,
    (_, __, parameter) => `${parameter}::text is not null`,
  )
  if (without !== text) seen.add(text)
  return without
}
const seen = new Set<string>()

/** A client of postgres.js as Drizzle uses it, whose statements may be broken. */
function clientOf(sql: postgres.Sql, change: (text: string) => string): postgres.Sql {
  const wrap = (inner: postgres.Sql | postgres.TransactionSql): object => ({
    options: sql.options,
    unsafe: (text: string, parameters: never[], settings: object) => inner.unsafe(change(text), parameters, settings),
    begin: (work: (tx: object) => Promise<unknown>) => sql.begin((tx) => work(wrap(tx))),
  })
  return wrap(sql) as postgres.Sql
}

let sql: postgres.Sql
beforeAll(async () => {
  sql = postgres(await newDatabase(), { max: 4, fetch_types: false, onnotice: () => {} })
  await migrate(drizzle(sql))
})
afterAll(() => sql.end())

async function appOver(client: postgres.Sql) {
  const log = createLog('silent')
  const config = { ...readConfig({ DATABASE_URL: 'postgres://a@b/c', BETTER_AUTH_SECRET: SECRET }), rateLimit: 0 }
  const db = drizzle(client)
  const tokens = await createTokens({ ...config, secrets: [SECRET] })
  const feed = createFeed(db, log)
  const isReady = async () => true
  const rest = { secret: SECRET, accounts: undefined, metrics: undefined, collation: 'default', isReady }
  const app = createApp({ config, db, tokens, feed, log, ...rest })
  return async (user: string, method: string, path: string, body?: unknown) => {
    const headers = { authorization: `Bearer ${await tokens.sign(user, 60)}`, 'content-type': 'application/json' }
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }
    return app.handle(new Request(`http://localhost${path}`, init))
  }
}

test("statements that have lost their owner leak nothing and change nothing of another user's", async () => {
  const sound = await appOver(sql)
  const cut = await appOver(clientOf(sql, broken))
  const ids: string[] = []
  for (const title of ['at hand', 'in the trash'])
    ids.push(
      ((await (await sound('ann', 'POST', '/api/ann/tasks', { title: `${MARK} ${title}` })).json()) as { id: string })
        .id,
    )
  await sound('ann', 'DELETE', `/api/ann/tasks/${ids[1]}`)
  // Bob has a row, or there would be nobody to raise a revision of.
  await sound('bob', 'POST', '/api/bob/tasks', { title: 'Of his own' })
  const before = await sql`select * from doable.tasks where user_id = 'ann' order by id`

  const document = await (await sound('ann', 'GET', '/swagger/json')).json()
  const statuses = new Set<number>()
  for (const { name, method, path, open, body } of routesOf(document) as Route[]) {
    if (open || name.endsWith('/events')) continue
    for (const id of ids) {
      const query = path.endsWith('{user_id}')
        ? '?confirm=bob'
        : path.endsWith('/tasks') && method === 'DELETE'
          ? '?status=completed'
          : ''
      const target = fillPath(path, { user_id: 'bob', id }) + query
      const response = await cut('bob', method, target, body)
      // A stream breaks off where a row of another's would come.
      const text = await response.text().catch(() => '')
      expect(`${name}: ${text}`).not.toContain(MARK)
      expect(`${name}: ${text}`).not.toContain('"ann"')
      statuses.add(response.status)
    }
  }
  expect(await sql`select * from doable.tasks where user_id = 'ann' order by id`).toEqual(before)
  // It was really broken, and the wall was really met.
  expect(seen.size).toBeGreaterThan(10)
  expect(statuses).toContain(500)
})
