import type { Db } from './database.ts'
import { lockUser, type Patience } from './transaction.ts'
import type { InTurn, Turns } from './turns.ts'

/** Whose rows a statement reaches, and how many bytes of them there may be. */
export interface Owner {
  readonly id: string
  /** Bytes that the user's rows may count; `Infinity` is no bound. */
  readonly quota: number
  /** Is told when a task that is written reminds (RFC 3339), by the statements themselves: before they are committed. */
  readonly remind?: (at: string) => void
}

/** Something done on the database for one user: a statement, or several within a transaction. */
export type Task<Args extends unknown[], T> = (db: Db, owner: Owner, ...args: Args) => Promise<T>

/**
 * The one way to a user's rows: everything that is done for a user waits for its turn here,
 * and listeners learn of what has changed.
 */
export interface Work {
  read<Args extends unknown[], T>(user: string, run: Task<Args, T>, ...args: Args): Promise<T>
  /** A read that brings much, looks at much or sorts: one of a user at a time. */
  scan<Args extends unknown[], T>(user: string, run: Task<Args, T>, ...args: Args): Promise<T>
  /** A scan for an answer that has begun, which cannot be refused any more: it waits for its turn however long that takes. */
  goOn<Args extends unknown[], T>(user: string, run: Task<Args, T>, ...args: Args): Promise<T>
  /** One statement that changes something. */
  write<Args extends unknown[], T>(user: string, run: Task<Args, T>, ...args: Args): Promise<T>
  /**
   * A transaction that holds the user's row, so that writes of one user queue and never wait for
   * each other in a circle. It commits as a whole or not at all.
   */
  transact<T>(user: string, run: (tx: Db, owner: Owner) => Promise<T>, patience?: Patience): Promise<T>
  /**
   * Several statements and transactions of a user, between which other users have their turns and the user's other
   * requests do not. Undefined where there are several connections: a long transaction keeps no other user waiting there.
   */
  readonly alone: (<T>(user: string, run: (own: Work) => Promise<T>) => Promise<T>) | undefined
}

interface Options {
  /** Bytes that each user's rows may count. */
  quota: number
  /** Is told whose rows have changed, and when the first of them reminds, if one does: once that is committed. */
  changed(user: string, remindAt?: string): void
  turns: Turns
}

/** For work that has its turn already. */
const atOnce: InTurn = (_, work) => work()
const inNoLine: Turns = { read: atOnce, scan: atOnce, write: atOnce }

export function createWork(db: Db, { quota, changed, turns }: Options): Work {
  const { alone } = turns
  const ownerOf = (id: string): Owner => ({ id, quota })
  /** An owner who remembers when the first of the written tasks reminds. */
  const writing = (id: string) => {
    const owner = {
      id,
      quota,
      remindAt: undefined as string | undefined,
      remind(at: string) {
        if (owner.remindAt === undefined || at < owner.remindAt) owner.remindAt = at
      },
    }
    return owner
  }
  return {
    read: (user, run, ...args) => turns.read(user, () => run(db, ownerOf(user), ...args)),
    scan: (user, run, ...args) => turns.scan(user, () => run(db, ownerOf(user), ...args)),
    goOn: (user, run, ...args) => turns.scan(user, () => run(db, ownerOf(user), ...args), { isPatient: true }),
    async write(user, run, ...args) {
      const owner = writing(user)
      const result = await turns.write(user, () => run(db, owner, ...args))
      changed(user, owner.remindAt)
      return result
    },
    async transact(user, run, patience) {
      const owner = writing(user)
      const result = await turns.write(user, () =>
        db.transaction(async (tx) => {
          await lockUser(tx, user, patience)
          return run(tx, owner)
        }),
      )
      changed(user, owner.remindAt)
      return result
    },
    alone: alone && ((user, run) => alone(user, () => run(createWork(db, { quota, changed, turns: inNoLine })))),
  }
}
