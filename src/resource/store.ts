import { is, sql } from 'drizzle-orm'
import { PgTransaction } from 'drizzle-orm/pg-core'
import type { Db } from '../db/database.ts'
import { sqlState } from '../db/errors.ts'
import { type Cells, ownRows, type Parameter, type Statement, statement } from '../db/statement.ts'
import { lockUser } from '../db/transaction.ts'
import type { Owner } from '../db/work.ts'
import { Problem } from '../problem.ts'
import { changeAll, type Insert, type Mark } from './change.ts'
import type { Fields } from './field.ts'
import type { Place, Resource } from './resource.ts'

/** What a write may demand of the row's present state. */
export interface Precondition {
  /** `If-Match`: the row must stand at one of these. */
  revisions?: number[] | undefined
}

/** A change of one row, found by its id. */
export interface RowChange<Row> {
  /** Where the row must be. */
  readonly in: Place
  /** The change of any such row. */
  readonly change: Statement<Row>
  /** Changes of the rows that go with it (parameters `owner` and `id`), in the same transaction. */
  readonly along?: readonly Statement<Mark>[]
  /** Does what follows from the change, in the same transaction. @returns the row as it is then. */
  readonly settle?: (tx: Db, owner: Owner, before: Row, after: Row) => Promise<Row>
  /** The change, as one statement, of the rows that neither take others along nor depend on others: tried first. */
  readonly alone?: Statement<Row>
}

/** What a store must know of a resource. */
type Stored<Row> = Pick<Resource<Fields>, 'table' | 'columns' | 'whereRow'> & { read(cells: Cells, start: number): Row }

export type Store<Row extends { user_id: string; revision: number }> = ReturnType<typeof createStore<Row>>

/** Sums up what the user's rows take, where that has not been done. For a transaction that holds the user's row. */
export type Reckon = Statement<unknown>

/**
 * Runs within a transaction that holds the user's row, made where there is none: each of its statements sees what
 * is so now, and keeps being so. A transaction that is given holds that row already (`Work`).
 */
export function holdingUser<T>(db: Db, { id }: Owner, run: (tx: Db) => Promise<T>): Promise<T> {
  if (is(db, PgTransaction)) return run(db)
  return db.transaction(async (tx) => {
    await lockUser(tx, id, undefined)
    return await run(tx)
  })
}

/**
 * What the store of a resource is made from: its rows by id, one at a time.
 *
 * @param name in problem codes and in the sentences of refusals.
 */
export function createStore<Row extends { user_id: string; revision: number }>(
  resource: Stored<Row>,
  name: 'task' | 'list',
  reckon: Reckon,
) {
  const { table } = resource

  const find = (place: Place) =>
    statement(
      `find_${name}_${place}`,
      sql`select ${resource.columns} from ${table}
        where ${resource.whereRow(place)}`,
      (cells) => resource.read(cells, 0),
    )
  const selectFrom = { hand: find('hand'), trash: find('trash') }

  const notFound = (place: Place) =>
    new Problem(`${name}-not-found`, `There is no such ${name}${place === 'hand' ? '' : ' in the trash'}.`)

  /** Runs what a user without a row, or without a count of bytes, was refused: with both, and with the user's row locked. */
  const withCount = <T>(db: Db, owner: Owner, run: (tx: Db) => Promise<T>) =>
    holdingUser(db, owner, async (tx) => {
      await reckon(tx, { owner: owner.id })
      return await run(tx)
    })

  return {
    /**
     * Owner and id share one WHERE: another user's row and a missing one are the same 404, so
     * that ids cannot be probed.
     *
     * @throws Problem `…-not-found`.
     */
    async findOne(db: Db, { id: owner }: Owner, id: string): Promise<Row> {
      const [row] = ownRows(owner, await selectFrom.hand(db, { owner, id }))
      if (!row) throw notFound('hand')
      return row
    },

    /**
     * Makes a row and, with a user's first one, the user's.
     *
     * @throws Problem `…-exists` when the id is taken, also by a deleted row; `quota-exceeded`.
     */
    async insertOne<Sent>(
      insert: Insert<Sent, Row>,
      db: Db,
      owner: Owner,
      sent: Sent,
      others: Record<string, Parameter> & { id: string },
    ): Promise<Row> {
      const values = { ...others, owner: owner.id, quota: quotaOf(owner) }
      const attempt = async (on: Db) => {
        try {
          return ownRows(owner.id, await insert(on, sent, values))
        } catch (error) {
          if (sqlState(error) !== UNIQUE_VIOLATION) throw error
          throw new Problem(`${name}-exists`, `You already have a ${name} with this id.`, { cause: error })
        }
      }
      const [made] = await attempt(db)
      if (made) return made
      const [row] = await withCount(db, owner, attempt)
      if (!row) throw quotaExceeded()
      return row
    },

    /** @throws Problem `…-not-found`, `revision-mismatch`, `quota-exceeded`. */
    async changeOne(
      { in: place, change, along, settle, alone = along || settle ? undefined : change }: RowChange<Row>,
      db: Db,
      owner: Owner,
      id: string,
      { revisions }: Precondition,
      given: Record<string, Parameter> = {},
    ): Promise<Row> {
      const accepted = revisions === undefined ? null : `{${revisions.join(',')}}`
      const values = { ...given, owner: owner.id, id, revisions: accepted, quota: quotaOf(owner) }
      /** Only where nothing was changed does it matter why. Undefined: for want of room, no longer, or not alone. */
      const refusal = async (on: Db) => {
        const [found] = ownRows(owner.id, await selectFrom[place](on, { owner: owner.id, id }))
        if (!found) return notFound(place)
        if (revisions !== undefined && !revisions.includes(found.revision))
          return new Problem(
            'revision-mismatch',
            `The ${name} has been changed since it was read. Please read it again.`,
          )
        return undefined
      }
      if (alone) {
        const [changed] = ownRows(owner.id, await alone(db, values))
        if (changed) return changed
        const refused = await refusal(db)
        if (refused) throw refused
      }
      const outcome = await withCount(db, owner, async (tx) => {
        const [before] = settle ? ownRows(owner.id, await selectFrom[place](tx, { owner: owner.id, id })) : []
        const [row] = ownRows(owner.id, await change(tx, values))
        if (!row) return (await refusal(tx)) ?? quotaExceeded()
        for (const follow of along ?? []) await changeAll(follow, tx, { ...given, owner: owner.id, id })
        return settle && before ? await settle(tx, owner, before, row) : row
      })
      // Thrown outside of the transaction, which keeps the count.
      if (outcome instanceof Problem) throw outcome
      return outcome
    },
  }
}

const UNIQUE_VIOLATION = '23505'

/** The quota as PostgreSQL's bigint takes it, which has no infinity. */
const quotaOf = ({ quota }: Owner) => Math.min(quota, Number.MAX_SAFE_INTEGER)

function quotaExceeded(): Problem {
  return new Problem(
    'quota-exceeded',
    'There is no room left for your tasks. Please delete some, from the trash as well.',
  )
}
