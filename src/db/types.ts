import { customType } from 'drizzle-orm/pg-core'

/**
 * PostgreSQL's text form of a timestamptz, at UTC, as RFC 3339 with milliseconds.
 * The session's time zone is UTC; another offset is converted, never mislabelled.
 */
export function rfc3339(value: string): string {
  // 2026-11-20 22:02:42.578+00, the most frequent form, needs no search.
  if (value.length === 26 && value.endsWith('+00')) return `${value.slice(0, 10)}T${value.slice(11, 23)}Z`
  if (!value.endsWith('+00')) return new Date(value.replace(' ', 'T')).toISOString()
  // 2026-11-20 22:02:42[.5]+00: trailing zeros of the fraction are not sent.
  const point = value.indexOf('.')
  const seconds = point < 0 ? value.slice(0, -3) : value.slice(0, point)
  const fraction = point < 0 ? '' : value.slice(point + 1, -3)
  return `${seconds.replace(' ', 'T')}.${fraction.padEnd(3, '0')}Z`
}

/**
 * An array of texts without NULLs. A driver gives PostgreSQL's text form (manual, 8.15.6), of
 * which Drizzle's own reader would lose the backslashes, or an array that it has read already.
 */
export function readTexts(value: unknown): string[] {
  return typeof value === 'string' ? readArray(value) : (value as string[])
}

function readArray(literal: string): string[] {
  if (literal === '{}') return []
  // In most arrays no element is quoted.
  if (!literal.includes('"')) return literal.slice(1, -1).split(',')
  return Array.from(literal.matchAll(/"((?:[^"\\]|\\.)*)"|[^,{}]+/gs), ([bare, quoted]) =>
    quoted === undefined ? bare : quoted.replace(/\\(.)/gs, '$1'),
  )
}

export const timestamp = customType<{ data: string; driverData: string }>({
  dataType: () => 'timestamp (3) with time zone',
  fromDriver: rfc3339,
})

/** Compared and ordered byte by byte: the same on every host, whatever its locale. */
export const opaque = customType<{ data: string; driverData: string }>({
  dataType: () => 'text COLLATE "C"',
})

/** A type of our own with a rule: a connection reads a domain's rule once, and a table's CHECK for every statement. */
const domain = <Data>(name: string, fromDriver?: (value: unknown) => Data) =>
  customType<{ data: Data; driverData: unknown }>({
    dataType: () => `doable.${name}`,
    ...(fromDriver && { fromDriver }),
  })

/** 1 to 255 characters, compared byte by byte. */
export const userId = domain<string>('user_id')
/** 200 characters at most. */
export const title = domain<string>('title')
/** 10,000 characters at most. */
export const description = domain<string>('description')
/** `YYYY-MM-DD` or an instant in UTC: one text whose byte order is its time order. */
export const dueDate = domain<string>('due_date')
/** 20 texts at most, none of them NULL. */
export const tags = domain<string[]>('tags', readTexts)
/** A finite number. */
export const position = domain<number>('position', Number)
/** Above 0. */
export const revision = domain<number>('revision', Number)

/** Binary; statements say its text form. */
export const bytes = customType<{ data: string; driverData: string }>({ dataType: () => 'bytea' })
