import { type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import type { Db } from '../db/database.ts'
import { users } from '../db/schema.ts'
import { listed, type Parameter, type Statement, statement, typed } from '../db/statement.ts'
import type { AnswerOf, ChangesOf, Fields } from './field.ts'
import type { Insertion } from './insertion.ts'
import type { Counted, Place, Resource } from './resource.ts'

const owner = sql.placeholder('owner')
const id = sql.placeholder('id')

/**
 * Sums up the bytes of a user's rows: anew, after an import, or where they are older than the sum (null).
 *
 * The sum is taken by the statement's own snapshot: run it in a transaction that holds the user's row already,
 * else what others write while it waits for that row is left out.
 *
 * @param resources all that there are: what is left out here goes uncounted.
 */
export function reckonStatement(name: string, resources: readonly Counted[], whose: 'uncounted' | 'any') {
  const uncounted = whose === 'uncounted' ? sql`and ${users.bytes} is null` : sql``
  const sums = resources.map(
    ({ table, bytes }) => sql`(select coalesce(sum(${bytes.kept}), 0) from ${table} where ${table.user_id} = ${owner})`,
  )
  return statement(
    name,
    sql`update ${users} set bytes = ${sql.join(sums, sql` + `)}
      where ${users.id} = ${owner} ${uncounted} returning ${users.id}, ${users.bytes}`,
    ([user_id, total]) => ({ user_id: user_id as string, bytes: Number(total) }),
  )
}

/** Makes a row of what a client has sent. @param others all other parameters: the owner, the quota, the service's fields. */
export type Insert<Sent, Row> = (db: Db, sent: Sent, others: Record<string, Parameter>) => Promise<Row[]>

/**
 * A new row (parameters: those of the insertion, `owner`, `id` and `quota`). One statement
 * raises the user's row and inserts with what that gave back. An id that is taken fails the whole
 * statement, so that nothing is raised. Nothing is inserted for a user without a row (`lockUser`
 * first), without a sum of bytes (`reckonStatement` first) or without room. The owner is compared
 * twice: without either comparison, still only the user's own row is raised.
 *
 * @param set what else changes in the user's row.
 */
export function insertStatement<F extends Fields>(
  name: string,
  { table }: Pick<Resource<F>, 'table'>,
  insertion: Insertion<F>,
  set: Record<string, SQL>,
): Insert<ChangesOf<F>, AnswerOf<F>> {
  const { values, bytes, returned, parameters, read } = insertion
  const total = sql`${users.bytes} + ${bytes}`
  const raised = listed(
    ['id', 'revision', ...Object.keys(set)].map((column) => sql`${users}.${sql.identifier(column)}`),
  )
  const insert = statement(
    name,
    sql`with raised as (
      update ${users} set revision = ${users.revision} + 1, bytes = ${total}${assignments(set)}
      from (select ${typed('owner', 'text')} as id) as whose
      where ${users.id} = ${owner} and ${users.id} = whose.id and ${total} <= ${quota} returning ${raised}
    ) insert into ${table} ${values} returning ${returned}`,
    (cells) => cells,
  )
  return async (db, sent, others) => {
    const rows = await insert(db, { ...parameters(sent), ...others })
    return rows.map((cells) => read(cells, sent))
  }
}

interface Change {
  /** Where the row must be. */
  in: Place
  /** What else must be so of the row. Judged in its newest state, as long as it reads no other row. */
  only?: SQL
  /** What changes in it, beside its revision and `updated_at`. */
  set: SQL
  /** What it counts against the quota afterwards; undefined where that stays. */
  bytes?: SQL
  /** What else changes in the user's row. */
  user?: Record<string, SQL>
}

/**
 * A change of one row (`id`) that is where it should be and, where `revisions` is given, at
 * one of those. One statement: it locks the user's row, then the row itself, each in its
 * newest state, raises the user's revision and stamps it on the row. Without the locks it would judge
 * the row by a snapshot from before its wait, and raise the revision for a change that it does not make.
 */
export function changeStatement<F extends Fields>(
  name: string,
  resource: Resource<F>,
  { in: place, only, set, bytes, user = {} }: Change,
): Statement<AnswerOf<F>> {
  const { table, columns, read } = resource
  const revisions = typed('revisions', 'bigint[]')
  const size = bytes
    ? {
        found: sql`, ${resource.bytes.kept} as before, ${bytes} as after`,
        raised: sql`, bytes = ${users.bytes} + after - before`,
      }
    : { found: sql``, raised: sql`` }
  const fits = bytes ? sql`and (after <= before or ${users.bytes} + after - before <= ${quota})` : sql``
  return statement(
    name,
    // FOR NO KEY UPDATE in `found` locks the table's row only, and not `locked` (SELECT, "The Locking Clause").
    sql`with locked as (
      select ${users.id} from ${users} where ${users.id} = ${owner} for no key update
    ), found as (
      select ${table.user_id}${size.found} from ${table} inner join locked on ${table.user_id} = locked.id
      where ${resource.whereRow(place)} ${only ? sql`and ${only}` : sql``}
        and (${revisions} is null or ${table.revision} = any(${revisions}))
      for no key update
    ), raised as (
      update ${users} set revision = ${users.revision} + 1${size.raised}${assignments(user)}
      from found where ${users.id} = ${owner} and ${users.id} = found.user_id ${fits}
      returning ${users.id}, ${users.revision}
    ) update ${table} set ${set}, revision = raised.revision, updated_at = now()
    from raised where ${table.user_id} = ${owner} and ${table.user_id} = raised.id and ${table.id} = ${id}
    returning ${columns}`,
    (cells) => read(cells, 0),
  )
}

/** A place in the order in which `changeManyStatement` goes through a user's rows. */
export interface Mark {
  /** Of the column `by`, as PostgreSQL writes it. */
  at: string
  id: string
}

const START: Mark = { at: '-infinity', id: '00000000-0000-0000-0000-000000000000' }

/**
 * The same change of up to `limit` rows of a user that fit a condition, after a mark in the order of
 * a column and the id. Each gets a revision of its own, so that a client that follows the revisions
 * sees each of them; within a piece these are in the order of the revisions that they had. Each
 * row that it gives back is the mark of the last. Run it by `changePiece`.
 *
 * The rows are looked up by arrays of what `found` holds. As a join of two sets, where the
 * server had planned for an empty table, a thousand of five thousand rows were five million comparisons and took 4 s.
 *
 * A row that came to fit the condition while the statement waited for the user's row is not
 * among them: run it in a transaction that already holds the user's row.
 *
 * @param by a time that follows the owner in an index of the rows in that place, and that the change
 * leaves as it is. In any other order each piece would read and sort all rows that are left, which
 * is what the planner chooses for a table without statistics.
 */
export function changeManyStatement<F extends Fields>(
  name: string,
  resource: Resource<F>,
  { in: place, set, bytes }: Omit<Change, 'user' | 'only'>,
  condition: SQL,
  by: PgColumn,
): Statement<Mark> {
  const { table } = resource
  const last = (value: SQL) => sql`(select ${value} from found order by at desc, found_id desc limit 1)`
  const size = bytes ? sql`, ${resource.bytes.kept} - ${bytes} as freed` : sql``
  return statement(
    name,
    sql`with locked as (
      select ${users.id} from ${users} where ${users.id} = ${owner} for no key update
    ), found as (
      select ${table.user_id}, ${table.id} as found_id, ${table.revision} as before, ${by} as at${size}
      from ${table} inner join locked on ${table.user_id} = locked.id
      where ${resource.where(place)} and ${condition}
        and (${by}, ${table.id}) > (${typed('after_at', 'timestamptz')}, ${typed('after_id', 'uuid')})
      order by ${by}, ${table.id} limit ${sql.placeholder('limit')} for no key update
    ), raised as (
      update ${users} set revision = ${users.revision} + (select count(*) from found)
        ${bytes ? sql`, bytes = ${users.bytes} - (select sum(freed) from found)` : sql``}
      where ${users.id} = ${owner} and ${users.id} = any(select found.user_id from found)
      returning ${users.id}, ${users.revision}
    ) update ${table} set ${set}, updated_at = now(), revision = raised.revision - (select count(*) from found)
        + width_bucket(${table.revision}, array(select before from found order by before))
    from raised where ${table.user_id} = ${owner} and ${table.user_id} = raised.id
      and ${table.id} = any(array(select found_id from found))
    returning ${last(sql`at::text`)}, ${last(sql`found_id`)}`,
    ([at, id]) => ({ at: at as string, id: id as string }),
  )
}

/** Rows changed by one statement of a transaction. */
const PIECE = 1000

/** Runs a change of many rows to its end, within one transaction. @returns how many rows were changed. */
export async function changeAll(
  change: Statement<Mark>,
  tx: Db,
  values: Record<'owner', string> & Record<string, Parameter>,
): Promise<number> {
  let mark: Mark | undefined
  for (let changed = 0; ; ) {
    const { count, last } = await changePiece(change, tx, { ...values, limit: PIECE }, mark)
    changed += count
    if (count < PIECE) return changed
    mark = last
  }
}

/** @returns how many rows were changed, and the mark after which the next piece begins. */
export async function changePiece(
  change: Statement<Mark>,
  db: Db,
  values: Record<'owner', string> & Record<'limit', number> & Record<string, Parameter>,
  after: Mark = START,
): Promise<{ count: number; last: Mark }> {
  const changed = await change(db, { ...values, after_at: after.at, after_id: after.id })
  return { count: changed.length, last: changed[0] ?? after }
}

const quota = typed('quota', 'bigint')

function assignments(set: Record<string, SQL>): SQL {
  return sql.join(Object.entries(set).map(([name, value]) => sql`, ${sql.identifier(name)} = ${value}`))
}
