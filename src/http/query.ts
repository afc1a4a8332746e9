import { Kind, type Static, type TObject, type TSchema, Type } from '@sinclair/typebox'
import type { TypeCheck } from '@sinclair/typebox/compiler'
import { Elysia } from 'elysia'
import { type Fault, invalid } from '../problem.ts'
import { nearest } from './nearest.ts'
import { checkOf, faultsIn, MAX_FAULTS } from './validation.ts'

/** Rows in one answer, at most and by default. */
export const MAX_PAGE = 1000

/** One of these words. */
export const choice = <const Options extends readonly string[]>(options: Options, rest: object = {}) =>
  Type.Unsafe<Options[number]>({
    ...Type.Union(options.map((option) => Type.Literal(option))),
    error: `must be one of ${options.join(', ')}`,
    ...rest,
  })

export const flag = (description: string) => Type.Boolean({ description, error: 'must be true or false' })

/** The parameters of every paged list. */
export const Page = {
  limit: Type.Integer({
    format: 'int32',
    minimum: 1,
    maximum: MAX_PAGE,
    default: MAX_PAGE,
    description: 'How many at most.',
    error: `must be a whole number from 1 to ${MAX_PAGE}`,
    examples: [50],
  }),
  cursor: Type.String({
    minLength: 1,
    maxLength: 2048,
    description: 'From the `Link` of the page before; opaque.',
    error: 'is not a cursor of this list: start again from its first page',
  }),
  count: flag('`true` adds `X-Total-Count`.'),
}

export const PageQuery = Type.Partial(Type.Object(Page))
export type PageQuery = Static<typeof PageQuery>

/** Another name for a parameter, which some front ends use. */
export interface Spelling {
  /** The parameter that it stands for. */
  means: string
  /**
   * The values that it stands for, none where it says nothing, or what is wrong with it.
   *
   * @param get the first value that the query has for a name.
   */
  read(value: string, get: (name: string) => string | null): string[] | { fault: string }
}

/**
 * Route options for a query string of this schema, read by the schema's own types: a list may
 * repeat, anything else may not. A bad value and an unknown name are 422. Elysia itself would split
 * each value at commas and read `[1]` as JSON: the kind `Declared` keeps it from that. The values
 * are checked here, where a fault can be named by the parameter that was sent.
 */
export function queryOf<Schema extends TObject>(schema: Schema, spellings: Record<string, Spelling> = {}) {
  const names = namesOf(schema, spellings)
  const check = checkOf(schema)
  return {
    query: { ...schema, [Kind]: 'Declared', elysiaMeta: 'Query' } as Schema,
    // An arrow function: in the minified program Elysia does not find the parameter of a method (see `body.ts`).
    transform: (context: { request: Request; query: unknown }) => {
      context.query = readQuery(paramsOf(context.request.url), schema, check(), names)
    },
  }
}

interface Route {
  method: string
  path: string
  hooks: { query?: unknown; detail?: { hide?: boolean } }
}

/**
 * Refuses queries on routes that take none: a parameter without effect is a mistake. Names that
 * begin with `_` pass (cache busters).
 *
 * @param isOurs whether the queries of a route are ours to refuse.
 */
export function queryStage(routes: () => readonly Route[], isOurs: (route: string) => boolean) {
  let without: Set<string> | undefined
  const routesWithout = () =>
    routes().flatMap(({ method, path, hooks }) =>
      hooks.query || hooks.detail?.hide || !isOurs(path) ? [] : [`${method} ${path}`],
    )
  return new Elysia({ name: 'query' }).onBeforeHandle({ as: 'global' }, ({ request, route }) => {
    if (!request.url.includes('?')) return
    without ??= new Set(routesWithout())
    if (!without.has(`${request.method === 'HEAD' ? 'GET' : request.method} ${route}`)) return
    const faults = unknownNames(new Set(paramsOf(request.url).keys()), [])
    if (faults.length > 0) throw invalid(faults)
  })
}

/** Cheaper than parsing the whole address. */
function paramsOf(url: string): URLSearchParams {
  const at = url.indexOf('?')
  return new URLSearchParams(at === -1 ? '' : url.slice(at + 1))
}

/** What a name of a query stands for; the parameters' own names come first. */
type Names = Map<string, { means: string; read?: Spelling['read'] }>

function namesOf({ properties }: TObject, spellings: Record<string, Spelling>): Names {
  return new Map([
    ...Object.keys(properties).map((name) => [name, { means: name }] as const),
    ...Object.entries(spellings),
  ])
}

function readQuery<Schema extends TObject>(
  params: URLSearchParams,
  { properties }: Schema,
  check: TypeCheck<Schema>,
  names: Names,
): Static<Schema> {
  const sent = new Set(params.keys())
  const faults = unknownNames(sent, Object.keys(properties), names)
  /** The values of each parameter, and the name that was sent. */
  const given = new Map<string, { as: string; texts: string[] }>()
  for (const [as, { means, read }] of sent.size === 0 ? [] : names) {
    if (!sent.has(as)) continue
    const texts = read === undefined ? params.getAll(as) : readAll(params, as, read)
    const before = given.get(means)
    if ('fault' in texts) faults.push({ pointer: `/${as}`, detail: texts.fault })
    else if (texts.length === 0) continue
    else if (before === undefined) given.set(means, { as, texts })
    else if (before.texts.join('\0') !== texts.join('\0'))
      faults.push({ pointer: `/${as}`, detail: `contradicts ${before.as}` })
  }
  const values: Record<string, unknown> = {}
  for (const [name, { as, texts }] of given) {
    const property = properties[name]
    const isList = property?.['type'] === 'array'
    if (!isList && texts.length > 1) faults.push({ pointer: `/${as}`, detail: 'may be given only once' })
    values[name] = isList ? texts : convert(property, texts[0] ?? '')
  }
  if (!check.Check(values))
    for (const { pointer, detail } of faultsIn(check.Errors(values))) {
      const [, name = '', ...rest] = pointer.split('/')
      faults.push({ pointer: ['', given.get(name)?.as ?? name, ...rest].join('/'), detail })
    }
  if (faults.length > 0) throw invalid(faults.slice(0, MAX_FAULTS))
  return values
}

function readAll(params: URLSearchParams, name: string, read: Spelling['read']): string[] | { fault: string } {
  const values: string[] = []
  for (const text of params.getAll(name)) {
    const found = read(text, (other) => params.get(other))
    if ('fault' in found) return found
    values.push(...found)
  }
  return values
}

/** The names are the client's own text: they stand in the pointers and nowhere else. */
function unknownNames(sent: Set<string>, names: string[], known?: Names): Fault[] {
  return [...sent]
    .filter((name) => !name.startsWith('_') && !known?.has(name))
    .map((name) => {
      const meant = nearest(name, names)
      const hint = meant === undefined ? '' : ` Did you mean ${meant}?`
      const takes = names.length === 0 ? 'It takes none.' : `It takes ${names.join(', ')}.`
      return {
        pointer: `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
        detail: `is not a query parameter of this address.${hint} ${takes}`,
        sentence: `The query has a parameter that this address does not take.${hint} ${takes}`,
      }
    })
    .slice(0, MAX_FAULTS)
}

/** Text to the number or boolean that it spells, and only where it spells one. */
function convert(schema: TSchema | undefined, text: string): unknown {
  if (schema?.['type'] === 'integer') return /^-?\d{1,15}$/.test(text) ? Number(text) : text
  if (schema?.['type'] === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  return text
}
