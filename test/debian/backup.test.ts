import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { readBlock, readStatements } from '../docs/page.ts'
import { boot } from '../kit/boot.ts'
import { type PostgresServer, startPostgresServer } from '../kit/postgres-server.ts'
import { runToEnd } from '../kit/program.ts'
import { SECRET } from '../kit/tokens.ts'
import { findPostgresPrograms, run } from './programs.ts'

setDefaultTimeout(90_000)

let folder: string
let programs: string
const servers: PostgresServer[] = []

beforeAll(async () => {
  programs = await findPostgresPrograms()
  folder = await mkdtemp(join(tmpdir(), 'doable-backup-'))
  // The page's commands call the program by its name.
  const main = join(import.meta.dir, '../../src/main.ts')
  // In place of Docker, only what it runs in the database's container is run: on this machine.
  const scripts = {
    doable: `exec '${process.execPath}' '${main}' "$@"`,
    docker: '[ "$2" = exec ] || exit 0; shift 4; exec "$@"',
  }
  for (const [name, script] of Object.entries(scripts)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`)
    await chmod(join(folder, name), 0o755)
  }
})
afterAll(async () => {
  for (const server of servers) await server.stop()
  await rm(folder, { recursive: true, force: true })
})

async function startDebianServer(): Promise<PostgresServer> {
  const server = await startPostgresServer([], {}, programs)
  servers.push(server)
  return server
}

/** A server with the page's roles and its empty database, made by an administrator who is no superuser. */
async function newServer() {
  const server = await startDebianServer()
  const urlOf = (role: string, database = 'doable') => server.url(database).replace('//postgres@', `//${role}@`)
  await execute(server.url(), ['create role admin login createrole createdb'])
  await execute(urlOf('admin', 'postgres'), await readStatements('CREATE ROLE doable_service'))
  return { owner: urlOf('doable_owner'), service: urlOf('doable_service') }
}

async function execute(url: string, statements: string[]): Promise<void> {
  const client = postgres(url, { max: 1, onnotice: () => {} })
  for (const statement of statements) await client.unsafe(statement)
  await client.end()
}

/** Runs a block of the page as it stands, and expects it to say nothing of errors. */
async function paste(text: string, given: Record<string, string>): Promise<void> {
  const env = {
    PATH: `${programs}:${folder}:/usr/bin:/bin`,
    BETTER_AUTH_SECRET: SECRET,
    DATA_DIR: '/nonexistent',
    ...given,
  }
  const { code, err } = await run(['bash', '-euo', 'pipefail', '-c', await readBlock('sh', text)], env, folder)
  expect({ code, err }).toEqual({ code: 0, err: '' })
}

/** What a user and an account see. With `write`, they write first. */
async function visit(databaseUrl: string, write: boolean) {
  const target = await boot('postgres', { DATABASE_URL: databaseUrl, ACCOUNTS: 'on' })
  const person = { email: 'ada@example.com', password: 'a long enough password' }
  const post = (path: string, body: object) => target.request('alice', 'POST', path, body)
  if (write) {
    for (const title of ['Buy milk', 'Größe 42', "O'Brien; drop table"])
      expect((await post('/api/alice/tasks', { title, priority: 'high', tags: ['home'] })).status).toBe(201)
    expect((await post('/api/auth/sign-up/email', { name: 'Ada', ...person })).status).toBe(200)
  }
  const changes: unknown = await (await target.request('alice', 'GET', '/api/alice/changes?since=0')).json()
  const signedIn = (await post('/api/auth/sign-in/email', person)).status
  await target.stop()
  return { changes, signedIn }
}

test("the page's dump of a served database restores on a new server, over itself, and where no role of its own is known, without a message", async () => {
  const from = await newServer()
  expect(await runToEnd(['migrate'], { DATABASE_URL: from.owner })).toMatchObject({ code: 0 })
  const grants = await readStatements('GRANT CONNECT ON DATABASE doable')
  await execute(from.owner, grants)
  const before = await visit(from.service, true)
  expect(before).toMatchObject({ changes: { changes: [{}, {}, {}] }, signedIn: 200 })
  await paste('pg_dump --format=custom --schema=doable --no-owner --no-privileges --file', { OWNER_URL: from.owner })

  const to = await newServer()
  for (const statement of [undefined, 'DROP SCHEMA doable CASCADE']) {
    if (statement !== undefined) await execute(to.owner, [statement])
    await paste('pg_restore --no-owner --no-privileges --single-transaction --dbname=', { OWNER_URL: to.owner })
    await execute(to.owner, grants)
    expect(await visit(to.service, false)).toEqual(before)
  }

  const stranger = await startDebianServer()
  await execute(stranger.url(), ['create role somebody login', 'create database doable owner somebody'])
  const url = stranger.url('doable').replace('//postgres@', '//somebody@')
  await paste('pg_restore --no-owner --no-privileges --single-transaction --dbname=', { OWNER_URL: url })
  expect(await visit(url, false)).toEqual(before)
})

test("the page's dump and restore in compose.yaml's database bring back what was there, without a message", async () => {
  const server = await startDebianServer()
  await execute(server.url(), ['create role doable login superuser', 'create database doable owner doable'])
  const url = server.url('doable').replace('//postgres@', '//doable@')
  const before = await visit(url, true)
  const container = { PGHOST: '127.0.0.1', PGPORT: String(server.port) }
  await paste('pg_dump --username doable', container)
  await execute(url, ['delete from doable.tasks'])
  await paste('pg_restore --username doable', container)
  expect(await visit(url, false)).toEqual(before)
})
