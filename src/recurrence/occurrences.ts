import type { Rule } from './rule.ts'

/**
 * A time on a clock without a zone, or the start of a day: milliseconds since 1970, as if it were UTC.
 */
export type Clock = number

export const DAY_MS = 86_400_000

/**
 * The days that a search looks at, at most. The calendar repeats after 146,097 days (400 years), and with
 * it which days a rule gives, whatever its INTERVAL: after so many days of its own periods and one period
 * more, a rule that has given nothing never will.
 */
const MAX_DAYS = 146_097 + 366

/** The first day after the year 9999, since 1970: texts of dates have four digits for the year. */
const END = Date.UTC(10_000, 0, 1) / DAY_MS

interface Day {
  /** Since 1970. */
  number: number
  year: number
  /** 1 to 12. */
  month: number
  /** 1 to 31. */
  date: number
}

/**
 * The occurrences of a rule that begins at `start` (RFC 5545, 3.3.10), in their order, from the first that is later
 * than `after` to the last before the year 10000, without regard to COUNT and UNTIL. `start` is none where it
 * does not fit the rule. Ends where so many days have given nothing that no day will.
 */
export function* occurrences(given: Rule, start: Clock, after: Clock): Generator<Clock> {
  const first = dayAt(Math.floor(start / DAY_MS))
  const rule = withDefaults(given, first)
  const times = timesOf(rule, start - first.number * DAY_MS)
  const matches = matcherOf(rule)
  const earliest = Math.max(start, after + 1)
  // Everything before the period of `earliest` is earlier.
  const skipped = Math.floor(periodsBetween(rule, first, dayAt(Math.floor(earliest / DAY_MS))) / rule.interval)
  let looked = 0
  for (let nth = Math.max(skipped, 0); looked <= MAX_DAYS; nth++) {
    const [from, to] = periodOf(rule, first, nth * rule.interval)
    if (from >= END) return
    const days: number[] = []
    for (let number = from; number < to; number++) if (matches(dayAt(number))) days.push(number)
    looked += to - from
    if (days.length === 0) continue
    for (const at of clocksOf(days, times, rule.positions, earliest)) {
      if (at >= END * DAY_MS) return
      if (at >= earliest) {
        looked = 0
        yield at
      }
    }
  }
}

/** Days from 1 March of the year 0, where its calendar's leap day ends a year, to 1 January 1970. */
const EPOCH = 719_468

/** The day with a number, in the proleptic Gregorian calendar. By numbers alone: a search does it 150,000 times. */
function dayAt(number: number): Day {
  const fromMarch = number + EPOCH
  const era = Math.floor(fromMarch / 146_097)
  const ofEra = fromMarch - era * 146_097
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  )
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const march = Math.floor((5 * ofYear + 2) / 153)
  const month = march < 10 ? march + 3 : march - 9
  const date = ofYear - Math.floor((153 * march + 2) / 5) + 1
  return { number, year: era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, date }
}

/** The number of a month's first day; a month above 12 is one of a later year. */
function monthStart(year: number, month: number): number {
  const months = year * 12 + month - 3
  const marchYear = Math.floor(months / 12)
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400)
  return 365 * marchYear + leapDays + Math.floor((153 * (months - marchYear * 12) + 2) / 5) - EPOCH
}

/** 0 is Monday: 1 January 1970 was a Thursday. */
const weekdayAt = (number: number) => (((number + 3) % 7) + 7) % 7

/** What a rule does not say, its start does. */
function withDefaults(rule: Rule, { number, month, date }: Day): Rule {
  if (rule.weeks || rule.yearDays || rule.monthDays || rule.days) return rule
  if (rule.frequency === 'WEEKLY') return { ...rule, days: [{ nth: undefined, weekday: weekdayAt(number) }] }
  if (rule.frequency === 'MONTHLY') return { ...rule, monthDays: [date] }
  if (rule.frequency === 'YEARLY') return { ...rule, months: rule.months ?? [month], monthDays: [date] }
  return rule
}

/** The times of a day, in milliseconds since its start, in their order. */
function timesOf({ hours, minutes, seconds }: Rule, start: number): number[] {
  const times = new Set<number>()
  for (const hour of hours ?? [Math.floor(start / 3_600_000)])
    for (const minute of minutes ?? [Math.floor(start / 60_000) % 60])
      for (const second of seconds ?? [Math.floor(start / 1000) % 60])
        times.add(((hour * 60 + minute) * 60 + second) * 1000 + (start % 1000))
  return [...times].sort((a, b) => a - b)
}

