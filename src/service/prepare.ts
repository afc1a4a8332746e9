import type { Config } from '../config.ts'
import type { Database } from '../db/database.ts'
import { isRefusal } from '../db/errors.ts'
import { isMigrated, migrate } from '../db/migrate.ts'
import { openForMigration } from '../db/open.ts'
import { causes, Problem } from '../problem.ts'
import { finishImports } from '../transfer/journal.ts'

/** How long a start waits for a database that is still starting itself, in milliseconds. */
const START_WAIT_MS = 10_000

/** How often it is tried meanwhile, in milliseconds. */
const RETRY_MS = 250

/**
 * Applies missing migrations, waiting for a database that is not there yet. On the embedded database, ends the imports
 * that a crash has interrupted.
 *
 * @returns the names of those applied.
 * @throws Error with a sentence for the operator when the database stays away or refuses.
 */
export async function prepareDatabase(config: Config, database: Database): Promise<string[]> {
  const giveUp = Date.now() + START_WAIT_MS
  for (;;) {
    try {
      const applied = (await isMigrated(database.db)) ? [] : await migrateBy(config, database)
      if (database.oneConnection) await finishImports(database.db)
      return applied
    } catch (error) {
      const away = findAway(error)
      if (!away || isRefusal(away.cause))
        throw new Error(`${database.label} cannot be used: ${reasonOf(error)}`, { cause: error })
      if (Date.now() > giveUp)
        throw new Error(`${database.label} cannot be reached: ${reasonOf(away.cause)}`, { cause: error })
      await Bun.sleep(RETRY_MS)
    }
  }
}

/** The innermost message: outer ones quote statements. */
export function reasonOf(error: unknown): string {
  const innermost = [...causes(error)].at(-1)
  return innermost ? innermost.message || innermost.name : String(error)
}

async function migrateBy(config: Config, database: Database): Promise<string[]> {
  const long = await openForMigration(config, database)
  try {
    return await migrate(long.db)
  } finally {
    if (long !== database) await long.close()
  }
}

function findAway(error: unknown): Problem | undefined {
  return causes(error).find(
    (cause): cause is Problem => cause instanceof Problem && cause.code === 'database-unavailable',
  )
}
