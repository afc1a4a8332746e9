import { Problem } from '../problem.ts'

/** How a piece of work takes its turn. */
export interface Manner {
  /** Whether it waits however long that takes. */
  isPatient?: boolean
  /** Whether it can take long. Of a user who has many pieces waiting, none begins for thrice as long as this one took. */
  isLong?: boolean
}

/** Runs a piece of a user's work when it is their turn. */
export type InTurn = <T>(user: string, work: () => Promise<T>, manner?: Manner) => Promise<T>

/** The lines in which a user's work waits for the user's own. */
export interface Turns {
  /** Reads of one row, or of a short page by an index. */
  read: InTurn
  /** Reads that bring much, look at much or sort. */
  scan: InTurn
  /** Statements and transactions that change something. */
  write: InTurn
  /** Everything else of the user waits. Only where there is one connection. */
  alone?: InTurn
}

/** Short reads of one user at a time, and writes: with 4 connections, which pipeline, 4 behind each other. */
const AT_ONCE = 16

/** Pieces of work of one user that may wait in a line: more than a minute's requests. */
const MAX_WAITING = 2000

/** How long a piece of work waits for the user's others, in milliseconds. */
const WAIT_MS = 5000

/**
 * Pieces of a user that may wait while there is no rest after a long one: more than a page of a front end asks for at
 * once. Who sends dozens would else keep a processor busy, and everybody's requests waiting for it.
 */
const CROWD = 8

/**
 * A rest is so many times as long as what was before it: who has a crowd waiting takes a quarter of the time at most.
 * With rests as long as the work, others' median latency doubled; now it stays.
 */
const REST = 3

/** The longest rest, in milliseconds. */
const LONGEST_REST_MS = 50

interface LineOptions {
  /** Pieces of one user's work under way at a time. */
  atOnce: number
  /** How long a piece waits at most, in milliseconds; however long that takes, where it is undefined. */
  waitMs?: number
}

interface Waiting {
  start(): void
  timer: Timer | undefined
}

interface Line {
  running: number
  readonly waiting: Set<Waiting>
}

/**
 * Bounds what of a user's work is under way at a time; the rest waits behind it.
 *
 * With one connection, that of the embedded database, one piece of each user at a time: of a thousand
 * requests that one user has sent at once, one stands before the next user's, and not all of them.
 *
 * With several, one `scan` of a user, so that all other connections are free of them, and so many short
 * reads and writes that nobody waits for their own. Writes are not one at a time: their wait here would
 * come on top of the deadline that a statement has.
 *
 * After a `scan` of a user with many pieces waiting there is a rest.
 */
export function createTurns({ oneConnection }: { oneConnection: boolean }): Turns {
  if (oneConnection) {
    // Statements have their own deadline there, which begins with their turn.
    const line = createLine({ atOnce: 1 })
    return { read: line, scan: long(line), write: line, alone: line }
  }
  return {
    read: createLine({ atOnce: AT_ONCE, waitMs: WAIT_MS }),
    scan: long(createLine({ atOnce: 1, waitMs: WAIT_MS })),
    write: createLine({ atOnce: AT_ONCE, waitMs: WAIT_MS }),
  }
}

const long =
  (line: InTurn): InTurn =>
  (user, work, manner) =>
    line(user, work, { ...manner, isLong: true })

/** @throws Problem `rate-limited` for what finds the line full, `database-unavailable` for what waits too long. */
export function createLine({ atOnce, waitMs }: LineOptions): InTurn {
  const lines = new Map<string, Line>()

  function run<T>(user: string, line: Line, work: () => Promise<T>, isLong: boolean): Promise<T> {
    line.running++
    const began = performance.now()
    const result = work()
    const done = () => {
      if (isLong && line.waiting.size > CROWD)
        setTimeout(goOn, Math.min(REST * (performance.now() - began), LONGEST_REST_MS))
      else goOn()
    }
    const goOn = () => {
      line.running--
      const [next] = line.waiting
      if (next) {
        line.waiting.delete(next)
        clearTimeout(next.timer)
        next.start()
      } else if (line.running === 0) lines.delete(user)
    }
    result.then(done, done)
    return result
  }

  return <T>(user: string, work: () => Promise<T>, { isPatient = false, isLong = false }: Manner = {}) => {
    let line = lines.get(user)
    if (line === undefined) {
      line = { running: 0, waiting: new Set() }
      lines.set(user, line)
    }
    const own = line
    if (own.running < atOnce) return run(user, own, work, isLong)
    if (own.waiting.size >= MAX_WAITING) return Promise.reject(tooMany())
    return new Promise<T>((resolve, reject) => {
      const waiting: Waiting = { start: () => resolve(run(user, own, work, isLong)), timer: undefined }
      own.waiting.add(waiting)
      if (isPatient || waitMs === undefined) return
      waiting.timer = setTimeout(() => {
        own.waiting.delete(waiting)
        reject(tooLate())
      }, waitMs)
    })
  }
}

const retry = { headers: { 'retry-after': '1' } }

function tooMany(): Problem {
  return new Problem('rate-limited', 'Too many of your requests are waiting. Please wait for their answers.', retry)
}

function tooLate(): Problem {
  return new Problem('database-unavailable', 'Your other requests take too long. Please try again later.', retry)
}
