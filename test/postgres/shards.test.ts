import { afterAll, beforeAll, expect, test } from 'bun:test'
import { drizzle } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import { migrate } from '../../src/db/migrate.ts'
import { type App, appOver, intercept } from '../kit/driver.ts'
import { newDatabase, openSession } from '../kit/postgres-server.ts'

const PARTS = 16

/** A plan for given values, and the one for all values that a prepared statement gets once it has been used a few times. */
const MODES = ['force_custom_plan', 'force_generic_plan']

const USER = 'anna'

/** Every table that belongs to users, and the column that holds the user. */
const TABLES = { users: 'id', tasks: 'user_id', lists: 'user_id', idempotency_keys: 'user_id' } as const

interface Statement {
  text: string
  parameters: postgres.ParameterOrJSON<never>[]
}

interface Plan {
  'Relation Name'?: string
  Plans?: Plan[]
  'Target Tables'?: Plan[]
}

let sql: postgres.Sql
const seen = new Map<string, Statement>()

beforeAll(async () => {
  sql = openSession(await newDatabase(), { max: 4, fetch_types: false })
  await migrate(drizzle(sql))
  await partition()
  const recorded = intercept(sql, (text, parameters) => {
    seen.set(text, { text, parameters })
    return text
  })
  await walk(await appOver(recorded))
})

afterAll(() => sql.end({ timeout: 5 }))

/** The same tables, cut into parts by a hash of the user: columns, defaults, checks, indexes and keys stay. */
async function partition(): Promise<void> {
  const foreign = await sql<{ tab: string; name: string; definition: string }[]>`
    select conrelid::regclass::text tab, conname name, pg_get_constraintdef(oid) definition
    from pg_constraint where contype = 'f' and connamespace = 'doable'::regnamespace`
  for (const { tab, name } of foreign) await sql.unsafe(`alter table ${tab} drop constraint ${name}`)
  for (const [table, key] of Object.entries(TABLES)) {
    await sql.unsafe(`create table doable.new (like doable.${table} including all) partition by hash (${key})`)
    await sql.unsafe(`drop table doable.${table}`)
    await sql.unsafe(`alter table doable.new rename to ${table}`)
    for (let part = 0; part < PARTS; part++)
      await sql.unsafe(`create table doable.${table}_part_${part} partition of doable.${table}
        for values with (modulus ${PARTS}, remainder ${part})`)
  }
  for (const { tab, name, definition } of foreign)
    await sql.unsafe(`alter table ${tab} add constraint ${name} ${definition}`)
}

/** Calls every route with its options, so that every statement of a request is recorded. */
async function walk(app: App): Promise<void> {
  const ask = async (method: string, path: string, body?: unknown, headers?: Record<string, string>) => {
    const response = await app(USER, method, `/api/${USER}${path}`, body, headers)
    const text = await response.text()
    if (response.status >= 500) throw new Error(`${method} ${path} answered ${response.status}`)
    return { status: response.status, headers: response.headers, text }
  }
  const made = JSON.parse((await ask('POST', '/tasks', { title: 'one', tags: ['home'] })).text) as { id: string }
  for (const title of ['two', 'three']) await ask('POST', '/tasks', { title }, { 'idempotency-key': title })
  const task = `/tasks/${made.id}`
  await ask('GET', task)
  await ask('PUT', task, { title: 'other' })
  await ask('PATCH', task, { due_date: '2026-11-24' }, { 'if-match': '"1"' })
  await ask('PATCH', `${task}/complete`)
  for (const sort of ['created_at', 'updated_at', 'due_date', 'priority', 'title', 'position'])
    for (const sign of ['', '-'])
      for (const filter of ['', '&completed=false', '&q=t&tag=home&priority=high&due_after=2026-01-01']) {
        const { headers } = await ask('GET', `/tasks?limit=1&count=true&sort=${sign}${sort}${filter}`)
        const next = /<([^>]+)>/.exec(headers.get('link') ?? '')?.[1]
        if (next) await ask('GET', next.slice(`/api/${USER}`.length))
      }
  await ask('GET', '/tasks', undefined, { 'if-none-match': '"1"' })
  await ask('GET', '/changes?since=1')
  await ask('DELETE', task)
  await ask('GET', '/trash?limit=1&count=true')
  await ask('POST', `${task}/restore`)
  await ask('DELETE', task)
  await ask('DELETE', `/trash/${made.id}`)
  await ask('POST', '/batch', { operations: [{ op: 'create', task: { title: 'four', completed: true } }] })
  const list = JSON.parse((await ask('POST', '/lists', { name: 'one' })).text) as { id: string }
  const parent = JSON.parse((await ask('POST', '/tasks', { title: 'in it', list_id: list.id })).text) as { id: string }
  await ask('POST', '/tasks', { title: 'part', parent_id: parent.id, completed: true })
  await ask('PATCH', `/tasks/${parent.id}`, { list_id: list.id })
  for (const of of [`/tasks/${parent.id}`, `/lists/${list.id}`]) {
    await ask('DELETE', of)
    await ask('POST', `${of}/restore`)
  }
  await ask('PUT', `/lists/${list.id}`, { name: 'other' })
  await ask('GET', `/lists/${list.id}`)
  await ask('GET', '/lists')
  await ask('GET', '/changes?since=1')
  await ask('DELETE', `/lists/${list.id}`)
  await ask('GET', '/lists?deleted=true')
  await ask('DELETE', `/lists/${list.id}?deleted=true`)
  const backup = await ask('GET', '/export?format=json')
  await ask('POST', '/import', backup.text)
  await ask('DELETE', '/tasks?status=completed')
  await ask('DELETE', `?confirm=${USER}`)
}

