import type { ReadChanges, ToldChanges } from './changes.ts'

/**
 * One read for all listeners of a user that a ring has woken: equal reads that are asked for in
 * the same turn of the event loop are one. Nobody joins a read that has begun, since its snapshot
 * may be older than the change that the ring was for.
 */
export function shareReads(readChanges: ReadChanges): ReadChanges {
  const gathering = new Map<string, Promise<ToldChanges>>()
  return (user, since, limit) => {
    const key = JSON.stringify([user, since, limit])
    const known = gathering.get(key)
    if (known) return known
    const page = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      gathering.delete(key)
      return readChanges(user, since, limit)
    })
    gathering.set(key, page)
    return page
  }
}
