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

export const texts = customType<{ data: string[]; driverData: string | string[] }>({
  dataType: () => 'text[]',
  fromDriver: readTexts,
})

/** Binary; statements say its text form. */
export const bytes = customType<{ data: string; driverData: string }>({ dataType: () => 'bytea' })
