import type { List, Task } from 'doable/client'
import { addDays, dateOfDay, dayOf, daysBetween, dueDay, nameOfDay } from './due.ts'

/** What is shown beside the side column. */
export type View =
  | { kind: 'all' | 'today' | 'upcoming' | 'completed' }
  | { kind: 'tag'; tag: string }
  | { kind: 'list'; id: string }
  | { kind: 'search'; text: string }

export interface Section {
  key: string
  /** Undefined: the section needs no heading. */
  title?: string
  isLate?: boolean
  /** Whether all of it is due on the day of the heading. */
  isOneDay?: boolean
  tasks: Task[]
}

export const SORTS = { newest: 'Newest first', due: 'Due date', priority: 'Priority', title: 'A to Z' } as const
export type Sort = keyof typeof SORTS

/** The view that an address's fragment names: `#/today`, `#/tag/home`. */
export function viewAt(hash: string): View {
  const [, kind = '', rest = ''] = /^#\/(\w+)(?:\/(.*))?$/.exec(hash) ?? []
  if (kind === 'today' || kind === 'upcoming' || kind === 'completed') return { kind }
  if (kind === 'tag' && rest !== '') return { kind, tag: decode(rest) }
  if (kind === 'list' && rest !== '') return { kind, id: rest }
  return { kind: 'all' }
}

