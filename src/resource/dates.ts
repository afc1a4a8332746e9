const DAY = /^(\d{4})-(\d\d)-(\d\d)$/
/** RFC 3339, section 5.6, with a mandatory offset; `t`, `z` and a space are its own alternatives. */
const INSTANT =
  /^(\d{4}-\d\d-\d\d)[Tt ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/

/** An instant in the form in which it is stored, if its day is one. */
const CANONICAL = /^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/

/** Days of each month, January first, in years that are no leap years. */
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/**
 * A day (`YYYY-MM-DD`) as it is, or an RFC 3339 instant in UTC with milliseconds.
 * Undefined for anything else, 30 February and the year 10000 included.
 *
 * Both forms sort by time as plain text: a day stands at its own start.
 */
export function canonicalDate(text: string): string | undefined {
  // Most are canonical already: an import reads millions of these, and a Date costs ten times as much.
  if (DAY.test(text) || CANONICAL.test(text)) return isDay(text) ? text : undefined
  const [, day, hours, minutes, seconds, fraction = '', offset] = INSTANT.exec(text) ?? []
  if (day === undefined || !isDay(day)) return undefined
  // JavaScript has no leap second; like most clocks, it reads :60 as the next :00.
  const leap = seconds === '60'
  const milliseconds = `.${fraction.slice(1, 4).padEnd(3, '0')}`
  const base = Date.parse(`${day}T${hours}:${minutes}:${leap ? '59' : seconds}${milliseconds}${offset?.toUpperCase()}`)
  const time = new Date(leap ? base + 1000 : base)
  const year = time.getUTCFullYear()
  return year >= 0 && year <= 9999 ? time.toISOString() : undefined
}

/** @param text begins with `YYYY-MM-DD`, in digits. */
function isDay(text: string): boolean {
  const [year, month, day] = [Number(text.slice(0, 4)), Number(text.slice(5, 7)), Number(text.slice(8, 10))]
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return day >= 1 && day <= (month === 2 && isLeap ? 29 : (DAYS[month - 1] ?? 0))
}
