import type { Static, TSchema } from '@sinclair/typebox'
import type { TypeCheck } from '@sinclair/typebox/compiler'
import type { Db } from '../db/database.ts'
import type { Owner } from '../db/work.ts'
import { inside, invalid, Problem } from '../problem.ts'
import type { Precondition } from '../resource/store.ts'
import { checked, checkOf } from './validation.ts'

/** What a batch asks for. Each of its members has a meaning for some operations only. */
interface Asked {
  op: string
  id?: string | undefined
  if_revision?: number | undefined
  task?: unknown
  list?: unknown
  completed?: boolean | undefined
}

/** The members that hold fields. */
const MEMBERS = ['task', 'list'] as const
type MemberName = (typeof MEMBERS)[number]

type Move<Row> = (tx: Db, owner: Owner, id: string, given: Precondition, asked: Asked) => Promise<Row>

interface Operations<Member extends MemberName, Row, New extends TSchema, Patch extends TSchema> {
  /** The member that holds fields, and the row in the result. */
  member: Member
  newBody: New
  patchBody: Patch
  create(tx: Db, owner: Owner, body: Static<New> & { id?: string | undefined }): Promise<Row>
  update(tx: Db, owner: Owner, id: string, body: Static<Patch>, given: Precondition): Promise<Row>
  /** Those that take no fields, by name, with the status of their own endpoint. */
  moves: Record<string, { status: number; run: Move<Row> }>
}

/**
 * The operations of a batch on one resource, each as its own endpoint would do it.
 *
 * @throws (the function) Problem as the endpoint does, and for members without meaning.
 */
export function operationsOn<Member extends MemberName, Row, New extends TSchema, Patch extends TSchema>({
  member,
  newBody,
  patchBody,
  create,
  update,
  moves,
}: Operations<Member, Row, New, Patch>) {
  const [newCheck, patchCheck] = [checkOf(newBody), checkOf(patchBody)]
  const place = `/${member}`
  const foreign = MEMBERS.filter((name) => name !== member)

  const fieldsOf = <Schema extends TSchema>(schema: TypeCheck<Schema>, fields: unknown): Static<Schema> => {
    try {
      return checked(schema, fields)
    } catch (error) {
      return rethrow(error, true)
    }
  }
  /** Of a fault in a field, the pointers lead into the member. Other refusals are about the whole operation. */
  const rethrow = (error: unknown, isOfFields = false): never => {
    const isFault = error instanceof Problem && (isOfFields || error.code === 'validation-failed')
    throw isFault ? inside(place, error) : error
  }
  const result = (status: number, row: Row) =>
    // The one member has the row's type; a computed name loses it.
    ({ status, [member]: row }) as { status: number } & Record<Member, Row>

  return async (tx: Db, owner: Owner, asked: Asked) => {
    const { op, id, if_revision, [member]: fields } = asked
    const [verb = op] = op.split('_')
    const meaningless = (name: keyof Asked, why = '') =>
      invalid([{ pointer: `/${name}`, detail: `has no meaning for ${op}${why}` }])
    if (asked.completed !== undefined && verb !== 'complete')
      throw meaningless('completed', member === 'task' ? ': it belongs into the task' : '')
    for (const name of foreign) if (asked[name] !== undefined) throw meaningless(name)
    if (verb === 'create') {
      if (if_revision !== undefined) throw meaningless('if_revision')
      const body = fieldsOf(newCheck(), fields) as Static<New> & { id?: string | undefined }
      if (id !== undefined && body.id !== undefined && body.id !== id)
        throw invalid([{ pointer: `${place}/id`, detail: 'contradicts the id of the operation' }])
      return result(201, await create(tx, owner, { ...body, id: id ?? body.id }).catch(rethrow))
    }
    if (id === undefined) throw invalid([{ pointer: '/id', detail: `is required for ${op}` }])
    const given = { revisions: if_revision === undefined ? undefined : [if_revision] }
    if (verb === 'update') {
      const body = fieldsOf(patchCheck(), fields)
      return result(200, await update(tx, owner, id, body, given).catch(rethrow))
    }
    const move = moves[verb]
    if (move === undefined) throw new Error(`an operation without a runner: ${verb}`)
    if (fields !== undefined) throw meaningless(member)
    return result(move.status, await move.run(tx, owner, id, given, asked))
  }
}
