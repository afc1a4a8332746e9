import { type Static, type TObject, type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { invalid } from '../problem.ts'
import { canonicalDate } from '../resource/dates.ts'
import { Text } from '../resource/text.ts'
import { DueDate, Priority, TagText } from './fields.ts'

export const SORTS = ['created_at', 'updated_at', 'due_date', 'priority', 'title', 'position'] as const
const ORDERS = SORTS.flatMap((sort) => [sort, `-${sort}` as const])

/** The most tasks that one answer lists, and as many as it lists unasked. */
export const MAX_PAGE = 1000

const choice = <const Options extends readonly string[]>(options: Options, rest: object = {}) =>
  Type.Unsafe<Options[number]>({
    ...Type.Union(options.map((option) => Type.Literal(option))),
    error: `must be one of ${options.join(', ')}`,
    ...rest,
  })

const flag = (description: string) => Type.Boolean({ description, error: 'must be true or false' })

/** Of any paged list. */
export const Page = {
  limit: Type.Integer({
    minimum: 1,
    maximum: MAX_PAGE,
    default: MAX_PAGE,
    description: 'How many at most.',
    error: `must be a whole number from 1 to ${MAX_PAGE}`,
    examples: [50],
  }),
  cursor: Type.String({
    maxLength: 2048,
    description: 'From the `Link` of the page before; opaque.',
    error: 'is not a cursor of this list: start again from its first page',
  }),
  count: flag('`true` adds `X-Total-Count`.'),
}

export const TaskQuery = Type.Partial(
  Type.Object({
    status: choice(['all', 'pending', 'completed'], { default: 'all', description: 'Which tasks.' }),
    completed: flag('The same as `status`, for those who think in booleans.'),
    priority: Type.Array(Priority, { description: 'Any of these.', examples: [['high']] }),
    tag: Type.Array(TagText, {
      description: 'All of these.',
      maxItems: 20,
      examples: [['home']],
      error: 'must be at most 20 tags',
    }),
    due_after: { ...DueDate, description: 'Due later: after that day, or after that time.', error: dateError() },
    due_before: { ...DueDate, description: 'Due earlier: before that day, or before that time.', error: dateError() },
    q: Text({
      minLength: 1,
      maxLength: 200,
      description: 'A part of the title or the description, in any case. `%` and `_` are plain characters.',
      examples: ['milk'],
      error: 'must be text of 1 to 200 characters',
    }),
    sort: choice(ORDERS, { default: '-created_at', description: '`-` reverses. Tasks without a due date come last.' }),
    ...Page,
  }),
)
export type TaskQuery = Static<typeof TaskQuery>

export const PageQuery = Type.Partial(Type.Object(Page))
export type PageQuery = Static<typeof PageQuery>

function dateError() {
  return 'must be a day like 2026-11-24 or a time like 2026-11-24T18:30:00Z'
}

/**
 * Route options for a query string of this schema, read by the schema's own types: a
 * list may repeat, anything else may not, and unknown names are ignored. Elysia would
 * also split each value at commas, and take `[1]` for JSON: the mark keeps it from that.
 */
export function queryOf<Schema extends TObject>(schema: Schema) {
  return {
    query: { ...schema, elysiaMeta: 'Query' } as Schema,
    // An arrow function, as those that read bodies: Elysia cannot tell a method's parameter in the minified program.
    transform: (context: { request: Request; query: unknown }) => {
      context.query = readQuery(new URL(context.request.url).searchParams, schema)
    },
  }
}

function readQuery(params: URLSearchParams, schema: TObject): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const [name, property] of Object.entries(schema.properties)) {
    const given = params.getAll(name)
    if (given.length === 0) continue
    if (property['type'] === 'array') values[name] = given
    else if (given.length > 1) throw invalid([{ pointer: `/${name}`, detail: 'may be given only once' }])
    else values[name] = convert(property, given[0] ?? '')
  }
  return values
}

/** Text to the number or boolean that it spells, and only where it spells one. */
function convert(schema: TSchema, text: string): unknown {
  if (schema['type'] === 'integer') return /^-?\d{1,15}$/.test(text) ? Number(text) : text
  if (schema['type'] === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  return Value.Convert(schema, text)
}

/** What a list is narrowed to; null where it is not. */
export interface Filters {
  completed: boolean | null
  priorities: string[] | null
  tags: string[] | null
  /** Bounds of the stored text, which sorts by time: first included, last excluded. */
  dueFrom: string | null
  dueUntil: string | null
  text: string | null
}

/**
 * The filters of a query that has passed its schema.
 *
 * @throws Problem `validation-failed` when two of them contradict each other.
 */
export function filtersOf(query: TaskQuery): Filters {
  const byStatus = query.status === undefined || query.status === 'all' ? null : query.status === 'completed'
  const { completed = null } = query
  if (byStatus !== null && completed !== null && byStatus !== completed)
    throw invalid([{ pointer: '/completed', detail: 'contradicts status' }])
  return {
    completed: completed ?? byStatus,
    priorities: query.priority ?? null,
    tags: query.tag?.map((tag) => tag.trim()) ?? null,
    dueFrom: query.due_after === undefined ? null : justAfter(query.due_after),
    dueUntil: query.due_before === undefined ? null : (canonicalDate(query.due_before) ?? null),
    text: query.q ?? null,
  }
}

/**
 * The smallest text later than a date: `~` sorts behind every character of one, so that a
 * day is left behind with all its hours.
 */
function justAfter(text: string): string {
  return `${canonicalDate(text)}~`
}

export function isFiltered(filters: Filters): boolean {
  return Object.values(filters).some((value) => value !== null)
}
