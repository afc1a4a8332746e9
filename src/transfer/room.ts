import { Problem } from '../problem.ts'

/** What the files under way in a process may hold together, in bytes. */
const MAX_BYTES = 128 * 1024 * 1024

/** What every import holds beside its rows: pieces that are read, and the row under way. */
const BYTES_EACH = 1024 * 1024

/** What a process may take above its memory at the start of an import and what that holds, in bytes. */
const MAX_GARBAGE = 24 * 1024 * 1024

/** How often garbage is collected at most, in milliseconds: each time takes 10 to 20. */
const COLLECT_MS = 100

/** The place of one import under way. */
export interface Seat extends Disposable {
  /**
   * Says how much the import holds now, in bytes. To be called often: where the runtime lets too much garbage lie,
   * it is collected now.
   *
   * @throws Problem `too-many-imports` when there is not so much room.
   */
  hold(bytes: number): void
}

/** Room for imports: one of each user at a time, and so many bytes in all of what has arrived. */
export class Room {
  readonly #users = new Set<string>()
  #held = 0

  /** @throws Problem `too-many-imports`. */
  enter(user: string): Seat {
    if (this.#users.has(user)) throw tooMany('Another import is under way. Please wait until it is done.')
    const rest = process.memoryUsage.rss()
    let own = 0
    let collected = 0
    const hold = (bytes: number) => {
      if (bytes > own && this.#held - own + bytes > MAX_BYTES)
        throw tooMany('Too many imports are under way. Please try again when they are done.')
      this.#held += bytes - own
      own = bytes
    }
    // The runtime lets as much garbage lie as it has in use, and more on a busy machine.
    const collect = (bytes: number) => {
      const now = performance.now()
      if (now - collected < COLLECT_MS || process.memoryUsage.rss() < rest + bytes + MAX_GARBAGE) return
      Bun.gc(true)
      collected = performance.now()
    }
    hold(BYTES_EACH)
    this.#users.add(user)
    return {
      hold(bytes) {
        hold(BYTES_EACH + bytes)
        collect(bytes)
      },
      [Symbol.dispose]: () => {
        hold(0)
        this.#users.delete(user)
      },
    }
  }
}

const tooMany = (detail: string) => new Problem('too-many-imports', detail, { headers: { 'retry-after': '5' } })
