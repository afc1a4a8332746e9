import { type SQL, sql } from 'drizzle-orm'
import { tasks, users } from '../db/schema.ts'
import { type Cells, type Statement, statement, typed } from '../db/statement.ts'
import { fitting } from '../resource/page.ts'
import type { Place } from '../resource/resource.ts'
import { type Task, task } from './fields.ts'
import { type ListTerms, madeOnce, type Shape } from './list-terms.ts'

/**
 * How a page's statement is bounded. `rows`: by its limit alone. `bytes`: `fitting`. `small user`:
 * it gives back rows only where everything of the user counts at most the parameter `small`.
 */
export type Bound = 'rows' | 'bytes' | 'small user'

export interface PageRow {
  revision: number
  /** Whether the row, or a user who is not small, is beyond the bound; null where the limit is the only one. */
  beyond: boolean | null
  item: Task | null
}

const owner = sql.placeholder('owner')

/**
 * The statements of pages, one for each shape that is asked for, prepared once. There are some 120 at
 * most, and each reads one user's part of an index.
 */
export function createListStatements({ rowsOf, matches }: ListTerms) {
  function pageStatement(name: string, shape: Shape, bound: Bound): Statement<PageRow> {
    const filters = shape.filtered ? sql`and ${matches}` : sql``
    const small = sql`${users.bytes} <= ${typed('small', 'bigint')}`
    const rows = {
      rows: () => sql`select ${task.columns} ${rowsOf(shape, filters)}`,
      bytes: () => fitting(sql`select ${task.columns}, ${task.bytes.kept} as bytes ${rowsOf(shape, filters)}`),
      'small user': () => sql`select ${task.columns} ${rowsOf(shape, sql`${filters} and ${small}`)}`,
    }[bound]()
    const beyond = { rows: sql`null`, bytes: sql`page.beyond`, 'small user': sql`(${small}) is not true` }[bound]
    return statement(
      name,
      // The user's row comes along in the same snapshot: an ETag newer than its list would hide a change.
      sql`select ${users.revision}, ${beyond}, ${task.columnsOf('page')} from ${users}
        left join lateral (${rows}) as page on true where ${users.id} = ${owner}`,
      (cells: Cells) => ({
        revision: Number(cells[0]),
        beyond: cells[1] as boolean | null,
        item: cells[2] === null ? null : task.read(cells, 2),
      }),
    )
  }

  // By way of the user's row: a number shows nobody whose tasks were counted, so the owner is compared twice.
  const countStatement = (name: string, from: Place, conditions: SQL): Statement<number> =>
    statement(
      name,
      sql`select count(*) from ${users} inner join ${tasks} on ${tasks.user_id} = ${users.id}
        where ${users.id} = ${owner} and ${task.where(from)} ${conditions}`,
      ([total]) => Number(total),
    )
  const counts = {
    hand: {
      plain: countStatement('count_hand', 'hand', sql``),
      filtered: countStatement('count_hand_filtered', 'hand', sql`and ${matches}`),
    },
    trash: { plain: countStatement('count_trash', 'trash', sql``) },
  }
  const pages = {
    rows: madeOnce((name, shape) => pageStatement(name, shape, 'rows')),
    bytes: madeOnce((name, shape) => pageStatement(name, shape, 'bytes')),
    'small user': madeOnce((name, shape) => pageStatement(name, shape, 'small user')),
  }

  return {
    page(shape: Shape, bound: Bound): Statement<PageRow> {
      const name = `list_${Object.values(shape).join('_')}_${bound.replace(' ', '_')}`
      return pages[bound](name, shape)
    },

    count: (from: Place, filtered: boolean): Statement<number> =>
      from === 'hand' && filtered ? counts.hand.filtered : counts[from].plain,
  }
}
