import { type Static, Type } from '@sinclair/typebox'
import { choice, flag, Page, type Spelling } from '../http/query.ts'
import { invalid } from '../problem.ts'
import { canonicalDate } from '../resource/dates.ts'
import { Instant, UuidOrNone } from '../resource/schemas.ts'
import { Text, trimmed } from '../resource/text.ts'
import { DueDate, Priority, TagText } from './fields.ts'

export const SORTS = ['created_at', 'updated_at', 'due_date', 'priority', 'title', 'position'] as const
const ORDERS = SORTS.flatMap((sort) => [sort, `-${sort}` as const])

export const TaskQuery = Type.Partial(
  Type.Object({
    status: choice(['all', 'pending', 'completed'], { default: 'all', description: 'Which tasks.' }),
    completed: flag('The same as `status`, for those who think in booleans.'),
    priority: Type.Array(Priority, {
      description: 'Any of these.',
      maxItems: 3,
      examples: [['high']],
      error: 'must be at most 3 priorities',
    }),
    tag: Type.Array(TagText, {
      description: 'All of these.',
      maxItems: 20,
      examples: [['home']],
      error: 'must be at most 20 tags',
    }),
    due_after: { ...DueDate, description: 'Due later: after that day, or after that time.', error: dateError() },
    due_before: { ...DueDate, description: 'Due earlier: before that day, or before that time.', error: dateError() },
    list_id: UuidOrNone('In this list; `none`: in no list.'),
    parent_id: UuidOrNone('Parts of this task; `none`: those that are no parts.'),
    remind_before: {
      ...Instant('With a `remind_at` before that time, whether it has come or not.'),
      examples: ['2026-11-24T17:30:00.000Z'],
      error: 'must be a time like 2026-11-24T18:30:00Z',
    },
    recurring: flag('Whether they repeat.'),
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

function dateError() {
  return 'must be a day like 2026-11-24 or a time like 2026-11-24T18:30:00Z'
}

/** The query of the removal of completed tasks. Without a filter, the request could be meant for all tasks. */
export const DeleteQuery = Type.Object({
  status: choice(['completed'], {
    description: 'Which tasks.',
    error: 'must be completed: nothing else is deleted at once',
  }),
})

/** `completed=true` for `status=completed`, as lists take it. */
export const DELETE_SPELLINGS: Record<string, Spelling> = {
  completed: {
    means: 'status',
    read: (value) => (value === 'true' ? ['completed'] : { fault: 'must be true: nothing else is deleted at once' }),
  },
}

const orNothing = (value: string) => (value === '' ? [] : [value])
const eachOf = (value: string) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '' && item !== 'all')

type Get = Parameters<Spelling['read']>[1]

/** The `sort` that `sort_by` and `sort_order` stand for together, whichever of the two is read. */
function orderOf(get: Get): string[] {
  const by = get('sort_by') || undefined
  const direction = get('sort_order') || undefined
  return (by ?? direction) === undefined ? [] : [`${direction === 'desc' ? '-' : ''}${by ?? 'created_at'}`]
}

/** A page number says nothing where it is that of the first page. */
const first = (value: string): Spelling => ({
  means: 'cursor',
  read: (given) =>
    given === value || given === ''
      ? []
      : { fault: `must be ${value}: the next page is at the address that Link gives` },
})

/**
 * Other spellings of this query, which some front ends use. These send every name in every request,
 * so an empty value says nothing.
 */
export const SPELLINGS: Record<string, Spelling> = {
  search: { means: 'q', read: orNothing },
  search_query: { means: 'q', read: orNothing },
  status_filter: { means: 'status', read: orNothing },
  priority_filter: { means: 'priority', read: eachOf },
  tags_filter: { means: 'tag', read: eachOf },
  due_date_from: { means: 'due_after', read: orNothing },
  due_date_to: { means: 'due_before', read: orNothing },
  sort_by: { means: 'sort', read: (_, get) => orderOf(get) },
  sort_order: {
    means: 'sort',
    read: (value, get) => (['', 'asc', 'desc'].includes(value) ? orderOf(get) : { fault: 'must be asc or desc' }),
  },
  skip: first('0'),
  offset: first('0'),
  page: first('1'),
}

/** What a list is filtered by; null where it is not. */
export interface Filters {
  completed: boolean | null
  priorities: string[] | null
  tags: string[] | null
  /** Bounds of the stored text, which sorts by time: first included, last excluded. */
  dueFrom: string | null
  dueUntil: string | null
  text: string | null
  /** The id of a list, or `none`. Left out where there is no such filter, so that older programs take the cursors. */
  list?: string
  /** Likewise of a parent. */
  parent?: string
  remindBefore?: string
  recurring?: boolean
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
    tags: query.tag?.map(trimmed) ?? null,
    dueFrom: query.due_after === undefined ? null : justAfter(query.due_after),
    dueUntil: query.due_before === undefined ? null : (canonicalDate(query.due_before) ?? null),
    text: query.q ?? null,
    ...(query.list_id !== undefined && { list: query.list_id.toLowerCase() }),
    ...(query.parent_id !== undefined && { parent: query.parent_id.toLowerCase() }),
    ...(query.remind_before !== undefined && { remindBefore: canonicalDate(query.remind_before) ?? '' }),
    ...(query.recurring !== undefined && { recurring: query.recurring }),
  }
}

/**
 * A text that sorts just behind a date: `~` sorts behind every character of a date, so that a day is
 * passed with all its hours.
 */
function justAfter(text: string): string {
  return `${canonicalDate(text)}~`
}

export function isFiltered(filters: Filters): boolean {
  return Object.values(filters).some((value) => value !== null)
}
