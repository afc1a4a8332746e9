import { and, eq, isNotNull, sql } from 'drizzle-orm'
import type { Db } from '../db/open.ts'
import { tasks, users } from '../db/schema.ts'
import { arrayLiteral, ownRows } from '../db/statement.ts'
import { faultsIn } from '../http/validation.ts'
import { type Fault, invalid } from '../problem.ts'
import { type Row, rowOf, taskRecord } from './record.ts'

/** One task of a file, and where it stands there. */
export interface Entry {
  value: unknown
  /** In words: `line 3, column 7` of the value that a JSON Pointer into the entry names. */
  place(pointer: string): string
}

export interface Imported {
  /** New tasks. */
  imported: number
  /** Tasks that were there already, which stay as they are. */
  skipped: number
  dry_run: boolean
}

/** Faults listed, at most. */
const MAX_FAULTS = 20

/** As many as a JSON export of the greatest size can hold. Of nothing but short titles it would be ten times as many. */
export const MAX_TASKS = 250_000

/** Rows in one statement: bounds what driver and server hold of them at once. */
const CHUNK = 2000

/** Before a row is looked at: what a file takes in memory goes by its tasks. @throws Problem `validation-failed`. */
export function checkCount(tasks: number): void {
  if (tasks > MAX_TASKS) throw invalid([{ pointer: '', detail: `has more than ${MAX_TASKS} tasks` }])
}

/**
 * The rows of a file.
 *
 * @throws Problem `validation-failed` naming place and fault of each bad entry.
 */
export function readRows(entries: readonly Entry[]): Row[] {
  const now = new Date().toISOString()
  const faults: Fault[] = []
  const rows: Row[] = []
  const ids = new Set<string>()
  for (const [index, { value, place }] of entries.entries()) {
    const found = taskRecord.Check(value) ? [] : faultsIn(taskRecord.Errors(value))
    if (found.length === 0) {
      const row = rowOf(value as Parameters<typeof rowOf>[0], now)
      if (ids.has(row.id)) found.push({ pointer: '/id', detail: 'stands in the file twice' })
      ids.add(row.id)
      rows.push(row)
    }
    for (const { pointer, detail } of found)
      faults.push({ pointer: `/${index}${pointer}`, detail: `${place(pointer)}: ${detail}` })
    if (faults.length >= MAX_FAULTS) break
  }
  if (faults.length > 0) throw invalid(faults.slice(0, MAX_FAULTS), 'Nothing was imported: the file has faults.')
  return rows
}

/**
 * Puts the rows in, all of them or none, on a transaction that holds the user's row. A
 * task that is there already is left alone; a tombstone makes way.
 */
export async function importRows(tx: Db, user: string, rows: readonly Row[], dryRun: boolean): Promise<Imported> {
  const taken = new Set<string>()
  for (const chunk of chunks(rows)) for (const id of await findTaken(tx, user, chunk)) taken.add(id)
  const fresh = rows.filter(({ id }) => !taken.has(id))
  const answer = { imported: fresh.length, skipped: taken.size, dry_run: dryRun }
  if (dryRun || fresh.length === 0) return answer

  const before = await raise(tx, user, fresh)
  let revision = before.revision
  let position = before.position
  for (const chunk of chunks(fresh)) {
    const numbered = chunk.map((row) => {
      revision += 1
      if (row.position === null) position = Math.floor(position) + 1
      return { ...row, revision, position: row.position ?? position }
    })
    await replaceTombstones(tx, user, chunk)
    await insertRows(tx, user, numbered)
  }
  return answer
}

async function findTaken(tx: Db, user: string, rows: readonly Row[]): Promise<string[]> {
  const found = await tx
    .select({ id: tasks.id, user_id: tasks.user_id })
    .from(tasks)
    .where(and(eq(tasks.user_id, sql.placeholder('owner')), among, sql`${tasks.purged_at} is null`))
    .prepare('import_taken')
    .execute({ owner: user, ids: idsOf(rows) })
  return ownRows(user, found).map(({ id }) => id)
}

async function replaceTombstones(tx: Db, user: string, rows: readonly Row[]): Promise<void> {
  const gone = await tx
    .delete(tasks)
    .where(and(eq(tasks.user_id, sql.placeholder('owner')), among, isNotNull(tasks.purged_at)))
    .returning({ user_id: tasks.user_id })
    .prepare('import_tombstones')
    .execute({ owner: user, ids: idsOf(rows) })
  ownRows(user, gone)
}

/** Takes one revision for each row, and says where they begin. */
async function raise(tx: Db, user: string, rows: readonly Row[]): Promise<{ revision: number; position: number }> {
  const highest = rows.reduce((most, { position }) => Math.max(most, position ?? 0), 0)
  const unplaced = rows.filter(({ position }) => position === null).length
  const raised = await tx
    .update(users)
    .set({
      revision: sql`${users.revision} + ${sql.placeholder('count')}::bigint`,
      position: sql`floor(greatest(${users.position}, ${sql.placeholder('highest')}::double precision)) + ${sql.placeholder('unplaced')}::bigint`,
    })
    .where(eq(users.id, sql.placeholder('owner')))
    .returning({ user_id: users.id, revision: users.revision, position: users.position })
    .prepare('import_raise')
    .execute({ owner: user, count: rows.length, highest, unplaced })
  const [row] = ownRows(user, raised)
  if (!row) throw new Error('the transaction does not hold the row of its user')
  return { revision: row.revision - rows.length, position: row.position - unplaced }
}

async function insertRows(tx: Db, user: string, rows: readonly (Row & { revision: number })[]): Promise<void> {
  const columns = sql`id uuid, title text, description text, completed boolean, completed_at timestamptz,
    priority doable.task_priority, due_date text, tags text[], position double precision, revision bigint,
    created_at timestamptz, updated_at timestamptz, deleted_at timestamptz`
  await tx
    .insert(tasks)
    .select(
      sql`select id, ${sql.placeholder('owner')}::text, title, description, completed, completed_at, priority, due_date,
        tags, position, revision, created_at, updated_at, deleted_at, null::timestamptz
        from jsonb_to_recordset(${sql.placeholder('rows')}::jsonb) as row (${columns})`,
    )
    .prepare('import_rows')
    .execute({ owner: user, rows: JSON.stringify(rows) })
}

const among = sql`${tasks.id} = any(${sql.placeholder('ids')}::uuid[])`

function idsOf(rows: readonly Row[]): string {
  return arrayLiteral(rows.map(({ id }) => id))
}

function* chunks<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += CHUNK) yield items.slice(at, at + CHUNK)
}
