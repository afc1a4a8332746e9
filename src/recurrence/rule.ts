/** How often the periods of a rule follow each other. Finer ones exist in RFC 5545 and are refused. */
export const FREQUENCIES = ['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'] as const
export type Frequency = (typeof FREQUENCIES)[number]

/** An entry of BYDAY: a weekday (0 is Monday), and which one of its month or year; undefined for each. */
export interface RuleDay {
  nth: number | undefined
  weekday: number
}

/** The end of a rule: a day, a time in UTC, or a time on the clock of the task's own zone. */
export interface Until {
  /** Milliseconds since 1970, with a day at its start and a clock's time as if it were UTC. */
  at: number
  form: 'day' | 'instant' | 'clock'
}

/** A recurrence rule (RFC 5545, 3.3.10). Undefined parts were not given. */
export interface Rule {
  frequency: Frequency
  interval: number
  count: number | undefined
  until: Until | undefined
  months: number[] | undefined
  weeks: number[] | undefined
  yearDays: number[] | undefined
  monthDays: number[] | undefined
  days: RuleDay[] | undefined
  hours: number[] | undefined
  minutes: number[] | undefined
  seconds: number[] | undefined
  positions: number[] | undefined
  /** The first day of a week; 0 is Monday. */
  weekStart: number
}

/** Characters of a rule at most. */
export const MAX_LENGTH = 255

/** Words for the rules that most tasks have. */
const WORDS: Record<string, string> = {
  daily: 'FREQ=DAILY',
  weekly: 'FREQ=WEEKLY',
  monthly: 'FREQ=MONTHLY',
  yearly: 'FREQ=YEARLY',
}

const UNREADABLE = 'must be daily, weekly, monthly, yearly, an RFC 5545 rule like FREQ=WEEKLY;BYDAY=MO,TH, or null'

/** Why a rule is refused, in words for a client. Nothing of the rule itself is in them. */
export class RuleFault extends Error {}

/** The form in which a rule is stored: without `RRULE:` and outer white space, in capital letters, a word as its rule. */
export function canonicalRule(text: string): string {
  const trimmed = text.trim()
  return WORDS[trimmed.toLowerCase()] ?? trimmed.toUpperCase().replace(/^RRULE:/, '')
}

const DAYS = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU']

/**
 * Reads a rule, in its stored form or as a client sends it.
 *
 * @throws RuleFault for what is not a rule, breaks a MUST of RFC 5545, is too long or finer than daily.
 */
export function readRule(given: string): Rule {
  if (given.length > MAX_LENGTH) throw new RuleFault(`must be at most ${MAX_LENGTH} characters long`)
  const parts = partsOf(canonicalRule(given))
  const frequency = FREQUENCIES.find((name) => name === parts.get('FREQ'))
  if (frequency === undefined)
    throw new RuleFault(
      /^(HOURLY|MINUTELY|SECONDLY)$/.test(parts.get('FREQ') ?? '')
        ? 'must not be finer than daily: FREQ must be DAILY, WEEKLY, MONTHLY or YEARLY'
        : UNREADABLE,
    )
  const rule: Rule = {
    frequency,
    interval: positive(parts, 'INTERVAL') ?? 1,
    count: positive(parts, 'COUNT'),
    until: untilOf(parts.get('UNTIL')),
    months: numbers(parts, 'BYMONTH', 1, 12),
    weeks: signed(parts, 'BYWEEKNO', 53),
    yearDays: signed(parts, 'BYYEARDAY', 366),
    monthDays: signed(parts, 'BYMONTHDAY', 31),
    days: parts.get('BYDAY')?.split(',').map(dayOf),
    hours: numbers(parts, 'BYHOUR', 0, 23),
    minutes: numbers(parts, 'BYMINUTE', 0, 59),
    // A leap second, which JavaScript does not know, counts as the one before.
    seconds: numbers(parts, 'BYSECOND', 0, 60)?.map((second) => Math.min(second, 59)),
    positions: signed(parts, 'BYSETPOS', 366),
    weekStart: parts.has('WKST') ? weekdayOf(parts.get('WKST') ?? '') : 0,
  }
  checkTogether(rule)
  return rule
}

/** The same rule with another COUNT. */
export function withCount(text: string, count: number): string {
  return text.replace(/(^|;)COUNT=\d+/, `$1COUNT=${count}`)
}

const NAMES =
  /^(FREQ|INTERVAL|COUNT|UNTIL|BYMONTH|BYWEEKNO|BYYEARDAY|BYMONTHDAY|BYDAY|BYHOUR|BYMINUTE|BYSECOND|BYSETPOS|WKST)$/

