import { Type } from '@sinclair/typebox'
import { sql } from 'drizzle-orm'
import { lists, users } from '../db/schema.ts'
import { typed } from '../db/statement.ts'
import { type AnswerOf, type ChangesOf, client, now, server } from '../resource/field.ts'
import { kinds } from '../resource/kind.ts'
import { Position, placing } from '../resource/position.ts'
import { defineResource } from '../resource/resource.ts'
import { OptionalTime, Revision, Time } from '../resource/schemas.ts'
import { Line, NOT_BLANK, trimmed } from '../resource/text.ts'

const Name = Line({
  minLength: 1,
  maxLength: 100,
  pattern: NOT_BLANK,
  description: 'Counted and stored without outer white space. Two lists may share one.',
  examples: ['Groceries'],
  error: 'must be text of 1 to 100 characters, not counting outer white space',
})

/** Lists that a user may have at hand. */
export const MAX_LISTS = 500

/** Where a list stands by default: after all of the user's. */
export const positions = placing(users.list_position)

/** Each field of a list, said once, as `src/tasks/fields.ts` does for tasks. */
export const fields = {
  id: server(kinds.uuid, Type.String({ format: 'uuid', examples: ['01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e81'] }), {
    insert: typed('id', 'uuid'),
    isImported: true,
  }),
  user_id: server(kinds.opaque, Type.String({ examples: ['kX2mPqR7sT9vW1yZ3aB5cD7eF9gH1jK3'] }), {
    insert: sql`raised.id`,
    isImported: false,
  }),
  name: client(kinds.text, Name, { stored: trimmed }),
  position: client(kinds.double, Position("The lists' order. By default after all that the user has."), {
    insert: positions.inserted,
  }),
  revision: server(kinds.revision, Revision("The user's counter at this list's last change."), {
    insert: sql`raised.revision`,
    isImported: false,
  }),
  created_at: server(kinds.time, Time('When the list was made.'), { insert: now, isImported: true }),
  updated_at: server(kinds.time, Time('When the list was last changed.'), { insert: now, isImported: true }),
  deleted_at: server(kinds.time, OptionalTime('When the list was moved to the trash.'), {
    initial: null,
    isImported: true,
  }),
}

export type List = AnswerOf<typeof fields>

/** What clients write of a list, in the form in which it is stored; undefined stays as it is. */
export type Changes = ChangesOf<typeof fields>

export const list = defineResource(lists, fields)

// Fields and columns must be the same: this fails to compile when one is missing on either side.
type Row = Omit<typeof lists.$inferSelect, 'purged_at'>
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never
const _fieldsAreColumns: Same<List, Row> = true
void _fieldsAreColumns
