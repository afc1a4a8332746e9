import { sql } from 'drizzle-orm'
import type { Db } from './database.ts'

/**
 * Has the statements that a connection has prepared planned anew, by the sizes that the tables have now. A server with
 * autovacuum does so by itself.
 */
export async function replan(db: Db): Promise<void> {
  await db.execute(sql`discard plans`)
}
