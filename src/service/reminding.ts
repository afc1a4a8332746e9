/**
 * How long a timer runs at most while a reminder is awaited, in milliseconds. A machine that has slept, and a clock
 * that was set, are noticed then; and no timer takes more than 2^31 ms.
 */
const TICK_MS = 1000

/** How soon it is tried again when the database is away, in milliseconds. */
const RETRY_MS = 2000

/** How often to look, while requests use the database, for reminders that a replica has left behind, in milliseconds. */
const LOOK_MS = 5 * 60_000

export interface RemindingOptions {
  /** Sends out what is due. @returns in how many milliseconds the next one is due; undefined where there is none. */
  remind(): Promise<number | undefined>
  /** Whether the database is used by requests. */
  isUsed(): boolean
  /** Is told that `remind` has failed. */
  failed(error: unknown): void
  /** Milliseconds of a clock that never goes back, and those since 1970. */
  clock?: { now(): number; time(): number }
}

/** When a reminder is due, by both clocks: the first stands still while a machine sleeps, the second can be set. */
interface Due {
  now: number
  time: number
}

export type Reminding = ReturnType<typeof createReminding>

/**
 * Sleeps until the next reminder that this process knows of: from its start, from the last time that it looked, and
 * from writes that come by. Without one it has no timer, and the database is not asked.
 */
export function createReminding({
  remind,
  isUsed,
  failed,
  clock = { now: () => performance.now(), time: Date.now },
}: RemindingOptions) {
  let due: Due | undefined
  let timer: Timer | undefined
  let looking: Promise<void> | undefined
  let isAskedAgain = false
  let looks: Timer | undefined
  let isOver = false

  const isDue = ({ now, time }: Due) => clock.now() >= now || clock.time() >= time

  function expect(ms: number): void {
    const found = { now: clock.now() + ms, time: clock.time() + ms }
    if (due === undefined || found.now < due.now) due = found
    arm()
  }

  function arm(): void {
    clearTimeout(timer)
    if (due === undefined || isOver || looking !== undefined) return
    timer = setTimeout(tick, Math.min(Math.max(due.now - clock.now(), 0), TICK_MS))
  }

  function tick(): void {
    if (due !== undefined && isDue(due)) look()
    else arm()
  }

  async function run(): Promise<void> {
    do {
      isAskedAgain = false
      // What comes by from here on may be later than what `remind` sees.
      due = undefined
      try {
        const next = await remind()
        if (next !== undefined) expect(next)
      } catch (error) {
        failed(error)
        expect(RETRY_MS)
      }
    } while (isAskedAgain && !isOver)
  }

  /** Sends out what is due now, and learns when the next one is. */
  function look(): void {
    if (isOver) return
    if (looking !== undefined) {
      isAskedAgain = true
      return
    }
    looking = run().finally(() => {
      looking = undefined
      arm()
    })
  }

  return {
    look,

    /** To be called after this process has committed a task that reminds at `at` (RFC 3339). */
    wake(at: string): void {
      expect(Math.max(Date.parse(at) - clock.time(), 0))
    },

    /** Sends out what was missed while no service ran, and goes on. @returns what ends it. */
    start(): () => Promise<void> {
      look()
      looks = setInterval(() => isUsed() && look(), LOOK_MS)
      return async () => {
        isOver = true
        clearTimeout(timer)
        clearInterval(looks)
        await looking
      }
    },
  }
}
