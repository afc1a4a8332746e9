/** Runs a piece of a user's work when it is their turn. */
export type InTurn = <T>(user: string, work: () => Promise<T>) => Promise<T>

/** Lets the event loop read what has come meanwhile, and so find out whose it is. */
const othersFirst = () => new Promise<void>((resolve) => setImmediate(resolve))

/**
 * One piece of work of each user at a time; what else they want done waits behind it. For the
 * embedded database, which takes work in the order in which it comes, and does it without
 * letting go of the event loop: of a thousand requests that one user has sent, each would be
 * served before the next is read, and whoever comes then is read after them all. This way they
 * are all read, and one of each user's is served before the second of anybody's.
 */
export function createTurns(): InTurn {
  const newest = new Map<string, Promise<unknown>>()
  return (user, work) => {
    const before = newest.get(user)
    const next = () => othersFirst().then(work)
    const result = before === undefined ? next() : before.then(next, next)
    newest.set(user, result)
    const done = () => {
      if (newest.get(user) === result) newest.delete(user)
    }
    result.then(done, done)
    return result
  }
}
