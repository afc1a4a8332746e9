import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { and, eq, sql } from 'drizzle-orm'
import { createTokens } from '../../src/auth/token.ts'
import { readConfig } from '../../src/config.ts'
import { migrate } from '../../src/db/migrate.ts'
import { openPglite } from '../../src/db/pglite/open.ts'
import { tasks } from '../../src/db/schema.ts'
import { createLog } from '../../src/log.ts'
import { startService } from '../../src/serve.ts'
import { newPlace, runToEnd } from '../kit/program.ts'
import { SECRET } from '../kit/tokens.ts'
import { until } from '../kit/until.ts'

setDefaultTimeout(120_000)

/** Writes that are acknowledged before the kill. */
const ENOUGH = 100

let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'doable embedded '))
})
afterEach(() => rm(root, { recursive: true, force: true }))

const configOf = (dataDir: string) => readConfig({ DATA_DIR: dataDir, BETTER_AUTH_SECRET: SECRET, PORT: '0' })
const start = (dataDir: string) => startService(configOf(dataDir), createLog('silent'))

async function clientOf(url: string) {
  const tokens = await createTokens({ ...configOf(root), secrets: [SECRET] })
  const authorization = `Bearer ${await tokens.sign('alice', 3600)}`
  return {
    add: (title: string) =>
      fetch(`${url}/api/alice/tasks`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ title }),
      }),
    async titles(): Promise<string[]> {
      const response = await fetch(`${url}/api/alice/tasks`, { headers: { authorization } })
      return ((await response.json()) as { title: string }[]).map(({ title }) => title)
    },
  }
}

/** Every file below a folder with its content's hash. */
async function contents(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  return Object.fromEntries(
    await Promise.all(files.sort().map(async (file) => [file, Bun.hash(await readFile(file)).toString()])),
  )
}

test('plans of statements from when the tables were empty do not outlast their growth', async () => {
  const { db, close } = await openPglite(join(root, 'growing'), { requestTimeoutMs: 60_000, migrationMs: 60_000 })
  await migrate(db)
  const ids = Array.from({ length: 20 }, () => crypto.randomUUID())
  const find = db
    .select({ title: tasks.title })
    .from(tasks)
    .where(and(eq(tasks.user_id, 'ann'), eq(tasks.id, sql.placeholder('id'))))
    .prepare('find')
  for (const id of ids) expect(await find.execute({ id })).toEqual([])
  await db.execute(sql`insert into doable.users (id, revision) values ('ann', 1)`)
  await db.execute(sql`insert into doable.tasks (id, user_id, title, position, revision)
    select gen_random_uuid(), 'ann', 'x', n, n from generate_series(1, 5000) as n`)
  await until('the statement is planned for many tasks', async () => {
    for (const id of ids) await find.execute({ id })
    const names = JSON.stringify(
      await db.execute(sql`select name from pg_prepared_statements
        where statement like 'select "title" from "doable"."tasks"%'`),
    )
    const name = /"name":"(\w+)"/.exec(names)?.[1]
    const plan = await db.execute(sql.raw(`explain execute "${name}" ('ann', '${ids[0]}')`))
    return JSON.stringify(plan).includes('tasks_user_id_id_pk')
  })
  await close()
})

test('a path with spaces, which does not exist yet, is a data directory like any other', async () => {
  const dataDir = join(root, 'some where', 'deep')
  const service = await start(dataDir)
  expect((await (await clientOf(service.url)).add('kept')).status).toBe(201)
  await service.stop()
  const again = await start(dataDir)
  expect(await (await clientOf(again.url)).titles()).toEqual(['kept'])
  await again.stop()
})

