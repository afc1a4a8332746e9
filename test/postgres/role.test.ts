import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import type postgres from 'postgres'
import { readStatements } from '../docs/page.ts'
import { boot, type Target } from '../kit/boot.ts'
import { newPerson, PASSWORD } from '../kit/person.ts'
import { openSession, type PostgresServer, startPostgresServer } from '../kit/postgres-server.ts'
import { runToEnd } from '../kit/program.ts'
import { fillPath, readRoutes } from '../kit/routes.ts'

setDefaultTimeout(120_000)

let server: PostgresServer
let owner: postgres.Sql
let service: postgres.Sql

const urlOf = (role: string, database = 'doable') => server.url(database).replace('//postgres@', `//${role}@`)

/** Runs the statements of the block of `docs/deploy.md` that holds this text. */
async function runBlock(role: postgres.Sql, text: string): Promise<void> {
  for (const statement of await readStatements(text)) await role.unsafe(statement)
}

beforeAll(async () => {
  // Roles belong to a whole server, so this test starts its own.
  server = await startPostgresServer()
  const superuser = openSession(server.url())
  await superuser`create role admin login createrole createdb`
  await superuser.end()
  // What managed services give: no superuser.
  const admin = openSession(urlOf('admin', 'postgres'))
  await runBlock(admin, 'CREATE ROLE doable_service')
  await admin.end()
  owner = openSession(urlOf('doable_owner'))
  await owner`create schema elsewhere create table secrets (text text)`
  expect(await runToEnd(['migrate'], { DATABASE_URL: urlOf('doable_owner') })).toMatchObject({ code: 0 })
  await runBlock(owner, 'GRANT CONNECT ON DATABASE doable')
  service = openSession(urlOf('doable_service'))
})
afterAll(async () => {
  await service.end()
  await owner.end()
  await server.stop()
})

type Step = [method: string, path: string, status: number, body?: unknown]

const own = '/api/{user_id}'
const walk: Step[] = [
  ['POST', `${own}/tasks`, 201, { id: '{id}', title: 'Buy milk' }],
  ['GET', `${own}/tasks`, 200],
  ['GET', `${own}/tasks/{id}`, 200],
  ['PUT', `${own}/tasks/{id}`, 200, { priority: 'high' }],
  ['PATCH', `${own}/tasks/{id}`, 200, { tags: ['home'] }],
  ['PATCH', `${own}/tasks/{id}/complete`, 200],
  ['DELETE', `${own}/tasks?status=completed`, 200],
  ['GET', `${own}/trash`, 200],
  ['POST', `${own}/tasks/{id}/restore`, 200],
  ['DELETE', `${own}/tasks/{id}`, 204],
  ['DELETE', `${own}/trash/{id}`, 204],
  ['POST', `${own}/import`, 200, [{ id: '{id}', title: 'Instead of the tombstone' }]],
  ['POST', `${own}/batch`, 200, { operations: [{ op: 'complete', id: '{id}' }] }],
  ['POST', `${own}/lists`, 201, { id: '{id}', name: 'Groceries' }],
  ['PUT', `${own}/tasks/{id}`, 200, { list_id: '{id}' }],
  ['GET', `${own}/lists`, 200],
  ['GET', `${own}/lists/{id}`, 200],
  ['PUT', `${own}/lists/{id}`, 200, { name: 'Errands' }],
  ['PATCH', `${own}/lists/{id}`, 200, { position: 2 }],
  ['DELETE', `${own}/lists/{id}`, 204],
  ['POST', `${own}/lists/{id}/restore`, 200],
  ['GET', `${own}/changes`, 200],
  ['GET', `${own}/events`, 200],
  ['GET', `${own}/export`, 200],
  ['GET', `${own}/access`, 200],
  ['DELETE', `${own}/access?client_id=nobody`, 404],
  ['DELETE', `${own}?confirm={user_id}`, 204],
  ['GET', '/health', 200],
  ['GET', '/health/ready', 200],
]