const weekOf = (number: number, weekStart: number) => number - ((weekdayAt(number) - weekStart + 7) % 7)

/** How many of a rule's own periods lie between two days. */
function periodsBetween({ frequency, weekStart }: Rule, a: Day, b: Day): number {
  if (frequency === 'YEARLY') return b.year - a.year
  if (frequency === 'MONTHLY') return (b.year - a.year) * 12 + b.month - a.month
  if (frequency === 'WEEKLY') return (weekOf(b.number, weekStart) - weekOf(a.number, weekStart)) / 7
  return b.number - a.number
}

/** The days of the `nth` period after that of the start: from the first, up to the one behind the last. */
function periodOf({ frequency, weekStart }: Rule, start: Day, nth: number): [from: number, to: number] {
  if (frequency === 'YEARLY') return [monthStart(start.year + nth, 1), monthStart(start.year + nth + 1, 1)]
  if (frequency === 'MONTHLY')
    return [monthStart(start.year, start.month + nth), monthStart(start.year, start.month + nth + 1)]
  const from = frequency === 'WEEKLY' ? weekOf(start.number, weekStart) + 7 * nth : start.number + nth
  return [from, from + (frequency === 'WEEKLY' ? 7 : 1)]
}

/** Whether a list of numbers, of which those below zero count from the end, has this one of `length`. */
const has = (list: number[], number: number, length: number) =>
  list.includes(number) || list.includes(number - length - 1)

function matcherOf({ frequency, months, weeks, yearDays, monthDays, days, weekStart }: Rule): (day: Day) => boolean {
  return (day) => {
    const { number, year, month, date } = day
    if (months && !months.includes(month)) return false
    if (monthDays && !has(monthDays, date, monthStart(year, month + 1) - monthStart(year, month))) return false
    if (days) {
      const weekday = weekdayAt(number)
      if (!days.some((entry) => entry.weekday === weekday)) return false
      const inMonth = frequency === 'MONTHLY' || months !== undefined
      const from = monthStart(year, inMonth ? month : 1)
      const length = monthStart(inMonth ? year : year + 1, inMonth ? month + 1 : 1) - from
      const index = number - from
      const isListed = ({ nth, weekday: listed }: (typeof days)[number]) => {
        if (listed !== weekday) return false
        if (nth === undefined) return true
        return nth > 0 ? nth === Math.floor(index / 7) + 1 : -nth === Math.floor((length - 1 - index) / 7) + 1
      }
      if (!days.some(isListed)) return false
    }
    if (yearDays) {
      const from = monthStart(year, 1)
      if (!has(yearDays, number - from + 1, monthStart(year + 1, 1) - from)) return false
    }
    if (weeks) {
      const { week, length } = weekOfYear(number, year, weekStart)
      if (!has(weeks, week, length)) return false
    }
    return true
  }
}

/** Which week of how many: the first is the first with four days in its year (RFC 5545, BYWEEKNO; ISO 8601). */
function weekOfYear(number: number, year: number, weekStart: number): { week: number; length: number } {
  const firstOf = (of: number) => weekOf(monthStart(of, 1) + 3, weekStart)
  const monday = weekOf(number, weekStart)
  const own = monday < firstOf(year) ? year - 1 : monday >= firstOf(year + 1) ? year + 1 : year
  const first = firstOf(own)
  return { week: (monday - first) / 7 + 1, length: (firstOf(own + 1) - first) / 7 }
}

/**
 * A period's days at all times, or what BYSETPOS leaves of these. Positions are reckoned, not listed: a
 * year can have millions of times.
 */
function* clocksOf(
  days: number[],
  times: number[],
  positions: number[] | undefined,
  earliest: Clock,
): Generator<Clock> {
  const at = (index: number) =>
    (days[Math.floor(index / times.length)] ?? END) * DAY_MS + (times[index % times.length] ?? 0)
  const length = days.length * times.length
  if (positions === undefined) {
    const skipped = days.findIndex((day) => (day + 1) * DAY_MS > earliest)
    for (let index = skipped * times.length; skipped >= 0 && index < length; index++) yield at(index)
    return
  }
  const within = positions.filter((position) => Math.abs(position) <= length)
  if (within.length === 0) return
  const indexes = new Set(within.map((position) => (position > 0 ? position - 1 : length + position)))
  for (const index of [...indexes].sort((a, b) => a - b)) yield at(index)
}
