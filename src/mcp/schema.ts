import type { TObject, TSchema } from '@sinclair/typebox'

/** JSON Schema (2020-12) as tools are described by. */
export interface JsonSchema {
  [keyword: string]: unknown
  type?: string
  anyOf?: JsonSchema[]
}

/**
 * Keywords that say nothing to a model: the sentences of our refusals, the names of the document's
 * schemas, and patterns, which some providers of models refuse. The service checks them all the same.
 */
const OURS = ['error', 'pattern', '$id']

/** What guides a writer, and tells a reader of answers nothing. */
const GUIDANCE = ['examples', 'description', 'maxLength', 'maxItems', 'uniqueItems']

/** A schema of ours as a tool shows it for its arguments. A union of constants becomes an enum, which every client reads. */
export const inputSchema = (schema: TSchema): JsonSchema => convert(schema, OURS)

/** The same for what a tool gives. */
export const outputSchema = (schema: TSchema): JsonSchema => convert(schema, [...OURS, ...GUIDANCE])

/** @param without keywords to leave out. */
function convert(schema: TSchema, without: string[]): JsonSchema {
  // Through JSON: drops TypeBox's symbols and leaves the routes' own schemas alone.
  return JSON.parse(
    JSON.stringify(schema, (key, part: unknown) => (key === 'properties' ? part : shown(part, without))),
  )
}

function shown(part: unknown, without: string[]): unknown {
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return part
  const schema = Object.fromEntries(
    Object.entries(part).filter(([keyword]) => !without.includes(keyword)),
  ) as JsonSchema
  const { anyOf, ...rest } = schema
  if (!anyOf?.every((option) => typeof option['const'] === 'string')) return schema
  return { ...rest, type: 'string', enum: anyOf.map((option) => option['const']) }
}

/** The fields of a schema without these. */
export function omit<Schema extends TObject, const Names extends (keyof Schema['properties'] & string)[]>(
  { properties }: Schema,
  ...names: Names
): Omit<Schema['properties'], Names[number]> {
  const kept = Object.entries(properties).filter(([name]) => !names.includes(name))
  // `fromEntries` forgets which name has which schema.
  return Object.fromEntries(kept) as Omit<Schema['properties'], Names[number]>
}

/** A nullable field of an answer as it is where it is not null; other fields as they are. */
export function present(schema: TSchema): TSchema {
  const options: TSchema[] = Array.isArray(schema['anyOf']) ? schema['anyOf'] : []
  const [first, ...others] = options.filter((option) => option['type'] !== 'null')
  return first !== undefined && others.length === 0 ? first : schema
}