test('a role that may do no more than read and write rows serves every route, accounts included', async () => {
  const target: Target = await boot('postgres', { DATABASE_URL: urlOf('doable_service'), ACCOUNTS: 'on' })
  const ids = { user_id: 'ann', id: crypto.randomUUID() }
  const met = new Set<string>()
  for (const [method, path, status, body] of walk) {
    const filled = body === undefined ? undefined : JSON.parse(JSON.stringify(body).replaceAll('{id}', ids.id))
    const headers: Record<string, string> = method === 'POST' ? { 'idempotency-key': path } : {}
    const response = await target.request('ann', method, fillPath(path, ids), filled, headers)
    expect(`${method} ${path}: ${response.status}`).toBe(`${method} ${path}: ${status}`)
    // The stream of events does not end by itself.
    await (path.endsWith('/events') ? response.body?.cancel() : response.arrayBuffer())
    met.add(`${method} ${path.split('?')[0]}`)
  }
  expect([...met].sort()).toEqual((await readRoutes(target)).map(({ name }) => name).sort())

  const ada = newPerson(target.url)
  expect((await ada.signUp()).error).toBeNull()
  expect((await ada.client.getSession()).data).not.toBeNull()
  expect(await ada.token()).toBeString()
  await ada.client.signOut()
  expect((await ada.signIn()).error).toBeNull()
  expect((await ada.client.deleteUser({ password: PASSWORD })).error).toBeNull()
  await target.stop()
})

test('the trash is emptied by that role', async () => {
  await owner`insert into doable.users (id, revision) values ('old', 1)`
  await owner`insert into doable.tasks (id, user_id, title, position, revision, deleted_at)
    values (gen_random_uuid(), 'old', 'Of long ago', 1, 1, now() - interval '40 days')`
  const { code, stdout } = await runToEnd(['purge'], { DATABASE_URL: urlOf('doable_service') })
  expect([code, stdout]).toEqual([0, '1 tasks were deleted for good.\n'])
})

/** SQLSTATE of what a role may not do (PostgreSQL manual, appendix A). */
const INSUFFICIENT_PRIVILEGE = '42501'

test.each([
  'drop table doable.tasks',
  'drop schema doable cascade',
  'alter table doable.tasks add column more text',
  'alter table doable.tasks disable trigger all',
  'truncate doable.tasks',
  'create table doable.more (id int)',
  'create table public.more (id int)',
  'create temporary table more (id int)',
  'create index on doable.tasks (title)',
  'create function doable.f() returns int language sql return 1',
  'create schema more',
  'create role more',
  'alter role doable_service bypassrls',
  'set role doable_owner',
  'set session_replication_role = replica',
  'select * from elsewhere.secrets',
  'select rolpassword from pg_authid',
  "insert into doable.migrations (hash) values ('x')",
  'delete from doable.migrations',
  "copy doable.tasks to program 'cat'",
  "copy doable.tasks to '/tmp/tasks'",
])('that role may not: %s', async (statement) => {
  const refused = await service.unsafe(statement).then(
    () => 'done',
    ({ code, message }: postgres.PostgresError) => ({ code, message }),
  )
  expect(refused).toMatchObject({ code: INSUFFICIENT_PRIVILEGE })
})

test('the owner that makes the tables is no superuser, and makes neither roles nor databases', async () => {
  expect(
    await owner`select rolsuper, rolcreaterole, rolcreatedb from pg_roles where rolname = current_user`,
  ).toMatchObject([{ rolsuper: false, rolcreaterole: false, rolcreatedb: false }])
  expect(
    await owner`select 1 from pg_class where relnamespace = 'doable'::regnamespace
    and relowner <> 'doable_owner'::regrole`,
  ).toHaveLength(0)
})

test('that role owns nothing, belongs to no other, and has none of the powers that go beyond tables', async () => {
  const [role] = await service`select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication
    from pg_roles where rolname = current_user`
  expect(role).toEqual({
    rolsuper: false,
    rolbypassrls: false,
    rolcreaterole: false,
    rolcreatedb: false,
    rolreplication: false,
  })
  expect(
    await service`select 1 from pg_shdepend where deptype = 'o' and refobjid = current_user::regrole`,
  ).toHaveLength(0)
  expect(await service`select 1 from pg_auth_members where member = current_user::regrole`).toHaveLength(0)
})

test.each(['doable_owner', 'postgres'])(
  'tables that the owner adds later are open to it, where %s ran the statements',
  async (role) => {
    const runner = openSession(urlOf(role))
    await owner`alter default privileges in schema doable revoke all on tables from doable_service`
    await runBlock(runner, 'GRANT CONNECT ON DATABASE doable')
    await runner.end()
    await owner.unsafe(`create table doable.made_after_${role} (id int)`)
    await service.unsafe(`insert into doable.made_after_${role} values (1)`)
    expect(await service.unsafe(`select * from doable.made_after_${role}`)).toHaveLength(1)
  },
)

test('a missing migration ends its start in words', async () => {
  await owner`delete from doable.migrations where id = (select max(id) from doable.migrations)`
  const { code, stdout, stderr } = await runToEnd(['serve'], { DATABASE_URL: urlOf('doable_service') })
  expect(code).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject({ level: 'fatal', msg: 'the start failed' })
  expect(stderr).toMatch(/^.*cannot be used: permission denied.*\n$/)
})
