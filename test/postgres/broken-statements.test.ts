import { expect, setDefaultTimeout, test } from 'bun:test'
import { drizzle } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import { migrate } from '../../src/db/migrate.ts'
import { purgeExpired as purgeLists } from '../../src/lists/purge.ts'
import { purgeExpired } from '../../src/tasks/purge.ts'
import { type App, appOver, intercept } from '../kit/driver.ts'
import { newDatabase, openSession } from '../kit/postgres-server.ts'
import { fillPath, type Route, routesOf } from '../kit/routes.ts'

setDefaultTimeout(120_000)

const MARK = 'Zanzibar'
const TABLES = { users: 'id', tasks: 'user_id', lists: 'user_id', idempotency_keys: 'user_id', accounts: 'id' }

async function make(ask: App, user: string, fields: object): Promise<string> {
  const response = await ask(user, 'POST', `/api/${user}/tasks`, fields)
  return ((await response.json()) as { id: string }).id
}

/** Everything that is kept of a user. */
async function everythingOf(sql: postgres.Sql, user: string) {
  return Promise.all(
    Object.entries(TABLES).map(([table, owner]) =>
      sql.unsafe(`select * from doable.${table} as row where ${owner} = $1 order by row::text`, [user]),
    ),
  )
}

/** The guarded routes but for streams. What erases the user comes last, or nothing would be left for the others. */
async function readGuarded(app: App): Promise<Route[]> {
  const document = await (await app('ann', 'GET', '/swagger/json')).json()
  const isLast = ({ method, path }: Route) => method === 'DELETE' && path.endsWith('{user_id}')
  return routesOf(document)
    .filter(({ open, name }) => !open && !name.endsWith('/events'))
    .sort((a, b) => Number(isLast(a)) - Number(isLast(b)))
}

interface Loss {
  /** Which statements lose the comparison. By default, all that have it. */
  among?: RegExp
  /** The least number of such statements. */
  least: number
  /** Whether rows of another user reach the process, which then refuses them with 500. */
  refused: boolean
}

const losses: [what: string, table: keyof typeof TABLES, loss: Loss][] = [
  ['statements', 'tasks', { least: 12, refused: true }],
  // Counts alone: if lists were broken too, they would be refused before a count is shown.
  ['counts', 'tasks', { among: /^select count/, least: 3, refused: false }],
  ['statements', 'lists', { least: 8, refused: true }],
  ['statements', 'users', { least: 10, refused: true }],
  ['statements', 'idempotency_keys', { least: 1, refused: false }],
  ['statements', 'accounts', { least: 1, refused: true }],
]

