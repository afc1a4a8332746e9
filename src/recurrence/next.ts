import { type Clock, DAY_MS, occurrences } from './occurrences.ts'
import { type Rule, readRule, withCount } from './rule.ts'
import { clockAt, instantOf, nearestInstant } from './zone.ts'

/** What a task says about when it comes again. */
export interface Schedule {
  /** In its stored form. */
  recurrence: string
  /** A day (`2026-11-24`) or an instant in UTC with milliseconds. */
  due_date: string
  /** An IANA time zone. */
  time_zone: string
  repeat_from: 'due' | 'completion'
}

export interface Next {
  due_date: string
  /** The rule that the next task has: COUNT counts the tasks that are left, this next one included. */
  recurrence: string
}

/** The first instant whose text would not have four digits for its year. */
const END_MS = Date.UTC(10_000, 0, 1)

/** The first instant of the year 1: PostgreSQL's calendar has no year 0. */
const START_MS = Date.parse('0001-01-01T00:00:00Z')

const isDay = (date: string) => date.length === 10

/** A stored date on the clock of its zone; a day, which is the same in every zone, at its start. */
function clockOf(date: string, zone: string): Clock {
  const at = Date.parse(date)
  return isDay(date) ? at : clockAt(at, zone)
}

/**
 * When a task that is completed at `now` (milliseconds since 1970) is due again: at the first occurrence of its
 * rule, begun at its own due date, behind that date and, from completion, behind today in its zone. Undefined
 * when the rule is over. A time that the zone's clocks skip is no occurrence (RFC 5545, 3.3.10).
 */
export function nextOf({ recurrence, due_date, time_zone, repeat_from }: Schedule, now: number): Next | undefined {
  const rule = readRule(recurrence)
  if (rule.count === 1) return undefined
  const own = clockOf(due_date, time_zone)
  const endOfToday = (Math.floor(clockAt(now, time_zone) / DAY_MS) + 1) * DAY_MS - 1
  const due = firstAfter(rule, due_date, time_zone, repeat_from === 'completion' ? Math.max(own, endOfToday) : own)
  if (due === undefined) return undefined
  return { due_date: due, recurrence: rule.count === undefined ? recurrence : withCount(recurrence, rule.count - 1) }
}

/** Whether a rule that begins at a due date gives that date itself or any behind it. */
export function hasOccurrence(rule: Rule, due_date: string, time_zone: string): boolean {
  return firstAfter(rule, due_date, time_zone, clockOf(due_date, time_zone) - 1) !== undefined
}

function firstAfter(rule: Rule, due_date: string, zone: string, after: Clock): string | undefined {
  if (isDay(due_date)) {
    const { hours, minutes, seconds, ...rest } = rule
    const ofDays: Rule = { ...rest, hours: undefined, minutes: undefined, seconds: undefined }
    const { value: day } = occurrences(ofDays, Date.parse(due_date), after).next()
    if (day === undefined || !isUntil(rule, day, () => nearestInstant(day, zone))) return undefined
    return new Date(day).toISOString().slice(0, 10)
  }
  for (const clock of occurrences(rule, clockOf(due_date, zone), after)) {
    const instant = instantOf(clock, zone)
    if (!isUntil(rule, clock, () => instant ?? nearestInstant(clock, zone))) return undefined
    // Where clocks are put back, a later time on them can be an earlier instant.
    if (instant === undefined || instant < Date.parse(due_date)) continue
    return instant < END_MS ? new Date(instant).toISOString() : undefined
  }
  return undefined
}

/** Whether an occurrence is not behind UNTIL: a day there ends with that day, in the task's own zone. */
function isUntil({ until }: Rule, clock: Clock, instant: () => number): boolean {
  if (until === undefined) return true
  if (until.form === 'day') return clock < until.at + DAY_MS
  return until.form === 'clock' ? clock <= until.at : instant() <= until.at
}

/**
 * The same distance from the next due date as an instant has from this one. Whole days of it are reckoned on
 * the clock of the zone, and so is everything where the due date is a day: a reminder at nine stays at nine.
 * Undefined before the year 1 and behind 9999.
 */
export function sameDistance(instant: string, from: string, to: string, zone: string): string | undefined {
  const shifted = isDay(from) ? shiftByDays(instant, from, to, zone) : shiftByTime(instant, from, to, zone)
  return shifted >= START_MS && shifted < END_MS ? new Date(shifted).toISOString() : undefined
}

/** The same distance for a stored date: a day is moved by whole days. */
export function shiftedDate(date: string, from: string, to: string, zone: string): string | undefined {
  if (!isDay(date)) return sameDistance(date, from, to, zone)
  const dayOf = (stored: string) => Math.floor(clockOf(stored, zone) / DAY_MS)
  const shifted = Date.parse(date) + (dayOf(to) - dayOf(from)) * DAY_MS
  return shifted >= START_MS && shifted < END_MS ? new Date(shifted).toISOString().slice(0, 10) : undefined
}

function shiftByDays(instant: string, from: string, to: string, zone: string): number {
  return nearestInstant(clockAt(Date.parse(instant), zone) + clockOf(to, zone) - clockOf(from, zone), zone)
}

function shiftByTime(instant: string, from: string, to: string, zone: string): number {
  const zoned = (text: string) => Temporal.Instant.from(text).toZonedDateTimeISO(zone)
  return zoned(to).subtract(zoned(from).since(zoned(instant), { largestUnit: 'days' })).epochMilliseconds
}