/**
 * The partitions that a plan reads or writes. Those that PostgreSQL leaves out when a
 * plan for all values meets these values do not count: nothing is done to them.
 */
async function partsOf({ text, parameters }: Statement, mode: string): Promise<Set<string>> {
  const values = parameters.map((value) => (value === null || value === undefined ? 'null' : quoted(String(value))))
  return sql.begin(async (tx) => {
    await tx.unsafe(`set local plan_cache_mode = ${mode}`)
    // EXPLAIN of the statement itself would always plan for its values.
    await tx.unsafe(`prepare explained as ${text}`)
    const list = values.length === 0 ? '' : `(${values.join(', ')})`
    const [row] = await tx.unsafe<[{ 'QUERY PLAN': [{ Plan: Plan }] }]>(
      `explain (format json) execute explained${list}`,
    )
    await tx.unsafe('deallocate explained')
    return new Set(relationsIn(row['QUERY PLAN'][0].Plan).filter((name) => name.includes('_part_')))
  })
}

function relationsIn(plan: Plan): string[] {
  const own = plan['Relation Name'] === undefined ? [] : [plan['Relation Name']]
  return [...own, ...[...(plan.Plans ?? []), ...(plan['Target Tables'] ?? [])].flatMap(relationsIn)]
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}

test('what a request asks for has been seen', () => {
  const all = [...seen.keys()].join('\n')
  for (const words of [
    'insert into "doable"."tasks"',
    'update "doable"."tasks"',
    'delete from "doable"."users"',
    'insert into "doable"."idempotency_keys"',
    'insert into "doable"."lists"',
    'left join lateral',
    'count(*)',
    'revision" >',
  ])
    expect(all).toContain(words)
  expect(seen.size).toBeGreaterThan(50)
})

test.each(MODES)('every statement of a request reads and writes one partition of a table only (%s)', async (mode) => {
  const wide: string[] = []
  for (const statement of seen.values()) {
    if (!statement.text.includes('"doable".')) continue
    const parts = [...(await partsOf(statement, mode))]
    for (const table of Object.keys(TABLES)) {
      const { length } = parts.filter((name) => name.startsWith(`${table}_part_`))
      if (length > 1) wide.push(`${length} parts of ${table}: ${statement.text}`)
    }
  }
  expect(wide).toEqual([])
})

test('a statement that does not name its user reads every partition, so that the check above can fail', async () => {
  const text = 'select from doable.tasks where id = $1::uuid'
  for (const mode of MODES) expect((await partsOf({ text, parameters: [crypto.randomUUID()] }, mode)).size).toBe(PARTS)
})
