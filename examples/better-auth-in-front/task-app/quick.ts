import type { NewTask, Priority } from 'doable/client'
import { addDays, nameOfDay, nextWeekday } from './due.ts'

const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']

const PRIORITIES: Record<string, Priority> = {
  '!!': 'high',
  '!high': 'high',
  '!medium': 'medium',
  '!low': 'low',
}

/** Something in a typed line that is not part of the title. */
export interface Found {
  /** The words as they were typed. */
  text: string
  label: string
  fields: Pick<NewTask, 'due_date' | 'priority' | 'tags'>
}

export interface Quick {
  title: string
  found: Found[]
}

/**
 * Takes `#tag`, `!high` and a day at the end (`tomorrow`, `friday`, `in 3 days`, `2026-11-24`) out of a
 * typed line.
 *
 * @param kept words that the user wants left in the title.
 */
export function readQuick(line: string, today: string, kept: ReadonlySet<string>): Quick {
  const found: Found[] = []
  const words = line.split(/\s+/).filter((word) => {
    const what = kept.has(word) ? undefined : readWord(word)
    if (what) found.push(what)
    return !what
  })
  const day = readDay(words, today)
  if (day && !kept.has(day.text)) {
    words.splice(-day.text.split(' ').length)
    found.push(day)
  }
  return { title: words.join(' ').trim(), found }
}

/** All that was found, as one task's fields. */
export function fieldsOf(found: readonly Found[]): Found['fields'] {
  const tags = [...new Set(found.flatMap(({ fields }) => fields.tags ?? []))]
  return Object.assign({}, ...found.map(({ fields }) => fields), tags.length > 0 ? { tags } : {})
}

function readWord(word: string): Found | undefined {
  const priority = PRIORITIES[word.toLowerCase()]
  if (priority) return { text: word, label: `${priority} priority`, fields: { priority } }
  const tag = /^#([^\s#]{1,50})$/.exec(word)?.[1]
  return tag === undefined ? undefined : { text: word, label: `#${tag}`, fields: { tags: [tag] } }
}

/** A day in the last words of a line that has others before them. */
function readDay(words: readonly string[], today: string): Found | undefined {
  for (const count of [3, 1]) {
    if (words.length <= count) continue
    const text = words.slice(-count).join(' ')
    const day = dayIn(text.toLowerCase(), today)
    if (day !== undefined) return { text, label: nameOfDay(day, today), fields: { due_date: day } }
  }
  return undefined
}

function dayIn(text: string, today: string): string | undefined {
  if (text === 'today') return today
  if (text === 'tomorrow') return addDays(today, 1)
  const days = /^in (\d{1,3}) days?$/.exec(text)?.[1]
  if (days !== undefined) return addDays(today, Number(days))
  const isDate = /^\d{4}-\d{2}-\d{2}$/.test(text) && addDays(text, 0) === text
  if (isDate) return text
  const weekday = WEEKDAYS.indexOf(text)
  return weekday < 0 ? undefined : nextWeekday(today, weekday)
}