export function hashOf(view: View): string {
  if (view.kind === 'list') return `#/list/${view.id}`
  return view.kind === 'tag' ? `#/tag/${encodeURIComponent(view.tag)}` : `#/${view.kind}`
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export function titleOf(view: View, lists: readonly List[]): string {
  switch (view.kind) {
    case 'all':
      return 'All tasks'
    case 'today':
      return 'Today'
    case 'upcoming':
      return 'Upcoming'
    case 'completed':
      return 'Completed'
    case 'tag':
      return `#${view.tag}`
    case 'list':
      return lists.find(({ id }) => id === view.id)?.name ?? 'A list that is gone'
    case 'search':
      return 'Search'
  }
}

const isDueBy = (task: Task, today: string) => task.due_date !== null && dueDay(task.due_date) <= today
const isDueAfter = (task: Task, today: string) => task.due_date !== null && dueDay(task.due_date) > today

/** Whether a task that is to be done belongs into a view. */
export function belongs(task: Task, view: View, today: string): boolean {
  switch (view.kind) {
    case 'today':
      return isDueBy(task, today)
    case 'upcoming':
      return isDueAfter(task, today)
    case 'tag':
      return task.tags.includes(view.tag)
    case 'list':
      return task.list_id === view.id
    case 'search':
      return matches(task, view.text)
    default:
      return true
  }
}

function matches({ title, description, tags }: Task, text: string): boolean {
  const words = text.toLocaleLowerCase().split(/\s+/)
  const all = [title, description ?? '', ...tags.map((tag) => `#${tag}`)].join('\n').toLocaleLowerCase()
  return words.every((word) => all.includes(word))
}

/** What a task that is added in a view gets, so that it is seen there. */
export function fieldsFor(view: View, today: string): { due_date?: string; tags?: string[]; list_id?: string } {
  if (view.kind === 'today') return { due_date: today }
  if (view.kind === 'upcoming') return { due_date: addDays(today, 1) }
  if (view.kind === 'list') return { list_id: view.id }
  return view.kind === 'tag' ? { tags: [view.tag] } : {}
}

export interface Shown {
  sections: Section[]
  /** Completed tasks of the same view, last completed first. */
  done: Task[]
}

/**
 * What a view shows, in the order in which it does.
 *
 * @param lingering ids of completed tasks that are still shown where they were.
 */
export function show(
  tasks: readonly Task[],
  view: View,
  sort: Sort,
  today: string,
  lingering: ReadonlySet<string>,
): Shown {
  const isOpen = (task: Task) => !task.completed || lingering.has(task.id)
  const atHand = new Set(tasks.filter(isOpen).map(({ id }) => id))
  // Where a part would stand beside its task, that one shows it.
  const isShownByTask = ({ parent_id }: Task) =>
    (view.kind === 'all' || view.kind === 'list') && parent_id !== null && atHand.has(parent_id)
  const here = tasks.filter((task) => belongs(task, view, today) && !isShownByTask(task))
  const done = here.filter((task) => !isOpen(task)).sort(byCompletion)
  if (view.kind === 'completed') {
    const dayDone = ({ completed_at }: Task) => dayOf(new Date(completed_at ?? Date.now()))
    return { sections: grouped(done, dayDone, today), done: [] }
  }
  const open = here.filter(isOpen)
  if (view.kind === 'upcoming') {
    const dayDue = ({ due_date }: Task) => dueDay(due_date ?? today)
    const sections = grouped(open.sort(comparing('due')), dayDue, today)
    return { sections: sections.map((section) => ({ ...section, isOneDay: true })), done }
  }
  if (view.kind === 'today') {
    const isLate = ({ due_date }: Task) => due_date !== null && dueDay(due_date) < today
    const due = open.sort(comparing('due'))
    const sections = [
      { key: 'late', title: 'Overdue', isLate: true, tasks: due.filter(isLate) },
      { key: 'today', title: 'Today', isOneDay: true, tasks: due.filter((task) => !isLate(task)) },
    ].filter((section) => section.tasks.length > 0)
    return { sections: sections.length === 1 && !sections[0]?.isLate ? untitled(sections) : sections, done }
  }
  return { sections: open.length === 0 ? [] : [{ key: 'all', tasks: open.sort(comparing(sort)) }], done }
}

const untitled = (sections: Section[]) => sections.map(({ title: _, ...section }) => section)

function grouped(tasks: readonly Task[], dayIn: (task: Task) => string, today: string): Section[] {
  return [...Map.groupBy(tasks, dayIn)].map(([day, group]) => {
    const isNear = Math.abs(daysBetween(today, day)) <= 1
    return { key: day, title: isNear ? `${nameOfDay(day, today)} · ${dateOfDay(day)}` : dateOfDay(day), tasks: group }
  })
}

const RANK = { high: 0, medium: 1, low: 2 }

const byCompletion = (a: Task, b: Task) => (b.completed_at ?? '').localeCompare(a.completed_at ?? '')
const byNewest = (a: Task, b: Task) => b.created_at.localeCompare(a.created_at) || b.id.localeCompare(a.id)
const byPriority = (a: Task, b: Task) => RANK[a.priority] - RANK[b.priority]
/** Those without a due date last: a letter is behind every digit. */
const byDue = (a: Task, b: Task) => (a.due_date ?? 'none').localeCompare(b.due_date ?? 'none')
const byTitle = (a: Task, b: Task) => a.title.localeCompare(b.title)

function comparing(sort: Sort): (a: Task, b: Task) => number {
  switch (sort) {
    case 'newest':
      return byNewest
    case 'due':
      return (a, b) => byDue(a, b) || byPriority(a, b) || byNewest(a, b)
    case 'priority':
      return (a, b) => byPriority(a, b) || byDue(a, b) || byNewest(a, b)
    case 'title':
      return (a, b) => byTitle(a, b) || byNewest(a, b)
  }
}

export interface Counts {
  all: number
  today: number
  upcoming: number
  late: number
  /** Open tasks by tag, in the order of the alphabet. */
  tags: [tag: string, count: number][]
  /** Open tasks by list. */
  lists: ReadonlyMap<string, number>
}

export function countsOf(tasks: readonly Task[], today: string): Counts {
  const open = tasks.filter(({ completed }) => !completed)
  const ids = new Set(open.map(({ id }) => id))
  // Parts stand with their task there, and are not counted beside it.
  const whole = open.filter(({ parent_id }) => parent_id === null || !ids.has(parent_id))
  const tags = new Map<string, number>()
  const lists = new Map<string, number>()
  for (const task of open) {
    for (const tag of task.tags) tags.set(tag, (tags.get(tag) ?? 0) + 1)
  }
  for (const { list_id } of whole) if (list_id !== null) lists.set(list_id, (lists.get(list_id) ?? 0) + 1)
  return {
    all: whole.length,
    today: open.filter((task) => isDueBy(task, today)).length,
    late: open.filter((task) => task.due_date !== null && dueDay(task.due_date) < today).length,
    upcoming: open.filter((task) => isDueAfter(task, today)).length,
    lists,
    tags: [...tags].sort(([a], [b]) => a.localeCompare(b)),
  }
}
