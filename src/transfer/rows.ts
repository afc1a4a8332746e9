import { type SQL, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { importPieces, tasks, users } from '../db/schema.ts'
import { arrayLiteral, ownRows, type Parameter, param, statement, typed } from '../db/statement.ts'
import type { Owner } from '../db/work.ts'
import { Problem } from '../problem.ts'
import { reckonUser } from '../resources.ts'
import { columns, columnsOf, insertedValues, sentColumns } from './columns.ts'
import { task } from './fields.ts'
import { unpack } from './held-rows.ts'

/** The ids of a piece that the user has already, as arrays in PostgreSQL's text form. */
export interface Found {
  /** Of tasks: they stay as they are. */
  taken: string
  /** Of tombstones: they make way. */
  gone: string
  /** How many are taken. */
  count: number
}

/** The last revision and position that were given to a row, and the bytes that rows have added. */
export interface Counter {
  revision: number
  position: number
  bytes: number
}

/** A piece as it is inserted: its rows, as `readColumns` gives them, but for those that are taken. */
export interface Inserted extends Omit<Found, 'count'> {
  columns: Record<string, Parameter>
}

/** A piece of the journal, with the last revision and position before its first row. */
export interface Journaled extends Inserted {
  number: number
  revision: number
  position: number
}

const owner = param('owner')
const userOf = ([user_id]: readonly unknown[]) => ({ user_id: user_id as string })

/**
 * The tasks among these ids, looked up one by one: for a user of whom it has no statistics, the planner would rather
 * look through all of the user's tasks, for each piece again. `offset 0` keeps it from that.
 */
const amongIds = (columns: SQL, ids: SQL, condition = sql``) =>
  sql`select ${columns} from unnest(${ids}) as file (id) cross join lateral (
    select ${tasks.user_id}, ${tasks.id}, ${tasks.purged_at}, ${tasks}.ctid as place from ${tasks}
    where ${tasks.user_id} = ${owner} and ${tasks.id} = file.id ${condition} offset 0
  ) as found`

const selectTaken = statement(
  'import_taken',
  amongIds(sql`found.user_id, found.id, found.purged_at is not null`, typed('ids', 'uuid[]')),
  ([user_id, id, isGone]) => ({ user_id: user_id as string, id: id as string, isGone: isGone as boolean }),
)

const deleteTombstones = statement(
  'import_tombstones',
  sql`delete from ${tasks} where ${tasks.user_id} = ${owner} and ctid = any(array(
      ${amongIds(sql`found.place`, typed('gone', 'uuid[]'), sql`and ${tasks.purged_at} is not null`)}))
    returning ${tasks.user_id}, ${task.bytes.kept}`,
  ([user_id, bytes]) => ({ user_id: user_id as string, bytes: Number(bytes) }),
)

/**
 * Rows of a piece but those of `taken`, numbered behind `revision` and `position`.
 *
 * @param before what else is done by the same statement, as common table expressions. @param where when.
 */
const insertStatement = (name: string, { before = sql``, where = sql`true`, after = sql`` } = {}) =>
  statement(
    name,
    sql`with ${before} fresh as (
      select file.*, row_number() over file_order as number,
        count(*) filter (where file.position is null) over file_order as unplaced
      from unnest(${sentColumns}) with ordinality as file (${columns}, place)
      where file.id <> all(${typed('taken', 'uuid[]')}) and ${where}
      window file_order as (order by place)
    ), inserted as (
      insert into ${tasks} (user_id, revision, ${columns})
      select ${typed('owner', 'text')}, ${typed('revision', 'bigint')} + fresh.number, ${insertedValues}
      from fresh
      returning ${tasks.user_id}, ${task.bytes.kept} as bytes
    ) ${after} select user_id, count(*), (select max(unplaced) from fresh), sum(bytes) from inserted group by user_id`,
    ([user_id, inserted, unplaced, bytes]) => ({
      user_id: user_id as string,
      inserted: Number(inserted),
      unplaced: Number(unplaced),
      bytes: Number(bytes),
    }),
  )

const insertRows = insertStatement('import_rows')

/** The same, takes the piece out of the journal and counts its bytes: one statement, since each must wait for its turn. */
const insertJournaled = insertStatement('import_journaled', {
  before: sql`dropped as (
    delete from ${importPieces} where ${importPieces.user_id} = ${owner}
      and ${importPieces.number} = ${typed('number', 'integer')} returning ${importPieces.user_id}
  ),`,
  where: sql`exists (select 1 from dropped)`,
  after: sql`, counted as (
    update ${users} set bytes = bytes + (select sum(bytes) from inserted) - ${typed('freed', 'bigint')}
    where ${users.id} = ${owner} and ${users.id} in (select user_id from inserted)
  )`,
})

const selectCounter = statement(
  'import_counter',
  sql`select ${users.id}, ${users.revision}, ${users.position}, ${users.bytes} from ${users} where ${users.id} = ${owner}`,
  ([user_id, revision, position, bytes]) => ({
    user_id: user_id as string,
    revision: Number(revision),
    position: Number(position),
    bytes: Number(bytes),
  }),
)

const raise = statement(
  'import_raise',
  sql`update ${users} set revision = ${typed('revision', 'bigint')}, position = ${typed('position', 'double precision')},
    bytes = ${typed('bytes', 'bigint')} where ${users.id} = ${owner} returning ${users.id}`,
  userOf,
)

/** The rows of a piece, as the parameters of the statement that inserts them. */
export function readColumns({ packed }: { packed: Uint8Array }): Record<string, Parameter> {
  return columnsOf(JSON.parse(unpack(packed).rows))
}

/** Looks up the ids that the file names. Another id is made here, and cannot be taken. */
export async function findTaken(db: Db, { id: user }: Owner, { packed }: { packed: Uint8Array }): Promise<Found> {
  const { ids } = unpack(packed)
  const found = ids === '{}' ? [] : ownRows(user, await selectTaken(db, { owner: user, ids }))
  const idsOf = (isGone: boolean) => found.filter((row) => row.isGone === isGone).map(({ id }) => id)
  const taken = idsOf(false)
  return { taken: arrayLiteral(taken), gone: arrayLiteral(idsOf(true)), count: taken.length }
}

/**
 * Where the numbers of new rows begin: what has no position stands behind everything, the others of the file included.
 * In a transaction that holds the user's row.
 *
 * @param highest the highest position in the file.
 */
export async function openCounter(tx: Db, { id: user }: Owner, highest: number): Promise<Counter> {
  await reckonUser(tx, { owner: user })
  const [counter] = ownRows(user, await selectCounter(tx, { owner: user }))
  if (!counter) throw new Error('the transaction does not hold the row of its user')
  const { revision, position, bytes } = counter
  return { revision, position: Math.floor(Math.max(position, highest)), bytes }
}

/** Inserts what is not taken, and moves the counter on. In a transaction that holds the user's row. */
export async function insertPiece(tx: Db, { id: user }: Owner, piece: Inserted, counter: Counter): Promise<void> {
  const { revision, position } = counter
  counter.bytes -= await replace(tx, user, piece)
  const values = { ...piece.columns, owner: user, taken: piece.taken, revision, position }
  const [done] = ownRows(user, await insertRows(tx, values))
  counter.revision += done?.inserted ?? 0
  counter.position += done?.unplaced ?? 0
  counter.bytes += done?.bytes ?? 0
}

/** As `insertPiece`, once only: not when the piece is no longer in the journal. */
export async function insertFromJournal(
  db: Db,
  { id: user }: Owner,
  { number, revision, position, columns, ...piece }: Journaled,
): Promise<void> {
  const insert = async (on: Db, freed: number) => {
    const values = { ...columns, owner: user, number, taken: piece.taken, revision, position, freed }
    ownRows(user, await insertJournaled(on, values))
  }
  if (piece.gone === '{}') await insert(db, 0)
  else await db.transaction(async (tx) => insert(tx, await replace(tx, user, piece)))
}

/** Deletes the tombstones of a piece. @returns the bytes that they counted. */
async function replace(tx: Db, user: string, { gone }: Pick<Found, 'gone'>): Promise<number> {
  const deleted = gone === '{}' ? [] : ownRows(user, await deleteTombstones(tx, { owner: user, gone }))
  return deleted.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** Stores the counter. */
export async function raiseCounter(tx: Db, { id: user }: Owner, counter: Counter): Promise<void> {
  ownRows(user, await raise(tx, { owner: user, ...counter }))
}

/** @throws Problem `quota-exceeded`. */
export function checkRoom({ quota }: Owner, { bytes }: Pick<Counter, 'bytes'>): void {
  if (bytes > quota) throw new Problem('quota-exceeded', 'There is no room left for these tasks. Nothing was imported.')
}
