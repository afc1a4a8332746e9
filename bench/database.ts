import { PgDialect } from 'drizzle-orm/pg-core'
import { task } from '../src/tasks/fields.ts'
import { inSession, type PostgresServer, startPostgresServer } from '../test/kit/postgres-server.ts'
import { tasksEach, type Volume } from './loads.ts'
import { run } from './programs.ts'

/**
 * What is read fits into the server's cache, or the system's. Writes wait for the disk at their commit, as they do in
 * production: `synchronous_commit` stays at its default, which is on.
 */
export const SETTINGS = [
  'fsync = on',
  'shared_buffers = 2GB',
  'max_wal_size = 8GB',
  'checkpoint_timeout = 1h',
  'autovacuum_naptime = 10s',
  // For the indexes of the large tables, made once they are full.
  'maintenance_work_mem = 512MB',
]

/** Bytes that a task takes on the disk while it is loaded: its row, its indexes, and the log of both. */
export const LOADED_TASK = 1200

/** The same for its copy in the plain services' table. */
export const PLAIN_TASK = 500

export interface Store extends PostgresServer {
  /** The process whose children serve the connections. */
  readonly pid: number
}

export async function startDatabase(): Promise<Store> {
  const server = await startPostgresServer({ settings: SETTINGS })
  const stat = await inSession(server.url(), async (sql) => {
    const [row] = await sql<[{ pid: number }]>`select pg_backend_pid() as pid`
    return await Bun.file(`/proc/${row.pid}/stat`).text()
  })
  return { ...server, pid: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) }
}

/**
 * Writes out what has changed in the cache. Otherwise a read that needs room in it waits until the disk has another
 * statement's page and its log.
 */
export async function writeOut(database: PostgresServer): Promise<void> {
  await inSession(database.url(), (sql) => sql`checkpoint`)
}

type Execute = (text: string) => PromiseLike<unknown>

/** Fills Doable's tables, in whichever database `execute` reaches as a superuser. */
export async function fill(execute: Execute, volume: Volume): Promise<void> {
  const { users, tasks } = volume
  const each = tasksEach(volume)
  // No trigger looks up each task's user: they come when their tasks can be summed up.
  await execute('set session_replication_role = replica')
  await execute(`
    insert into doable.tasks (id, user_id, title, description, completed, completed_at, priority, due_date, tags,
      position, revision, created_at, updated_at)
    select ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
      'bench-' || lpad((n % ${users})::text, 6, '0'),
      'Task ' || n || ' of the bench, with a title of ordinary length',
      case when n % 2 = 0 then 'Some words about it, as people write them.' end,
      n % 5 = 0, case when n % 5 = 0 then at end,
      (enum_range(null::doable.task_priority))[1 + n % 3],
      case n % 3 when 0 then '2026-11-24' when 1 then '2026-11-24T17:30:00.000Z' end,
      case when n % 2 = 0 then '{home,errands}' else '{}' end::text[],
      1 + n / ${users}, 1 + n / ${users}, at, at
    from generate_series(0, ${each * users - 1}) n,
      lateral (select timestamptz '2026-01-01' + n * interval '2.001 seconds' / ${Math.max(1, Math.floor(tasks / 1e6))}) times (at)`)
  // What they take is summed up, as it is for users whom the service made: an insert needs it.
  await execute(`
    insert into doable.users (id, revision, position, bytes)
    select user_id, ${each}, ${each}, sum(${new PgDialect().sqlToQuery(task.bytes.kept).sql})
    from doable.tasks group by user_id`)
}

/** The plain services' table beside Doable's, with the same tasks under the same ids. */
export async function loadPlain(url: string): Promise<void> {
  const statements = [
    'create schema plain',
    `create table plain.tasks (id uuid primary key, user_id text not null, title text not null, description text,
      completed boolean not null default false, created_at timestamptz not null default now(),
      updated_at timestamptz not null default now())`,
    `insert into plain.tasks
      select id, user_id, title, description, completed, created_at, updated_at from doable.tasks order by id`,
    'create index tasks_user_created on plain.tasks (user_id, created_at)',
    'vacuum analyze plain.tasks',
  ]
  await inSession(url, async (sql) => {
    for (const text of statements) await sql.unsafe(text)
  })
}

/** A new database of Doable's schema with this much in it. Indexes are made once the rows are there: 10 million tasks take minutes. */
export async function loadDatabase(server: PostgresServer, doable: string, name: string, volume: Volume) {
  await inSession(server.url(), (sql) => sql.unsafe(`create database ${name}`))
  const url = server.url(name)
  await run([doable, 'migrate'], { env: { DATABASE_URL: url, BETTER_AUTH_SECRET: crypto.randomUUID() } })
  await inSession(url, async (sql) => {
    const indexes = await sql<{ indexname: string; indexdef: string }[]>`
      select indexname, indexdef from pg_indexes
      where schemaname = 'doable' and tablename = 'tasks' and indexname not like '%_pk'`
    for (const { indexname } of indexes) await sql.unsafe(`drop index doable.${indexname}`)
    const keys = await sql<{ name: string; definition: string }[]>`
      select conname name, pg_get_constraintdef(oid) definition from pg_constraint
      where conrelid = 'doable.tasks'::regclass and contype = 'p'`
    for (const { name } of keys) await sql.unsafe(`alter table doable.tasks drop constraint ${name}`)
    await fill((text) => sql.unsafe(text), volume)
    for (const { name, definition } of keys)
      await sql.unsafe(`alter table doable.tasks add constraint ${name} ${definition}`)
    for (const { indexdef } of indexes) await sql.unsafe(indexdef)
    await sql`vacuum analyze`
  })
  return url
}
