import { type Config, readConfig } from '../config.ts'
import type { Database } from '../db/database.ts'
import { openDatabase } from '../db/open.ts'
import { beginHistoriesAnew } from '../resource/history.ts'
import { tidy } from '../service/housekeeping.ts'
import { prepareDatabase } from '../service/prepare.ts'
import { type Host, print, readArgs } from './host.ts'

/** Brings the database to this version, and says by which migrations. */
export async function migrate(args: string[], host: Host): Promise<number> {
  readArgs(args, 0)
  const config = readConfig(host.env, { secret: false })
  const { label, applied } = await withDatabase(config, async ({ label }, applied) => ({ label, applied }))
  const said = applied.length === 0 ? ['No migration was missing.'] : applied.map((name) => `Applied ${name}.`)
  await print(host.stdout, `${[...said, `${label} is up to date.`].join('\n')}\n`)
  return 0
}

/** Empties what has been in the trash for `TRASH_DAYS`. */
export async function purge(args: string[], host: Host): Promise<number> {
  readArgs(args, 0)
  const config = readConfig(host.env, { secret: false })
  const purged = await withDatabase(config, ({ db }) => tidy(db, config.trashDays))
  await print(host.stdout, `${purged} tasks were deleted for good.\n`)
  return 0
}

/** Begins every user's history anew, once a backup has been restored. */
export async function restored(args: string[], host: Host): Promise<number> {
  readArgs(args, 0)
  const config = readConfig(host.env, { secret: false })
  const users = await withDatabase(config, ({ db }) => beginHistoriesAnew(db))
  await print(host.stdout, `The history of ${users} users begins anew: their clients start from 0.\n`)
  return 0
}

/** Runs work on the database once it is up to date. `applied` names the migrations that were missing. */
export async function withDatabase<T>(
  config: Config,
  work: (database: Database, applied: readonly string[]) => Promise<T>,
): Promise<T> {
  const database = await openDatabase(config)
  try {
    return await work(database, await prepareDatabase(config, database))
  } finally {
    await database.close()
  }
}
