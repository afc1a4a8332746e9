import { type SQL, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { lists, tasks, users } from '../db/schema.ts'
import { ownRows, statement } from '../db/statement.ts'
import type { Owner } from '../db/work.ts'
import { Problem } from '../problem.ts'
import type { Place } from '../resource/resource.ts'
import { task } from '../tasks/fields.ts'
import { list, MAX_LISTS } from './fields.ts'
import type { CountedList } from './model.ts'

const ORDER: Record<Place, SQL> = {
  hand: sql`${lists.position}, ${lists.id}`,
  trash: sql`${lists.deleted_at} desc, ${lists.id} desc`,
}

/**
 * Lists with the numbers of their tasks, which are counted in one go: all of the user's tasks are looked at, if
 * there is a list at all. They are joined by their user too, since a number does not show whose tasks were counted.
 */
const counted = (name: string, place: Place, condition: SQL) =>
  statement(
    name,
    sql`select ${users.revision}, found.pending, found.completed, ${list.columnsOf('found')} from ${users}
      left join lateral (
        select page.*, coalesce(counted.pending, 0) as pending, coalesce(counted.completed, 0) as completed
        from (
          select ${list.columns}, row_number() over (order by ${ORDER[place]}) as nth from ${lists}
          where ${list.where(place)} ${condition} order by nth limit ${sql.raw(String(MAX_LISTS))}
        ) as page left join (
          select ${tasks.user_id}, ${tasks.list_id}, count(*) filter (where not ${tasks.completed}) as pending,
            count(*) filter (where ${tasks.completed}) as completed
          from ${tasks} where ${task.where(place)} and ${tasks.list_id} is not null
          group by ${tasks.user_id}, ${tasks.list_id}
        ) as counted on counted.user_id = page.user_id and counted.list_id = page.id
      ) as found on true where ${users.id} = ${sql.placeholder('owner')} order by found.nth`,
    (cells) => ({
      revision: Number(cells[0]),
      item:
        cells[3] === null ? null : { ...list.read(cells, 3), pending: Number(cells[1]), completed: Number(cells[2]) },
    }),
  )
const selectAll = { hand: counted('lists_hand', 'hand', sql``), trash: counted('lists_trash', 'trash', sql``) }
const selectOne = counted('list_counted', 'hand', sql`and ${lists.id} = ${sql.placeholder('id')}`)

/** All lists of a user in one place, and the user's revision in the same snapshot. */
export async function readLists(
  db: Db,
  { id: owner }: Owner,
  place: Place,
): Promise<{ lists: CountedList[]; revision: number }> {
  const rows = await selectAll[place](db, { owner })
  const found = rows.flatMap(({ item }) => item ?? [])
  return { lists: ownRows(owner, found), revision: rows[0]?.revision ?? 0 }
}

/** @throws Problem `list-not-found`. */
export async function findList(db: Db, { id: owner }: Owner, id: string): Promise<CountedList> {
  const rows = await selectOne(db, { owner, id })
  const [found] = ownRows(
    owner,
    rows.flatMap(({ item }) => item ?? []),
  )
  if (!found) throw new Problem('list-not-found', 'There is no such list.')
  return found
}