test('a second process on the directory is refused and touches nothing; kill -9 of the first frees it, with every acknowledged row', async () => {
  const dataDir = join(root, 'data')
  await using place = await newPlace()
  const first = await place.serve({ DATA_DIR: dataDir, BETTER_AUTH_SECRET: SECRET })
  const client = await clientOf(first.url)
  expect((await client.add('before')).status).toBe(201)

  const before = await contents(dataDir)
  const second = await runToEnd(['serve'], { DATA_DIR: dataDir })
  expect(second.code).toBe(1)
  // One line: `JSON.parse` takes no second.
  expect(JSON.parse(second.stdout)).toMatchObject({ level: 'fatal', msg: 'the start failed' })
  expect(second.stderr).toMatch(/in use by another running Doable/)
  expect(second.stderr).toContain(dataDir)
  expect(await contents(dataDir)).toEqual(before)
  await expect(start(dataDir)).rejects.toThrow(/in use by another running Doable/)
  expect((await client.add('after')).status).toBe(201)

  const acknowledged: string[] = []
  const enough = Promise.withResolvers<void>()
  const writing = Promise.all(
    Array.from({ length: 8 }, async (_, n) => {
      for (let i = 0; i < 10_000; i++) {
        const title = `${n}-${i}`
        const response = await client.add(title).catch(() => undefined)
        if (response?.status !== 201) return
        acknowledged.push(title)
        if (acknowledged.length === ENOUGH) enough.resolve()
      }
    }),
  )
  await Promise.race([enough.promise, writing])
  await first.end('SIGKILL')
  await writing
  expect(acknowledged.length).toBeGreaterThanOrEqual(ENOUGH)

  const next = await start(dataDir)
  const response = await (await clientOf(next.url)).titles()
  expect(response).toContain('before')
  expect(response).toContain('after')
  const newest = new Set(response)
  // A list shows the newest 1000 only.
  expect(acknowledged.slice(-500).filter((title) => !newest.has(title))).toEqual([])
  expect(newest.size).toBe(response.length)
  await next.stop()
})

test('after a first start that was killed while it unpacked, the next one succeeds', async () => {
  const dataDir = join(root, 'data')
  const [whole, half] = [join(dataDir, 'postgres'), join(dataDir, 'postgres.unpacking')]
  const madeAt = (folder: string) =>
    stat(folder).then(
      ({ birthtimeMs }) => birthtimeMs,
      () => undefined,
    )
  await using place = await newPlace()
  let interrupted = 0
  for (const waitMs of [0, 30, 80, 150, 250, 400]) {
    // The start before may have finished: remove its folder, so that this one unpacks again.
    await rm(whole, { recursive: true, force: true })
    const left = await madeAt(half)
    const child = place.start(['serve'], { DATA_DIR: dataDir, BETTER_AUTH_SECRET: SECRET })
    let over = false
    void child.ended.then(() => {
      over = true
    })
    // The folder may be left over from the start before: only a new one counts.
    const isUnpacking = async () => ![undefined, left].includes(await madeAt(half))
    while (!over && !(await isUnpacking()) && (await madeAt(whole)) === undefined) await Bun.sleep(2)
    await Bun.sleep(waitMs)
    expect(await child.end('SIGKILL')).toBeNull()
    if ((await madeAt(half)) !== undefined) interrupted++
  }
  expect(interrupted).toBeGreaterThan(0)
  const service = await start(dataDir)
  expect((await (await clientOf(service.url)).add('whole')).status).toBe(201)
  await service.stop()
  expect((await readdir(dataDir)).filter((name) => name.endsWith('.unpacking'))).toEqual([])
})

test('a directory made by another major version is refused, untouched, in words', async () => {
  const files = join(root, 'postgres')
  await mkdir(files)
  await writeFile(join(files, 'PG_VERSION'), '17\n')
  const before = await contents(files)
  await expect(start(root)).rejects.toThrow(/made by PostgreSQL 17, this program carries 18/)
  expect(await contents(files)).toEqual(before)
})

test('a directory that cannot be written is refused in words', async () => {
  await writeFile(join(root, 'file'), '')
  await expect(start(join(root, 'file', 'below'))).rejects.toThrow(/cannot make the data directory .*below/)
  await expect(start('/proc/doable')).rejects.toThrow(/cannot make the data directory \/proc\/doable/)
  if (process.getuid?.() === 0) {
    // Root is not stopped by modes, but by the kernel in /proc.
    await expect(start('/proc')).rejects.toThrow(/cannot lock the data directory \/proc/)
    return
  }
  const closed = join(root, 'closed')
  await mkdir(closed)
  await chmod(closed, 0o500)
  await expect(start(closed)).rejects.toThrow(/cannot lock the data directory .*closed/)
})

test('a stop lets go of the directory, also after a start that failed', async () => {
  const dataDir = join(root, 'data')
  const service = await start(dataDir)
  const { port } = new URL(service.url)
  const config = readConfig({ DATA_DIR: join(root, 'other'), BETTER_AUTH_SECRET: SECRET, PORT: port })
  await expect(startService(config, createLog('silent'))).rejects.toThrow()
  await service.stop()
  for (const path of [dataDir, join(root, 'other')]) await (await start(path)).stop()
})
