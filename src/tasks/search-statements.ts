import { sql } from 'drizzle-orm'
import { tasks, users } from '../db/schema.ts'
import { statement, typed } from '../db/statement.ts'
import { rfc3339 } from '../db/types.ts'
import type { Position } from '../http/cursor.ts'
import { revisionAnd } from '../resource/rows.ts'
import { fields, task } from './fields.ts'
import { type ListTerms, madeOnce, type Shape, textBytes } from './list-terms.ts'

/** Where a task stands in an order, and how long the texts are that a search must read. */
export interface Standing extends Position {
  user_id: string
  bytes: number
}

const owner = sql.placeholder('owner')
const ids = sql`${tasks.id} = any(${typed('ids', 'uuid[]')})`

/** In which order matches are counted. */
const EVERY: Shape = { from: 'hand', sort: 'created_at', descending: false, filtered: true, after: false }

export type SearchStatements = ReturnType<typeof createSearchStatements>

/** The statements that a search of much text is made of: each is short, and says where the next one begins. */
export function createSearchStatements({ rowsOf, narrow, contains, matches }: ListTerms) {
  function orderStatement(name: string, shape: Shape) {
    const { read } = fields[shape.sort].kind as { read?: (cell: unknown) => unknown }
    return statement(
      name,
      sql`select ${users.revision}, page.id, page.user_id, page.value, page.bytes from ${users} left join lateral (
        select ${tasks.id}, ${tasks.user_id}, ${tasks[shape.sort]} as value, ${textBytes} as bytes
          ${rowsOf(shape, sql`and ${narrow}`)}
      ) as page on true where ${users.id} = ${owner}`,
      revisionAnd((cells, start): Standing => {
        const value = cells[start + 2]
        return {
          id: cells[start] as string,
          user_id: cells[start + 1] as string,
          // What `task.read` makes of the same column.
          value: (value === null || !read ? value : read(value)) as Position['value'],
          bytes: Number(cells[start + 3]),
        }
      }),
    )
  }

  /**
   * The next tasks in the order of an index: as many as `limit` and `bytes` of text allow, each with whether
   * the text is in it (`matched`); of the last one also how many they are (`nth`) and whether nothing comes behind it (`is_end`). The
   * `offset` keeps PostgreSQL from evaluating `matched` twice.
   */
  const looked = (shape: Shape) => {
    const bound = typed('bytes', 'bigint')
    return sql`select *, (${contains((name) => sql`measured.${sql.identifier(name)}`)}) as matched,
        following is null or running >= ${bound} as is_last,
        following is null and nth < ${sql.placeholder('limit')} as is_end
      from (
        select *, sum(bytes) over following_rows as running, row_number() over following_rows as nth,
          lead(true) over following_rows as following
        from (select ${task.columns}, ${textBytes} as bytes ${rowsOf(shape, sql`and ${narrow}`)}) as piece
        window following_rows as (rows unbounded preceding)
      ) as measured where running - bytes < ${bound} offset 0`
  }

  const lookStatement = (name: string, shape: Shape) =>
    statement(
      name,
      sql`select ${users.revision}, page.matched, page.nth, page.is_end, ${task.columnsOf('page')} from ${users}
        left join lateral (
          select * from (${looked(shape)}) as looked where matched or is_last limit ${sql.placeholder('most')}
        ) as page on true where ${users.id} = ${owner}`,
      (cells) => ({
        revision: Number(cells[0]),
        isMatch: cells[1] === true,
        nth: Number(cells[2]),
        isEnd: cells[3] === true,
        item: cells[4] === null ? null : task.read(cells, 4),
      }),
    )

  const lookCountStatement = (name: string, shape: Shape) =>
    statement(
      name,
      sql`select page.total, page.is_end, page.nth, page.value, page.id from ${users} left join lateral (
          select count(*) filter (where matched) as total, coalesce(bool_or(is_end), true) as is_end, max(nth) as nth,
            max(created_at) filter (where is_last) as value, max(id::text) filter (where is_last) as id
          from (${looked(shape)}) as looked where user_id = ${users.id}
        ) as page on true where ${users.id} = ${owner}`,
      ([total, isEnd, nth, value, id]) => ({
        total: Number(total),
        isEnd: isEnd === true,
        nth: Number(nth),
        at: id === null ? undefined : { value: rfc3339(value as string), id: id as string },
      }),
    )

  const orders = madeOnce(orderStatement)
  const looks = madeOnce(lookStatement)

  return {
    /** Where tasks stand that pass all filters but `q`: no text is read for it. */
    order: (shape: Shape) => orders(`order_${shape.sort}_${shape.descending}_${shape.after}`, shape),

    /** Those of the tasks `ids` that pass all filters, in no order. */
    matching: statement(
      'matching',
      sql`select ${task.columns} from ${tasks} where ${task.where('hand')} and ${ids} and ${matches}`,
      (cells) => task.read(cells, 0),
    ),

    /** Looks at the next tasks by `created_at`: gives back those that match and the last one. */
    look: (shape: Shape) => looks(`look_${shape.descending}_${shape.after}`, shape),

    /** Looks at the next tasks by `created_at`, and counts those that match; by way of the user's row, as all counts. */
    countLooked: {
      first: lookCountStatement('count_look_first', EVERY),
      next: lookCountStatement('count_look_next', { ...EVERY, after: true }),
    },
  }
}
