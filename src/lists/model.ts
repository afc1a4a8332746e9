import { Type } from '@sinclair/typebox'
import { sql } from 'drizzle-orm'
import { flag } from '../http/query.ts'
import { answerSchema, changesFrom, clientSchemas, ignoredSchemas, server, storedFormOf } from '../resource/field.ts'
import { kinds } from '../resource/kind.ts'
import { UserPath, Uuid } from '../resource/schemas.ts'
import { type Changes, fields, type List as ListFields } from './fields.ts'

/** What is counted whenever lists are read. */
const count = (description: string, example: number) =>
  server(kinds.revision, Type.Integer({ format: 'int32', minimum: 0, description, examples: [example] }), {
    insert: sql`0`,
    isImported: false,
  })
export const counted = {
  ...fields,
  pending: count('Its tasks that are not completed; of a list in the trash, those that are in the trash, too.', 3),
  completed: count('Its completed tasks, counted likewise.', 1),
}

/** A list as writes and sync give it. */
export type List = ListFields
export const List = answerSchema(fields, { $id: 'TaskList', description: 'A list' })

/** A list as reads give it. */
export type CountedList = List & { pending: number; completed: number }
export const CountedList = answerSchema(counted, {
  $id: 'CountedList',
  description: 'A list, with the numbers of its tasks',
})

const writable = clientSchemas(fields)

export const NewList = Type.Object(
  {
    ...ignoredSchemas(counted),
    id: Type.Optional(Uuid('Chosen by the client, if it likes: the server makes a version 7 otherwise.')),
    ...writable,
    name: fields.name.schema,
  },
  {
    $id: 'ListCreate',
    additionalProperties: false,
    description: 'A list to be made',
    examples: [{ name: 'Groceries' }],
    error: 'must be an object',
  },
)

export const ListPatch = Type.Object(
  { ...ignoredSchemas(counted), ...writable },
  {
    $id: 'ListUpdate',
    additionalProperties: false,
    // For the document: `changesIn` checks that one of them can be changed.
    minProperties: 1,
    description: 'The fields to change, at least one; the others stay.',
    examples: [{ name: 'Errands' }],
    error: 'must be an object',
  },
)

export const ListPath = Type.Object({ ...UserPath.properties, id: Uuid('The list.') })

export const ListsQuery = Type.Partial(
  Type.Object({ deleted: flag('`true`: the lists in the trash, last deleted first.') }),
)
export const RemovalQuery = Type.Partial(
  Type.Object({ deleted: flag('`true`: deletes a list in the trash for good, and the tasks that went with it.') }),
)

/** A list to be made, in the form in which it is stored. */
export type NewList = Changes & { id?: string | undefined; name: string }

const storedForm = storedFormOf(fields)

/** The list to make, from a body that has passed `NewList`. */
export function newListFrom(body: NewList): NewList {
  const { name = body.name, ...rest } = storedForm(body)
  return { ...rest, name, id: body.id }
}

/** The changes of an update. @throws Problem `validation-failed` when no writable field is among them. */
export const changesIn = changesFrom(storedForm)
