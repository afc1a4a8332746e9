import { Database as Sqlite } from 'bun:sqlite'
import { access, constants, mkdir, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import template from '../../../node_modules/@electric-sql/pglite-prepopulatedfs/dist/prepopulatedfs.tgz' with {
  type: 'file',
}

/** The major version that this program carries: it can read no other one's files. */
export const MAJOR = '18'

/** A data directory that no other process can open until it is released. */
export interface DataDirectory {
  readonly root: string
  /** PostgreSQL's own directory, filled. */
  readonly files: string
  release(): void
}

/**
 * Locks the data directory and fills it on the first start.
 *
 * @throws Error with a sentence for the operator when the directory is in use by a
 * living process, not writable, or made by another major version. Nothing is touched then.
 */
export async function openDirectory(dataDir: string): Promise<DataDirectory> {
  const root = resolve(dataDir)
  await mkdir(root, { recursive: true, mode: 0o700 }).catch((cause) => {
    throw new Error(`cannot make the data directory ${root}: ${reason(cause)}`, { cause })
  })
  await access(root, constants.W_OK).catch((cause) => {
    throw new Error(`the data directory ${root} is not writable: ${reason(cause)}`, { cause })
  })
  const files = join(root, 'postgres')
  // Checked before the lock is taken, because taking the lock makes a file.
  const major = await readMajor(files)
  if (major !== undefined && major !== MAJOR)
    throw new Error(
      `${files} was made by PostgreSQL ${major}, this program carries ${MAJOR}. ` +
        'Start the Doable that made it, export the tasks, and import them into an empty DATA_DIR.',
    )
  const lock = takeLock(root)
  try {
    if ((await readMajor(files)) === undefined) await unpackTemplate(root, files)
  } catch (error) {
    lock.close()
    throw error
  }
  return { root, files, release: () => lock.close() }
}

/** The major version that made the files, or undefined where there are none. */
async function readMajor(files: string): Promise<string | undefined> {
  const text = await Bun.file(join(files, 'PG_VERSION'))
    .text()
    .catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return undefined
      throw new Error(`the embedded database in ${files} cannot be read: ${reason(cause)}`, { cause })
    })
  return text?.trim()
}

/**
 * Takes SQLite's lock on a file. The kernel drops it when the process ends, by `kill -9` too.
 * A file with a process id would not do: ids repeat across containers.
 */
function takeLock(root: string): Sqlite {
  const path = join(root, 'lock')
  let lock: Sqlite | undefined
  try {
    lock = new Sqlite(path, { create: true })
    // Nothing is written, so no journal file has to lie beside it.
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
 * Unpacks into a folder beside and renames it: a first start that is killed leaves no half-filled
 * database, and the next start removes the folder that it left.
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
