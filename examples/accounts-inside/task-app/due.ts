/** A due date is a day (`2026-11-24`), which is that day everywhere, or a time (`2026-11-24T14:00:00.000Z`). */
export type Due = string

const DAY = /^\d{4}-\d{2}-\d{2}$/
const DAY_MS = 86_400_000

export const isDay = (due: Due) => DAY.test(due)

/** The local day of a moment, as `YYYY-MM-DD`. */
export function dayOf(moment: Date): string {
  const two = (part: number) => String(part).padStart(2, '0')
  return `${String(moment.getFullYear()).padStart(4, '0')}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`
}

/** The day on which something is due, where the reader is. */
export function dueDay(due: Due): string {
  return isDay(due) ? due : dayOf(new Date(due))
}

/** The local time of day as `HH:MM`; empty where a whole day is meant. */
export function dueTime(due: Due | null): string {
  return due === null || isDay(due) ? '' : new Date(due).toTimeString().slice(0, 5)
}

/** A day with a time of day, or without one where `time` is empty. */
export function dueAt(day: string, time: string): Due | null {
  if (!DAY.test(day)) return null
  return time === '' ? day : new Date(`${day}T${time}`).toISOString()
}

/** Noon of a day, so that no change of the clocks moves it to another day. */
const noonOf = (day: string) => new Date(`${day}T12:00:00`)

export function addDays(day: string, days: number): string {
  const noon = noonOf(day)
  noon.setDate(noon.getDate() + days)
  return dayOf(noon)
}

/** The next such day after `day`; 0 is Sunday. */
export function nextWeekday(day: string, weekday: number): string {
  return addDays(day, ((weekday - noonOf(day).getDay() + 6) % 7) + 1)
}

/** Days from one day to another one. */
export function daysBetween(from: string, to: string): number {
  return Math.round((noonOf(to).getTime() - noonOf(from).getTime()) / DAY_MS)
}

const format = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(undefined, options)

/** A day as people say it: `Today`, `Friday`, `24 November`. */
export function nameOfDay(day: string, today: string): string {
  const distance = daysBetween(today, day)
  if (distance === 0) return 'Today'
  if (distance === 1) return 'Tomorrow'
  if (distance === -1) return 'Yesterday'
  if (distance > 1 && distance < 7) return format({ weekday: 'long' }).format(noonOf(day))
  const sameYear = day.slice(0, 4) === today.slice(0, 4)
  return format({ day: 'numeric', month: 'short', ...(sameYear ? {} : { year: 'numeric' }) }).format(noonOf(day))
}

/** A day in full, for headings: `Tuesday 24 November`. */
export function dateOfDay(day: string): string {
  return format({ weekday: 'long', day: 'numeric', month: 'long' }).format(noonOf(day))
}

export function nameOfDue(due: Due, today: string): string {
  const day = nameOfDay(dueDay(due), today)
  return isDay(due) ? day : `${day} ${format({ hour: 'numeric', minute: '2-digit' }).format(new Date(due))}`
}

/** Whether it should have been done before now. */
export function isOverdue(due: Due, now: Date): boolean {
  return isDay(due) ? due < dayOf(now) : new Date(due) < now
}
