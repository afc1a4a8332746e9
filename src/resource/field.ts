import { type Static, type TObject, type TOptional, type TSchema, type TUnsafe, Type } from '@sinclair/typebox'
import { type SQL, sql } from 'drizzle-orm'
import { invalid } from '../problem.ts'
import type { Kind } from './kind.ts'

interface Common {
  readonly kind: Kind
  /** The rule for values that clients write, and the form of values in answers. */
  readonly schema: TSchema
  /**
   * Whether most rows have its initial value: writes that do not name such a field leave it out, since each column
   * of a statement costs.
   */
  readonly isRare?: true
  /** How lists are ordered by it; undefined where they cannot be. */
  readonly order?: 'plain' | 'caseless' | 'missing last'
  /** The value of a new row where none is sent or made; of the service's own fields, its column's default as well. */
  readonly initial?: unknown
}

/** A field that clients write. */
export interface ClientField extends Common {
  readonly by: 'client'
  /** Turns a value that has passed the schema into the form that is stored. */
  readonly stored?: (value: never) => unknown
  /** Expressions for the value of a new row and of a changed one, where it is not the parameter as it stands. */
  readonly insert?: SQL
  readonly update?: SQL
  /** Whether `q` searches it. */
  readonly isSearched?: true
}

/** A field that the service writes. */
export interface ServerField extends Common {
  readonly by: 'server'
  /** The value of a new row, where it is not the initial one. It may use what is new in the user's row, by the name `raised`. */
  readonly insert?: SQL
  /** The value of a changed row; undefined where it stays. */
  readonly update?: SQL
  /** Whether an import takes it from the file. */
  readonly isImported: boolean
}

export type Field = ClientField | ServerField
export type Fields = Record<string, Field>

export const client = <const Rest extends Omit<ClientField, 'by' | 'kind' | 'schema'>, Schema extends TSchema>(
  kind: Kind,
  schema: Schema,
  rest: Rest,
) => ({ by: 'client' as const, kind, schema, ...rest })

export const server = <const Rest extends Omit<ServerField, 'by' | 'kind' | 'schema'>, Schema extends TSchema>(
  kind: Kind,
  schema: Schema,
  rest: Rest,
) => ({ by: 'server' as const, kind, schema, ...rest })

type NamesBy<F extends Fields, By extends Field['by']> = {
  [Name in keyof F]: F[Name]['by'] extends By ? Name : never
}[keyof F]

/** A resource as clients read it. */
export type AnswerOf<F extends Fields> = { -readonly [Name in keyof F]: Static<F[Name]['schema']> }

/** The fields that clients write; an undefined one stays as it is. */
export type ChangesOf<F extends Fields> = {
  -readonly [Name in NamesBy<F, 'client'>]?: Static<F[Name]['schema']> | undefined
}

export const now = sql`now()`

export const isNullable = ({ schema }: Pick<Field, 'schema'>): boolean =>
  Array.isArray(schema['anyOf']) && schema['anyOf'].some((option: TSchema) => option['type'] === 'null')

export function entriesBy<F extends Fields, By extends Field['by']>(fields: F, by: By) {
  return Object.entries(fields).filter(
    (entry): entry is [string & NamesBy<F, By>, Extract<Field, { by: By }>] => entry[1].by === by,
  )
}

/** Keywords that hold for what is sent and not for answers: a tombstone has an empty title. */
const RULES = ['minLength', 'pattern', 'error']

/** The schema without rules, its parts too. */
function withoutRules(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutRules)
  if (typeof schema !== 'object' || schema === null) return schema
  const kept = Object.entries(schema).filter(([keyword]) => !RULES.includes(keyword))
  return Object.fromEntries(kept.map(([keyword, value]) => [keyword, withoutRules(value)]))
}

/** The schema of an answer's field, which only types and the document see. */
function answerOf({ schema }: Field): TSchema {
  return { ...(withoutRules(schema) as object), ...Type.Any() }
}

/** The schema of an answer: every field, in its stored form. */
export function answerSchema<F extends Fields>(fields: F, options: { $id: string; description: string }) {
  const properties = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, answerOf(field)]))
  return Type.Object(properties, options) as TObject<{
    [Name in keyof F]: TUnsafe<Static<F[Name]['schema']>>
  }>
}

type ClientSchemas<F extends Fields> = { [Name in NamesBy<F, 'client'>]: TOptional<F[Name]['schema']> }

/** The properties that clients may send, none of them required. */
export function clientSchemas<F extends Fields>(fields: F): ClientSchemas<F> {
  // Each name has the schema of its field; the type of `fromEntries` cannot say so.
  return Object.fromEntries(
    entriesBy(fields, 'client').map(([name, { schema }]) => [name, Type.Optional(schema)]),
  ) as ClientSchemas<F>
}

/**
 * The fields that the service writes, as clients may send them back. Any value is ignored, so that what
 * was read can be written. The document gives each its type: generators of clients need one.
 */
export function ignoredSchemas(fields: Fields): Record<string, TOptional<TUnsafe<unknown>>> {
  return Object.fromEntries(
    entriesBy(fields, 'server').map(([name, field]) => [
      name,
      Type.Optional(
        Type.Unsafe<unknown>({ ...answerOf(field), readOnly: true, description: 'Ignored.', ...Type.Unknown() }),
      ),
    ]),
  )
}

/** A function that turns a body that has passed its schema into its stored form, and drops what clients do not write. */
export function storedFormOf<F extends Fields>(fields: F): (body: ChangesOf<F>) => ChangesOf<F> {
  const written = entriesBy(fields, 'client')
  return (body) => {
    const stored: Record<string, unknown> = {}
    for (const [name, { stored: form }] of written) {
      const value: unknown = body[name]
      // The value has passed the field's schema, so the field's function takes it.
      stored[name] = value == null || !form ? value : form(value as never)
    }
    // Each name has the value that was given, in another form of the same type.
    return stored as ChangesOf<F>
  }
}

/**
 * A function that makes the changes of an update from a body that has passed its schema.
 *
 * @throws (the function) Problem `validation-failed` when no writable field is among them.
 */
export const changesFrom =
  <Changes extends object>(storedForm: (body: Changes) => Changes) =>
  (body: Changes, pointer = ''): Changes => {
    const changes = storedForm(body)
    if (Object.values(changes).every((value) => value === undefined))
      throw invalid([{ pointer, detail: 'must have at least one field that can be changed' }])
    return changes
  }