function partsOf(text: string): Map<string, string> {
  const parts = new Map<string, string>()
  for (const part of text.replace(/;$/, '').split(';')) {
    const equals = part.indexOf('=')
    const name = part.slice(0, Math.max(equals, 0))
    if (!NAMES.test(name)) throw new RuleFault(UNREADABLE)
    if (parts.has(name)) throw new RuleFault(`must not have ${name} twice`)
    parts.set(name, part.slice(equals + 1))
  }
  return parts
}

function positive(parts: Map<string, string>, name: string): number | undefined {
  const text = parts.get(name)
  if (text === undefined) return undefined
  if (!/^\d{1,9}$/.test(text) || Number(text) === 0)
    throw new RuleFault(`must have a whole number from 1 to 999999999 after ${name}=`)
  return Number(text)
}

function numbers(parts: Map<string, string>, name: string, low: number, high: number): number[] | undefined {
  return parts
    .get(name)
    ?.split(',')
    .map((text) => {
      const value = Number(text)
      if (!/^\d{1,2}$/.test(text) || value < low || value > high)
        throw new RuleFault(`must have numbers from ${low} to ${high} after ${name}=`)
      return value
    })
}

/** Numbers that count from the beginning or, below zero, from the end. */
function signed(parts: Map<string, string>, name: string, high: number): number[] | undefined {
  return parts
    .get(name)
    ?.split(',')
    .map((text) => {
      const value = Number(text)
      if (!/^[+-]?\d{1,3}$/.test(text) || value === 0 || Math.abs(value) > high)
        throw new RuleFault(`must have numbers from 1 to ${high}, or from -${high} to -1, after ${name}=`)
      return value
    })
}

function dayOf(text: string): RuleDay {
  const [, nth, day = ''] = /^([+-]?\d{1,2})?([A-Z]{2})$/.exec(text) ?? []
  const found = { nth: nth === undefined ? undefined : Number(nth), weekday: weekdayOf(day, 'BYDAY') }
  if (found.nth === 0 || Math.abs(found.nth ?? 1) > 53)
    throw new RuleFault('must have numbers from 1 to 53, or from -53 to -1, before the days of BYDAY')
  return found
}

function weekdayOf(text: string, name = 'WKST'): number {
  const weekday = DAYS.indexOf(text)
  if (weekday === -1) throw new RuleFault(`must have days of MO, TU, WE, TH, FR, SA and SU after ${name}=`)
  return weekday
}

const UNTIL = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z)?)?$/

function untilOf(text: string | undefined): Until | undefined {
  if (text === undefined) return undefined
  const [whole, year, month, day, hour = '00', minute = '00', second = '00', utc] = UNTIL.exec(text) ?? []
  const form = `${year}-${month}-${day}T${hour}:${minute}:${second === '60' ? '59' : second}.000Z`
  const at = whole === undefined ? Number.NaN : Date.parse(form)
  if (Number.isNaN(at) || new Date(at).toISOString() !== form)
    throw new RuleFault('must have a day like 20261231 or a time like 20261231T170000Z after UNTIL=')
  return { at, form: utc ? 'instant' : text.includes('T') ? 'clock' : 'day' }
}

/** What RFC 5545, 3.3.10 rules out together. @throws RuleFault. */
function checkTogether({ frequency, count, until, ...rule }: Rule): void {
  const refuse = (isWrong: boolean | undefined, text: string) => {
    if (isWrong) throw new RuleFault(text)
  }
  refuse(count !== undefined && until !== undefined, 'must not have both COUNT and UNTIL')
  refuse(rule.weeks && frequency !== 'YEARLY', 'must not have BYWEEKNO unless FREQ is YEARLY')
  refuse(rule.yearDays && frequency !== 'YEARLY', 'must not have BYYEARDAY unless FREQ is YEARLY')
  refuse(rule.monthDays && frequency === 'WEEKLY', 'must not have BYMONTHDAY where FREQ is WEEKLY')
  const isNumbered = rule.days?.some(({ nth }) => nth !== undefined)
  refuse(
    isNumbered && ((frequency !== 'MONTHLY' && frequency !== 'YEARLY') || rule.weeks !== undefined),
    'must not number the days of BYDAY unless FREQ is MONTHLY, or YEARLY without BYWEEKNO',
  )
  const { months, weeks, yearDays, monthDays, days, hours, minutes, seconds } = rule
  const others = [months, weeks, yearDays, monthDays, days, hours, minutes, seconds]
  refuse(rule.positions && others.every((part) => part === undefined), 'must have another BY part beside BYSETPOS')
}
