import { type SQL, sql } from 'drizzle-orm'
import type { Db } from '../db/open.ts'
import { tasks, users } from '../db/schema.ts'
import { arrayLiteral, ownRows, statement } from '../db/statement.ts'
import type { Owner } from '../db/work.ts'
import { faultsIn, MAX_FAULTS } from '../http/validation.ts'
import { type Fault, invalid, Problem } from '../problem.ts'
import { reckonStatement } from '../resource/change.ts'
import { resources } from '../resources.ts'
import { fields } from '../tasks/fields.ts'
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

/** About as many as the largest JSON export holds; a file of short titles alone could hold ten times as many. */
export const MAX_TASKS = 250_000

/** Rows in one statement: bounds what driver and server hold of them at once. */
const CHUNK = 2000

/** Bounds the memory that a file takes, before its tasks are checked. @throws Problem `validation-failed`. */
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

const owner = sql.placeholder('owner')
const among = sql`${tasks.id} = any(${sql.placeholder('ids')}::uuid[])`
const userOf = ([user_id]: readonly unknown[]) => ({ user_id: user_id as string })

const selectTaken = statement(
  'import_taken',
  sql`select ${tasks.user_id}, ${tasks.id} from ${tasks}
    where ${tasks.user_id} = ${owner} and ${among} and ${tasks.purged_at} is null`,
  ([user_id, id]) => ({ user_id: user_id as string, id: id as string }),
)

const deleteTombstones = statement(
  'import_tombstones',
  sql`delete from ${tasks} where ${tasks.user_id} = ${owner} and ${among} and ${tasks.purged_at} is not null
    returning ${tasks.user_id}`,
  userOf,
)

const raiseUser = statement(
  'import_raise',
  sql`update ${users} set revision = ${users.revision} + ${sql.placeholder('count')}::bigint,
    position = floor(greatest(${users.position}, ${sql.placeholder('highest')}::double precision)) + ${sql.placeholder('unplaced')}::bigint
    where ${users.id} = ${owner} returning ${users.id}, ${users.revision}, ${users.position}`,
  ([user_id, revision, position]) => ({
    user_id: user_id as string,
    revision: Number(revision),
    position: Number(position),
  }),
)

/** Every field but the owner, whom no file names. */
const names = Object.keys(fields).filter((name) => name !== 'user_id')
const list = (parts: SQL[]) => sql.join(parts, sql`, `)

const insertAll = statement(
  'import_rows',
  sql`insert into ${tasks} (user_id, ${list(names.map((name) => sql`${sql.identifier(name)}`))})
    select ${owner}::text, row.* from jsonb_to_recordset(${sql.placeholder('rows')}::jsonb)
    as row (${list(names.map((name) => sql.raw(`${name} ${fields[name as keyof typeof fields].kind.type}`)))})`,
  userOf,
)

const reckonUser = reckonStatement('import_bytes', resources, 'any')

/**
 * Inserts the rows, all of them or none, in a transaction that holds the user's row. A task whose
 * id the user has already stays as it is; a tombstone of that id is replaced.
 *
 * @throws Problem `quota-exceeded`.
 */
export async function importRows(
  tx: Db,
  { id: user, quota, remind }: Owner,
  rows: readonly Row[],
  dryRun: boolean,
): Promise<Imported> {
  const taken = new Set<string>()
  for (const chunk of chunks(rows))
    for (const { id } of ownRows(user, await selectTaken(tx, { owner: user, ids: idsOf(chunk) }))) taken.add(id)
  const fresh = rows.filter(({ id }) => !taken.has(id))
  const answer = { imported: fresh.length, skipped: taken.size, dry_run: dryRun }
  if (dryRun || fresh.length === 0) return answer

  if (fresh.some(({ remind_at }) => remind_at !== null)) remind?.(new Date().toISOString())
  let { revision, position } = await raise(tx, user, fresh)
  for (const chunk of chunks(fresh)) {
    const numbered = chunk.map((row) => {
      revision += 1
      if (row.position === null) position = Math.floor(position) + 1
      return { ...row, revision, position: row.position ?? position }
    })
    ownRows(user, await deleteTombstones(tx, { owner: user, ids: idsOf(chunk) }))
    await insertAll(tx, { owner: user, rows: JSON.stringify(numbered) })
  }
  const [reckoned] = ownRows(user, await reckonUser(tx, { owner: user }))
  if (reckoned && reckoned.bytes > quota)
    throw new Problem('quota-exceeded', 'There is no room left for these tasks. Nothing was imported.')
  return answer
}

/** Takes one revision for each row, and says where they begin. */
async function raise(tx: Db, user: string, rows: readonly Row[]): Promise<{ revision: number; position: number }> {
  const highest = rows.reduce((most, { position }) => Math.max(most, position ?? 0), 0)
  const unplaced = rows.filter(({ position }) => position === null).length
  const [row] = ownRows(user, await raiseUser(tx, { owner: user, count: rows.length, highest, unplaced }))
  if (!row) throw new Error('the transaction does not hold the row of its user')
  return { revision: row.revision - rows.length, position: row.position - unplaced }
}

function idsOf(rows: readonly Row[]): string {
  return arrayLiteral(rows.map(({ id }) => id))
}

function* chunks<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += CHUNK) yield items.slice(at, at + CHUNK)
}
