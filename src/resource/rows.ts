import { sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { users } from '../db/schema.ts'
import { type Cells, ownRows, statement } from '../db/statement.ts'
import type { Owner } from '../db/work.ts'

/** Reads rows of a user's revision and an item, both of one snapshot. The item's cells are null where there is none. */
export function revisionAnd<Item>(read: (cells: Cells, start: number) => Item) {
  return (cells: Cells): { revision: number; item: Item | null } => ({
    revision: Number(cells[0]),
    item: cells[1] === null ? null : read(cells, 1),
  })
}

const selectRevision = statement(
  'revision',
  sql`select ${users.id}, ${users.revision} from ${users} where ${users.id} = ${sql.placeholder('owner')}`,
  ([user_id, revision]) => ({ user_id: user_id as string, revision: Number(revision) }),
)

/** The user's counter, by one look at a primary key; 0 before the first write. */
export async function readRevision(db: Db, { id: owner }: Owner): Promise<number> {
  const [row] = ownRows(owner, await selectRevision(db, { owner }))
  return row?.revision ?? 0
}