for (const [what, table, { among = /./, least, refused }] of losses)
  test(`${what} that have lost the comparison of ${table} with the owner leak nothing and change nothing of another user's`, async () => {
    const sql = openSession(await newDatabase(), { max: 4, fetch_types: false })
    await migrate(drizzle(sql))
    const seen = new Set<string>()
    const comparison = new RegExp(`"?(?:doable"\\."${table}"|\\b${table})"?\\."?${TABLES[table]}" = (\\$\\d+)`, 'g')
    const broken = (text: string) => {
      // The parameter must stay in use, or PostgreSQL cannot tell its type.
      if (!among.test(text)) return text
      const without = text.replace(comparison, (_, parameter) => `${parameter}::text is not null`)
      if (without !== text) seen.add(text)
      return without
    }
    const client = intercept(sql, broken)
    const [sound, cut] = [await appOver(sql), await appOver(client)]

    const ids: string[] = []
    for (const place of ['at hand', 'done', 'in the trash', 'gone'])
      ids.push(await make(sound, 'ann', { title: `${MARK} ${place}`, completed: place === 'done' }))
    const gone = ids.at(-1) ?? ''
    for (const id of ids.slice(2)) await sound('ann', 'DELETE', `/api/ann/tasks/${id}`)
    await sound('ann', 'DELETE', `/api/ann/trash/${gone}`)
    // The list has the id of a task, so that one id asks for both.
    const lists = ids.slice(0, 3)
    for (const id of lists) await sound('ann', 'POST', '/api/ann/lists', { id, name: `${MARK} list` })
    await sound('ann', 'PUT', `/api/ann/tasks/${ids[0]}`, { list_id: ids[0] })
    await sound('ann', 'POST', '/api/ann/tasks', { title: `${MARK} part`, parent_id: ids[0] })
    await sound('ann', 'DELETE', `/api/ann/lists/${ids[2]}`)
    const key = { 'idempotency-key': 'the same' }
    await sound('ann', 'POST', '/api/ann/tasks', { title: `${MARK} once` }, key)
    await sql`insert into doable.accounts (id, name, email, email_verified, created_at, updated_at)
      values ('ann', 'Ann', 'ann@a', true, now(), now()), ('bob', 'Bob', 'bob@b', true, now(), now())`
    const before = await everythingOf(sql, 'ann')
    expect(before.every((rows) => rows.length > 0)).toBe(true)

    // Bob has one of each kind of row, so that his statements find something.
    await make(sound, 'bob', { title: 'Of his own' })
    await make(sound, 'bob', { title: 'Done', completed: true })
    const trash = await make(sound, 'bob', { title: 'Of long ago' })
    await sound('bob', 'DELETE', `/api/bob/tasks/${trash}`)
    await sql`update doable.tasks set deleted_at = now() - interval '40 days' where id = ${trash}`
    const own = (await (await sound('bob', 'POST', '/api/bob/lists', { name: 'Of his own' })).json()) as { id: string }
    await make(sound, 'bob', { title: 'In a list', list_id: own.id })
    await make(sound, 'bob', { title: 'Part', parent_id: await make(sound, 'bob', { title: 'Parent' }) })

    const statuses = new Set<number>()
    async function attempt(method: string, path: string, body?: unknown, headers?: Record<string, string>) {
      const response = await cut('bob', method, path, body, headers)
      // An export breaks off where another user's row would come.
      const text = await response.text().catch(() => '')
      expect(`${method} ${path}: ${text}`).not.toContain(MARK)
      expect(`${method} ${path}: ${text}`).not.toContain('"ann"')
      statuses.add(response.status)
      return { status: response.status, headers: response.headers, text }
    }

    for (const [path, own] of [
      ['/tasks?count=true', 5],
      ['/tasks?count=true&priority=medium', 5],
      ['/trash?count=true', 1],
    ] as const) {
      const counted = await attempt('GET', `/api/bob${path}`)
      if (counted.status === 200) expect(counted.headers.get('x-total-count')).toBe(String(own))
    }
    for (const id of ids)
      for (const field of ['list_id', 'parent_id'])
        await attempt('POST', '/api/bob/tasks', { title: 'Of his own, there', [field]: id })
    expect((await attempt('POST', '/api/bob/tasks', { title: 'Of his own, once' }, key)).status).toBe(201)
    for (const id of ids) {
      const imported = await attempt('POST', '/api/bob/import', [{ id, title: 'Now mine' }])
      if (imported.status === 200) expect(JSON.parse(imported.text)).toMatchObject({ imported: 1, skipped: 0 })
    }
    await purgeExpired(drizzle(client), 30).catch(() => {})
    await purgeLists(drizzle(client), 30).catch(() => {})
    for (const { method, path, body } of await readGuarded(sound))
      for (const id of ids) {
        const query = path.endsWith('{user_id}')
          ? '?confirm=bob&account=true'
          : path.endsWith('/tasks') && method === 'DELETE'
            ? '?status=completed'
            : ''
        await attempt(method, fillPath(path, { user_id: 'bob', id }) + query, body)
      }
    expect(await everythingOf(sql, 'ann')).toEqual(before)
    // Statements were really broken; and where only rows show whose they are, `ownRows` refused some.
    expect(seen.size).toBeGreaterThanOrEqual(least)
    expect(statuses.has(500)).toBe(refused)
    await sql.end()
  })
