/** Runs a piece of a user's work when it is their turn. */
export type InTurn = <T>(user: string, work: () => Promise<T>) => Promise<T>

/**
 * Does one piece of each user's work at a time; what else the user asks for waits behind it. For the embedded database,
 * which has one connection and answers in the order in which it is asked: of a thousand requests that one user has sent,
 * all would stand before the next user's. This way one does.
 */
export function createTurns(): InTurn {
  const newest = new Map<string, Promise<unknown>>()
  return (user, work) => {
    const before = newest.get(user)
    const result = before === undefined ? work() : before.then(work, work)
    newest.set(user, result)
    const done = () => {
      if (newest.get(user) === result) newest.delete(user)
    }
    result.then(done, done)
    return result
  }
}
