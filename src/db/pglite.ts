import { Database as Sqlite } from 'bun:sqlite'
import { access, constants, mkdir, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { PGlite, type Results } from '@electric-sql/pglite'
import { drizzle } from 'drizzle-orm/pglite'
import initdbWasm from '../../node_modules/@electric-sql/pglite/dist/initdb.wasm' with { type: 'file' }
import fsBundle from '../../node_modules/@electric-sql/pglite/dist/pglite.data' with { type: 'file' }
import pgliteWasm from '../../node_modules/@electric-sql/pglite/dist/pglite.wasm' with { type: 'file' }
import template from '../../node_modules/@electric-sql/pglite-prepopulatedfs/dist/prepopulatedfs.tgz' with {
  type: 'file',
}
import { Problem } from '../problem.ts'
import type { Database, Time } from './open.ts'

/** The major version this program carries, which is also the only one whose files it can read. */
const MAJOR = '18'

/** One process at a time, few concurrent backends' worth of memory: 16 MB halves what rests. */
const SHARED_BUFFERS = '-c shared_buffers=16MB'

/**
 * Opens the embedded PostgreSQL in `dataDir`, making it on the first start.
 *
 * @throws Error with a sentence for the operator when the directory is in use by a
 * living process, not writable, or made by another major version. Nothing is touched then.
 */
export async function openPglite(dataDir: string, time?: Time): Promise<Database> {
  const root = resolve(dataDir)
  await mkdir(root, { recursive: true, mode: 0o700 }).catch((cause) => {
    throw new Error(`cannot make the data directory ${root}: ${reason(cause)}`, { cause })
  })
  await access(root, constants.W_OK).catch((cause) => {
    throw new Error(`the data directory ${root} is not writable: ${reason(cause)}`, { cause })
  })
  const files = join(root, 'postgres')
  // Before the lock, which is a file too.
  const major = await readMajor(files)
  if (major !== undefined && major !== MAJOR)
    throw new Error(
      `${files} was made by PostgreSQL ${major}, this program carries ${MAJOR}. ` +
        'Start the Doable that made it, export the tasks, and import them into an empty DATA_DIR.',
    )
  const lock = takeLock(root)
  try {
    const found = await readMajor(files)
    // Compiling takes as long as unpacking and needs the processor where that needs the disk.
    const [modules] = await Promise.all([compileModules(), found ?? unpackTemplate(root, files)])
    const client = await boot(files, modules)
    if (time) watch(client, time)
    let closing: Promise<void> | undefined
    return {
      label: `embedded PostgreSQL ${MAJOR} in ${root}`,
      db: drizzle({ client }),
      oneConnection: true,
      async ping() {
        if (client.closed) throw new Problem('database-unavailable', 'The database is closed.')
        await client.query('select 1')
      },
      close() {
        closing ??= client.close().finally(() => lock.close())
        return closing
      },
    }
  } catch (error) {
    lock.close()
    throw error
  }
}

/** The major version that made the files, where there are any. */
async function readMajor(files: string): Promise<string | undefined> {
  const text = await Bun.file(join(files, 'PG_VERSION'))
    .text()
    .catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return undefined
      throw new Error(`the embedded database in ${files} cannot be read: ${reason(cause)}`, { cause })
    })
  return text?.trim()
}

async function compileModules() {
  const [pgliteWasmModule, initdbWasmModule] = await Promise.all([
    Bun.file(pgliteWasm).arrayBuffer().then(WebAssembly.compile),
    Bun.file(initdbWasm).arrayBuffer().then(WebAssembly.compile),
  ])
  return { pgliteWasmModule, initdbWasmModule }
}

async function boot(files: string, modules: Awaited<ReturnType<typeof compileModules>>): Promise<PGlite> {
  const client = new PGlite({
    dataDir: files,
    ...modules,
    fsBundle: Bun.file(fsBundle),
    startParams: [...PGlite.defaultStartParams, ...SHARED_BUFFERS.split(' ')],
  })
  await client.waitReady
  await client.exec(`set time zone 'UTC'`)
  return client
}

function watch(client: PGlite, time: Time): void {
  const { query, transaction } = client
  client.query = <T>(...call: Parameters<typeof query>) =>
    time(query.apply(client, call) as Promise<Results<T>>, call[0])
  client.transaction = (work) => time(transaction.call(client, work), 'begin') as ReturnType<typeof transaction<never>>
}

/**
 * The kernel's own lock on a file, by way of SQLite's: it goes away with the process
 * however that ends, and needs no process id, which repeats across containers.
 */
function takeLock(root: string): Sqlite {
  const path = join(root, 'lock')
  let lock: Sqlite | undefined
  try {
    lock = new Sqlite(path, { create: true })
    // Nothing is ever written: no journal has to lie beside it.
    lock.run('pragma journal_mode = memory')
    lock.run('begin exclusive')
    return lock
  } catch (cause) {
    lock?.close()
    const busy = (cause as { code?: string }).code === 'SQLITE_BUSY'
    throw new Error(
      busy
        ? `the data directory ${root} is in use by another running Doable. Stop that one, or set another DATA_DIR.`
        : `cannot lock the data directory ${root}: ${reason(cause)}`,
      { cause },
    )
  }
}

/**
 * Unpacked beside and then renamed: a first start that is killed leaves no half a database,
 * and what it does leave is cleared away by the next. The lock keeps others out meanwhile.
 */
async function unpackTemplate(root: string, files: string): Promise<void> {
  const half = join(root, 'postgres.unpacking')
  try {
    await rm(half, { recursive: true, force: true })
    await mkdir(half, { mode: 0o700 })
    await new Bun.Archive(await Bun.file(template).bytes()).extract(half)
    await rename(half, files)
  } catch (cause) {
    await rm(half, { recursive: true, force: true })
    throw new Error(`cannot make the embedded database in ${files}: ${reason(cause)}`, { cause })
  }
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
