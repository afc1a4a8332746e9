import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { chmod, chown, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Task } from '../../src/tasks/model.ts'
import { readBlock, readStatements } from '../docs/page.ts'
import { boot, type Target } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { inSession, type PostgresServer, startPostgresServer } from '../kit/postgres-server.ts'
import { runToEnd } from '../kit/program.ts'
import { SECRET } from '../kit/tokens.ts'
import { findPostgresPrograms, run } from './programs.ts'

setDefaultTimeout(120_000)

/** Stands for the user of the unit, which owns the archive's place. */
const NOBODY = 65534

let folder: string
let programs: string
const servers: PostgresServer[] = []

beforeAll(async () => {
  programs = await findPostgresPrograms()
  folder = await mkdtemp(join(tmpdir(), 'doable-backup-'))
  // The page's commands call the program by its name.
  const main = join(import.meta.dir, '../../src/main.ts')
  const scripts = {
    doable: `exec '${process.execPath}' '${main}' "$@"`,
    // What the page runs in a container runs on this machine. Nothing else of Docker and systemd is there: the
    // test itself starts and stops Doable.
    docker: 'case "$2 $4" in exec*) shift 4; exec "$@";; "run migrate") shift 4; exec doable "$@";; esac',
    systemctl: 'exit 0',
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
  const server = await startPostgresServer({ programs })
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

const execute = (url: string, statements: string[]) =>
  inSession(url, async (session) => {
    for (const statement of statements) await session.unsafe(statement)
  })

/**
 * Runs a block of the page, and expects it to say nothing of errors.
 *
 * @param place what stands for the guide's folder of the embedded database
 */
async function paste(text: string, given: Record<string, string>, place = '/var/lib/doable'): Promise<void> {
  const env = {
    PATH: `${programs}:${folder}:/usr/bin:/bin`,
    BETTER_AUTH_SECRET: SECRET,
    DATA_DIR: '/nonexistent',
    ...given,
  }
  const block = (await readBlock('sh', text)).replaceAll('/var/lib/doable', place)
  const { code, err } = await run(['bash', '-euo', 'pipefail', '-c', block], env, folder)
  expect({ code, err }).toEqual({ code: 0, err: '' })
}

const person = { email: 'ada@example.com', password: 'a long enough password' }

/** Does something with a service over a database, which it stops afterwards. */
async function withService<T>(database: Record<string, string>, work: (target: Target) => Promise<T>): Promise<T> {
  const kind = 'DATABASE_URL' in database ? 'postgres' : 'embedded'
  const target = await boot(kind, { ...database, ACCOUNTS: 'on' })
  const done = await work(target)
  await target.stop()
  return done
}

async function write(target: Target, titles: string[]): Promise<void> {
  for (const title of titles) {
    const task = { title, priority: 'high', tags: ['home'] }
    expect((await target.request('alice', 'POST', '/api/alice/tasks', task)).status).toBe(201)
  }
}

/** What a user has, by its oldest change, how far they have seen, and how their account's sign-in is answered. */
async function look(target: Target) {
  const response = await target.request('alice', 'GET', '/api/alice/changes?since=0')
  const { changes, next } = (await response.json()) as { changes: Task[]; next: number }
  const signIn = await target.request(undefined, 'POST', '/api/auth/sign-in/email', person)
  return { tasks: changes.map(({ revision, ...task }) => task), next, signedIn: signIn.status }
}

type Look = Awaited<ReturnType<typeof look>>

/** Three tasks and an account, as they were when they were backed up. */
async function fill(target: Target) {
  await write(target, ['Buy milk', 'Größe 42', "O'Brien; drop table"])
  const signUp = await target.request(undefined, 'POST', '/api/auth/sign-up/email', { name: 'Ada', ...person })
  expect(signUp.status).toBe(200)
  const before = await look(target)
  expect(before).toMatchObject({ tasks: [{}, {}, {}], signedIn: 200 })
  return before
}

/** Everything is as it was, and a device that has seen up to `next` is told to start anew. */
async function expectRestored(target: Target, { tasks, signedIn }: Look, next: number): Promise<void> {
  const now = await look(target)
  expect(now).toMatchObject({ tasks, signedIn })
  expect(now.next).toBeGreaterThan(next)
  for (const path of [`/api/alice/changes?since=${next}`, `/api/alice/events?since=${next}`])
    await expectProblem(await target.request('alice', 'GET', path), 410, 'history-gone')
}

test("the page's dump of a served database restores on a new server, over itself, and where no role of its own is known, without a message", async () => {
  const from = await newServer()
  expect(await runToEnd(['migrate'], { DATABASE_URL: from.owner })).toMatchObject({ code: 0 })
  const grants = await readStatements('GRANT CONNECT ON DATABASE doable')
  await execute(from.owner, grants)
  const { before, seen } = await withService({ DATABASE_URL: from.service }, async (target) => {
    const before = await fill(target)
    await paste('pg_dump --format=custom --schema=doable --no-owner --no-privileges --file', { OWNER_URL: from.owner })
    await write(target, ['Lost', 'Lost, too'])
    return { before, seen: (await look(target)).next }
  })
  const restore = async (owner: string, statements: string[]) => {
    await paste('pg_restore --no-owner --no-privileges --single-transaction --dbname=', { OWNER_URL: owner })
    await execute(owner, statements)
    await paste('DATABASE_URL="$OWNER_URL" doable restored', { OWNER_URL: owner })
  }

  const to = await newServer()
  await restore(to.owner, grants)
  await withService({ DATABASE_URL: to.service }, (target) => expectRestored(target, before, seen))
  await execute(to.owner, ['DROP SCHEMA doable CASCADE'])
  await restore(to.owner, grants)
  await withService({ DATABASE_URL: to.service }, (target) => expectRestored(target, before, seen))

  const stranger = await startDebianServer()
  await execute(stranger.url(), ['create role somebody login', 'create database doable owner somebody'])
  const url = stranger.url('doable').replace('//postgres@', '//somebody@')
  await restore(url, [])
  await withService({ DATABASE_URL: url }, (target) => expectRestored(target, before, seen))
})

test("the page's dump and restore in compose.yaml's database bring back what was there, without a message", async () => {
  const server = await startDebianServer()
  await execute(server.url(), ['create role doable login superuser', 'create database doable owner doable'])
  const DATABASE_URL = server.url('doable').replace('//postgres@', '//doable@')
  const containers = { PGHOST: '127.0.0.1', PGPORT: String(server.port), DATABASE_URL }
  const { before, seen } = await withService({ DATABASE_URL }, async (target) => {
    const before = await fill(target)
    await paste('pg_dump --username doable', containers)
    await write(target, ['Lost'])
    return { before, seen: (await look(target)).next }
  })
  await paste('pg_restore --username doable', containers)
  await withService({ DATABASE_URL }, (target) => expectRestored(target, before, seen))
})

test("the page's archive of the embedded database brings back what was there, in the same hands", async () => {
  const place = join(folder, 'data')
  await mkdir(place)
  const before = await withService({ DATA_DIR: place }, fill)
  await chown(place, NOBODY, NOBODY)
  await paste('tar --create', {}, place)
  const seen = await withService({ DATA_DIR: place }, async (target) => {
    await write(target, ['Lost'])
    return (await look(target)).next
  })
  await paste('tar --extract', {}, place)
  for (const name of ['lock', 'postgres', 'postgres/PG_VERSION'])
    expect(await stat(join(place, name)), name).toMatchObject({ uid: NOBODY, gid: NOBODY })
  await withService({ DATA_DIR: place }, (target) => expectRestored(target, before, seen))
})
