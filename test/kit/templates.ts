import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../../src/config.ts'
import { migrate } from '../../src/db/migrate.ts'
import { openDatabase } from '../../src/db/open.ts'
import { copyDatabase, createDatabase } from './postgres-server.ts'
import { sharedFolder } from './shared-folder.ts'
import { SECRET } from './tokens.ts'

// Most tests start on a fresh database. A copy of a migrated one takes half as long as making one. What is copied
// lasts as long as the process.

let folder: Promise<string> | undefined
let database: Promise<string> | undefined

/** Fills the data folder of a service with an embedded database that is migrated and empty. */
export async function fillDataDir(dataDir: string): Promise<void> {
  folder ??= makeFolder()
  cpSync(join(await folder, 'postgres'), join(dataDir, 'postgres'), { recursive: true })
}

/** The address of a new database that is migrated and empty. */
export async function newMigratedDatabase(): Promise<string> {
  database ??= makeDatabase()
  return await copyDatabase(await database)
}

async function makeFolder(): Promise<string> {
  const dataDir = join(sharedFolder(), 'template')
  await migrateBy({ DATA_DIR: dataDir })
  return dataDir
}

async function makeDatabase(): Promise<string> {
  const url = await createDatabase()
  await migrateBy({ DATABASE_URL: url })
  return url
}

async function migrateBy(env: Record<string, string>): Promise<void> {
  const opened = await openDatabase(readConfig({ ...env, BETTER_AUTH_SECRET: SECRET }))
  await migrate(opened.db)
  await opened.close()
}
