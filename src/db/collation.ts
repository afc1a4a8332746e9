import { sql } from 'drizzle-orm'
import type { Db } from './database.ts'

/** Collations that map case as Unicode does, the same on every host: PostgreSQL's own since 17, ICU's before. */
const WANTED = ['pg_c_utf8', 'und-x-icu']

/** The collation for comparisons that ignore case: the first of those above that the server has, else its default. */
export async function findCollation(db: Db): Promise<string> {
  const rows = await db
    .select({ name: sql<string>`collname` })
    .from(sql`pg_collation`)
    .where(
      sql`collname in ('pg_c_utf8', 'und-x-icu') and collencoding in (-1, pg_char_to_encoding(getdatabaseencoding()))`,
    )
  return WANTED.find((name) => rows.some((row) => row.name === name)) ?? 'default'
}
