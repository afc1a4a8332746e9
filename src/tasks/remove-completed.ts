import type { Work } from '../db/work.ts'
import type { Mark } from '../resource/change.ts'
import { removeCompletedTasks, removeCompletedWithParts } from './store.ts'

/** Tasks moved by one transaction, at most: the user's other writes wait for it. */
const PIECE = 1000

/**
 * Moves all completed tasks to the trash, with their parts: in pieces, each within the deadline of a statement, so that
 * any number can be moved. It goes on when the client has gone, and is safe to repeat.
 *
 * @param stillWorking is called after each piece.
 * @returns how many were moved.
 */
export async function removeAllCompleted(work: Work, user: string, stillWorking: () => void): Promise<number> {
  // First, so that a completed part goes with its completed parent.
  let moved = await work.transact(user, removeCompletedWithParts)
  stillWorking()
  for (let after: Mark | undefined; ; ) {
    const { count, last } = await work.transact(user, (tx, owner) => removeCompletedTasks(tx, owner, PIECE, after))
    moved += count
    if (count < PIECE) return moved
    after = last
    stillWorking()
  }
}
