import { sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { lists, tasks, users } from '../db/schema.ts'
import { arrayLiteral, listed, ownRows, statement, typed, unread } from '../db/statement.ts'
import type { Owner } from '../db/work.ts'
import { fields, type List, list, MAX_LISTS } from '../lists/fields.ts'
import { Problem } from '../problem.ts'
import { hasListAtHand, hasWholeAtHand } from '../tasks/along.ts'
import type { ListRow } from './list-record.ts'

/** Lists of a file, at most: they are held and inserted in one go. */
export const MAX_LISTS_OF_FILE = 10_000

const owner = sql.placeholder('owner')
const among = sql`${lists.user_id} = ${owner} and ${lists.id} = any(${typed('ids', 'uuid[]')})`
const idOf = ([user_id, id]: readonly unknown[]) => ({ user_id: user_id as string, id: id as string })
const bytesOf = ([user_id, bytes]: readonly unknown[]) => ({ user_id: user_id as string, bytes: Number(bytes) })
const sumOf = (rows: { bytes: number }[]) => rows.reduce((sum, { bytes }) => sum + bytes, 0)

const selectAll = statement(
  'export_lists',
  sql`select ${list.columns} from ${lists} where ${lists.user_id} = ${owner} and ${lists.purged_at} is null
    order by ${lists.id}`,
  (cells) => list.read(cells, 0),
)
const selectTaken = statement(
  'import_taken_lists',
  sql`select ${lists.user_id}, ${lists.id} from ${lists} where ${among} and ${lists.purged_at} is null`,
  idOf,
)
const deleteTombstones = statement(
  'import_list_tombstones',
  sql`delete from ${lists} where ${among} and ${lists.purged_at} is not null
    returning ${lists.user_id}, ${list.bytes.kept}`,
  bytesOf,
)
const selectCounter = statement(
  'import_list_counter',
  sql`select ${users.id}, ${users.revision}, ${users.list_position} from ${users} where ${users.id} = ${owner}`,
  ([user_id, revision, position]) => ({
    user_id: user_id as string,
    revision: Number(revision),
    position: Number(position),
  }),
)
const raise = statement(
  'import_raise_lists',
  sql`update ${users} set revision = ${typed('revision', 'bigint')},
    list_position = ${typed('position', 'double precision')}, bytes = ${users.bytes} + ${typed('added', 'bigint')}
    where ${users.id} = ${owner} returning ${users.id}`,
  ([user_id]) => ({ user_id: user_id as string }),
)

/** Every field but the owner, whom no file names. */
const names = Object.keys(fields).filter((name) => name !== 'user_id')

const insertAll = statement(
  'import_lists',
  sql`insert into ${lists} (user_id, ${listed(names.map((name) => sql`${sql.identifier(name)}`))})
    select ${typed('owner', 'text')}, row.* from jsonb_to_recordset(${typed('rows', 'jsonb')})
    as row (${listed(names.map((name) => sql.raw(`${name} ${fields[name as keyof typeof fields].kind.type}`)))})
    returning ${lists.user_id}, ${list.bytes.kept}`,
  bytesOf,
)
const countAtHand = statement(
  'import_count_lists',
  sql`select count(*) from ${users} inner join ${lists} on ${lists.user_id} = ${users.id}
    where ${users.id} = ${owner} and ${list.where('hand')}`,
  ([total]) => Number(total),
)

const forgetLost = statement(
  'import_forget_lost',
  sql`update ${tasks} set list_id = case when ${hasListAtHand} then ${tasks.list_id} end,
      parent_id = case when ${hasWholeAtHand} then ${tasks.parent_id} end
    where ${tasks.user_id} = ${owner} and ${tasks.deleted_at} is null
      and ((${tasks.list_id} is not null and not ${hasListAtHand})
        or (${tasks.parent_id} is not null and not ${hasWholeAtHand}))`,
  unread,
)
const markParents = statement(
  'import_mark_parents',
  sql`update ${tasks} set has_parts = true where ${tasks.user_id} = ${owner} and not ${tasks.has_parts}
    and ${tasks.id} in (select part.parent_id from ${tasks} as part
      where part.user_id = ${owner} and part.parent_id is not null and part.purged_at is null)`,
  unread,
)

/** All lists of a user that are not gone for good, the trash included, in the order of ids. */
export async function readAllLists(db: Db, { id: owner }: Owner): Promise<List[]> {
  return ownRows(owner, await selectAll(db, { owner }))
}

/**
 * Inserts the lists of a file, before its tasks, in a transaction that holds the user's row. A list whose id the user
 * has already stays as it is; a tombstone of that id is replaced.
 *
 * @throws Problem `too-many-lists`.
 */
export async function importLists(
  tx: Db,
  { id: user }: Owner,
  rows: readonly ListRow[],
  dryRun: boolean,
): Promise<{ imported: number; skipped: number }> {
  if (rows.length === 0) return { imported: 0, skipped: 0 }
  const ids = arrayLiteral(rows.map(({ id }) => id))
  const taken = new Set(ownRows(user, await selectTaken(tx, { owner: user, ids })).map(({ id }) => id))
  const fresh = rows.filter(({ id }) => !taken.has(id))
  const answer = { imported: fresh.length, skipped: taken.size }
  if (dryRun || fresh.length === 0) return answer
  const freed = sumOf(ownRows(user, await deleteTombstones(tx, { owner: user, ids })))
  const [counter] = ownRows(user, await selectCounter(tx, { owner: user }))
  if (!counter) throw new Error('the transaction does not hold the row of its user')
  let { revision } = counter
  let position = Math.floor(fresh.reduce((most, row) => Math.max(most, row.position ?? 0), counter.position))
  const numbered = fresh.map((row) => ({ ...row, revision: ++revision, position: row.position ?? ++position }))
  const inserted = ownRows(user, await insertAll(tx, { owner: user, rows: JSON.stringify(numbered) }))
  ownRows(user, await raise(tx, { owner: user, revision, position, added: sumOf(inserted) - freed }))
  const [total = 0] = await countAtHand(tx, { owner: user })
  if (total > MAX_LISTS)
    throw new Problem('too-many-lists', `You may have ${MAX_LISTS} lists at most. Nothing was imported.`)
  return answer
}

/**
 * Makes the references of imported tasks those that tasks can have, once all of a file is there: a file has its records
 * in any order, and may lack some. As when a task is restored, a list or a parent that is not at hand is forgotten.
 * Holds for all of the user's tasks. In a transaction that holds the user's row, or while nobody else writes.
 */
export async function settleReferences(db: Db, { id: user }: Owner): Promise<void> {
  await forgetLost(db, { owner: user })
  await markParents(db, { owner: user })
}
