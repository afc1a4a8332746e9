import { type SQL, sql } from 'drizzle-orm'

/** Bytes of rows that a page holds, at about: what PostgreSQL sends and the process holds for one request. */
export const PAGE_BYTES = 1024 * 1024

/** Rows up to which a page needs no bound in bytes: at 45 KB each, the most that one may have, they fit. */
export const ALWAYS_FIT = 20

/**
 * The rows of a subquery, in its order, that fit into a page, and the first that does not: its
 * `beyond` is true, and shows that there is more. PostgreSQL knows the length of a text without
 * reading it, so that what does not fit costs its entry in the index and the row's own block.
 *
 * @param rows has a column `bytes`.
 */
export const fitting = (rows: SQL): SQL =>
  sql`select *, running > ${sql.raw(String(PAGE_BYTES))} as beyond from (
    select *, sum(bytes) over (rows unbounded preceding) as running from (${rows}) as measured
  ) as summed where running - bytes <= ${sql.raw(String(PAGE_BYTES))}`

/** Pages up to this limit are read whole and measured here: the sums of `fitting` cost a page of 50 half as much again. */
export const MEASURED_HERE = 100

/**
 * Says of each row whether the page is full before its end.
 *
 * @param beyond what the statement has said; null where it measures nothing. @param bytesOf about what a row takes.
 */
export function measure<Row>(
  rows: readonly Row[],
  { beyond, bytesOf }: { beyond(row: Row): boolean | null; bytesOf(row: Row): number },
): { beyond: boolean }[] {
  let bytes = 0
  return rows.map((row) => {
    const said = beyond(row)
    if (said === null) bytes += bytesOf(row)
    return { beyond: said ?? bytes > PAGE_BYTES }
  })
}

/** How many of the rows stand before the first that is `beyond`, and before the one behind `limit`. */
export function countFitting(rows: readonly { beyond: boolean | null }[], limit: number): number {
  const end = rows.findIndex(({ beyond }) => beyond)
  return Math.min(end === -1 ? rows.length : end, limit)
}
