import { getTableColumns, type SQL, sql } from 'drizzle-orm'
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'
import { type Cells, listed, type Parameter, typed } from '../db/statement.ts'
import { type AnswerOf, type ChangesOf, entriesBy, type Field, type Fields, isNullable } from './field.ts'
import { type Insertion, insertionOf, ROW_BYTES } from './insertion.ts'
import { isCounted, type Kind, parameterOf } from './kind.ts'
import { rowReader } from './reader.ts'

/** The columns that every resource's table has beside its fields. */
export type ResourceTable = PgTable & Record<'id' | 'user_id' | 'revision' | 'deleted_at' | 'purged_at', PgColumn>

/** Where a row can be: at hand, or in the trash. A tombstone is in neither. */
export type Place = 'hand' | 'trash'

/** What the quota counts: a table and the bytes of its rows. */
export interface Counted {
  readonly table: ResourceTable
  readonly bytes: Readonly<Record<'kept', SQL>>
}

/** A table, its fields, and the parts of SQL that follow from both. */
export interface Resource<F extends Fields> {
  readonly table: ResourceTable
  /** The columns of all fields, in the order in which `read` reads their cells. */
  readonly columns: SQL
  /** The same columns, of a subquery with this name. */
  columnsOf(subquery: string): SQL
  /** Reads a row's fields from the cells that begin at `start`. */
  read(cells: Cells, start: number): AnswerOf<F>
  readonly insert: Insertion<F>
  /** `title = …, …`: what an update of any fields sets. */
  readonly update: SQL
  /** The same for writes that name no rare field: the columns of these have their defaults, or stay. */
  readonly plain: Pick<Resource<F>, 'insert' | 'update'>
  /** What a purge sets, so that nothing that the user has written stays. */
  readonly purge: SQL
  /** The bytes that a row counts against the quota: as it is, and once it is updated or purged. */
  readonly bytes: Readonly<Record<'kept' | 'updated' | 'purged', SQL>>
  /** The names of the rare fields that clients write. */
  readonly rare: readonly (keyof ChangesOf<F>)[]
  updateParameters(changes: ChangesOf<F>): Record<string, Parameter>
  /** The first condition of a WHERE for many rows: they are the owner's (a parameter) and in this place. */
  where(place: Place): SQL
  /**
   * The first condition of a WHERE for one row: it is the owner's, has this id (both parameters) and is in this place.
   * Said so that only the primary key serves it. Without statistics PostgreSQL takes a partial index, which begins with the
   * user too, for as good, and then reads all of a user's entries for one task.
   */
  whereRow(place: Place): SQL
}

export function defineResource<F extends Fields>(table: ResourceTable, fields: F): Resource<F> {
  const names = Object.keys(fields)
  const columns = getTableColumns(table)
  const written = entriesBy(fields, 'client')
  const columnOf = (name: string): PgColumn => {
    const column = columns[name]
    if (column === undefined) throw new Error(`a field without a column: ${name}`)
    return column
  }
  const givenOrKept = (name: string, nullable: boolean, { type }: Kind) =>
    nullable
      ? sql`case when ${typed(`set_${name}`, 'boolean')} then ${typed(name, type)} else ${columnOf(name)} end`
      : sql`coalesce(${typed(name, type)}, ${columnOf(name)})`

  const updated = ([name, field]: [string, Field]) =>
    field.update ?? (field.by === 'client' ? givenOrKept(name, isNullable(field), field.kind) : undefined)
  const updateOf = (entries: [string, Field][]) =>
    listed(
      entries.flatMap((entry) => {
        const value = updated(entry)
        return value === undefined ? [] : [sql`${sql.identifier(entry[0])} = ${value}`]
      }),
    )
  const all = Object.entries(fields)
  const frequent = all.filter(([, { isRare }]) => !isRare)
  const rare = written.flatMap(([name, { isRare }]) => (isRare ? [name] : []))
  const emptied = written.flatMap(([name, field]) => {
    if (!field.kind.isContent) return []
    if (!isNullable(field) && field.kind.empty === undefined) throw new Error(`${name} cannot be emptied by a purge`)
    return [sql`${sql.identifier(name)} = ${isNullable(field) ? sql`null` : field.kind.empty}`]
  })
  const contents = written.filter(([, { kind }]) => isCounted(kind))
  // Each text by itself: of a long one, PostgreSQL then reads only the length.
  const bytesOf = (valueIn: (entry: [string, Field]) => SQL | undefined) =>
    sql`(${sql.join([ROW_BYTES, ...contents.map((entry) => sql`coalesce(octet_length((${valueIn(entry)})::text), 0)`)], sql` + `)})`

  const { user_id, id, deleted_at, purged_at } = table
  const isOwned = sql`${user_id} = ${sql.placeholder('owner')}`
  const isAt: Record<Place, SQL> = {
    hand: sql`${deleted_at} is null`,
    trash: sql`${deleted_at} is not null and ${purged_at} is null`,
  }

  return {
    table,
    columns: listed(names.map((name) => sql`${columnOf(name)}`)),
    columnsOf: (subquery) => listed(names.map((name) => sql`${sql.identifier(subquery)}.${sql.identifier(name)}`)),
    read: rowReader<AnswerOf<F>>(fields),
    insert: insertionOf(fields, all, columnOf),
    update: updateOf(all),
    plain: { insert: insertionOf(fields, frequent, columnOf), update: updateOf(frequent) },
    purge: listed([...emptied, sql`purged_at = now()`]),
    bytes: {
      kept: bytesOf(([name]) => sql`${columnOf(name)}`),
      updated: bytesOf(updated),
      purged: bytesOf(([, { kind, schema }]) => (isNullable({ schema }) ? sql`null` : kind.empty)),
    },
    rare,
    updateParameters: (changes) => {
      const parameters: Record<string, Parameter> = {}
      for (const [name, field] of written) {
        const value: unknown = changes[name]
        parameters[name] = parameterOf(field.kind, value)
        if (isNullable(field)) parameters[`set_${name}`] = value !== undefined
      }
      return parameters
    },
    where: (place) => sql`${isOwned} and ${isAt[place]}`,
    whereRow: (place) => sql`${isOwned} and ${id} = ${sql.placeholder('id')} and (${isAt[place]}) is true`,
  }
}
