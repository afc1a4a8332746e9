import { sql } from 'drizzle-orm'
import type { Db } from './open.ts'

/** Unicode's case mapping on every host alike: built in since PostgreSQL 17, by ICU before that. */
const WANTED = ['pg_c_utf8', 'und-x-icu']

/** The collation to compare without regard to case: the best there is, or the database's own. */
export async function findCollation(db: Db): Promise<string> {
  const rows = await db
    .select({ name: sql<string>`collname` })
    .from(sql`pg_collation`)
    .where(
      sql`collname in ('pg_c_utf8', 'und-x-icu') and collencoding in (-1, pg_char_to_encoding(getdatabaseencoding()))`,
    )
  return WANTED.find((name) => rows.some((row) => row.name === name)) ?? 'default'
}
