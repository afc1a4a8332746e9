import type { Clock } from './occurrences.ts'

/** Zones that were asked for, by the name in lower case, and their own name or that they are unknown. */
const known = new Map<string, string | undefined>()

/** Names that are kept, at most: more than there are zones. */
const MAX_KNOWN = 2000

/**
 * The name of an IANA time zone as it is written there (`europe/berlin` is `Europe/Berlin`); undefined for
 * what is none, an offset like `+01:00` included: it does not know when clocks change.
 */
export function canonicalZone(name: string): string | undefined {
  const key = name.toLowerCase()
  if (!known.has(key)) {
    if (known.size >= MAX_KNOWN) known.clear()
    known.set(key, lookUp(name))
  }
  return known.get(key)
}

function lookUp(name: string): string | undefined {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(name)) return undefined
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name).timeZoneId
  } catch {
    return undefined
  }
}

/** What a clock in the zone shows at an instant, in milliseconds since 1970. */
export function clockAt(instant: number, zone: string): Clock {
  const { offsetNanoseconds } = Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(zone)
  return instant + offsetNanoseconds / 1e6
}

/**
 * When a clock in the zone shows this, in milliseconds since 1970; the first time where it does so twice.
 * Undefined where it never does, as it is put forward.
 */
export function instantOf(clock: Clock, zone: string): number | undefined {
  const instant = nearestInstant(clock, zone)
  return clockAt(instant, zone) === clock ? instant : undefined
}

/** The same, but for a time that no clock shows the one as far behind the change as that is behind it (RFC 5545, 3.3.5). */
export function nearestInstant(clock: Clock, zone: string): number {
  const plain = Temporal.Instant.fromEpochMilliseconds(clock).toZonedDateTimeISO('UTC').toPlainDateTime()
  return plain.toZonedDateTime(zone, { disambiguation: 'compatible' }).epochMilliseconds
}
