import { type Fault, invalid, type Problem } from '../problem.ts'

/** As many as a JSON export of the greatest size can hold. Of nothing but short titles it would be ten times as many. */
export const MAX_TASKS = 250_000

/** UTF-16 units of one task in a file: above the 140,000 or so that the largest valid one takes with every character escaped. */
export const MAX_RECORD = 256 * 1024

/** A fault of a file, and where it stands there. */
export interface FileFault extends Fault {
  /** In words: `line 3, column 7`; empty where it is the whole file. */
  place: string
  /** What `detail` is said of. By default the field that the pointer names, or else the task or the file. */
  subject?: string
}

/** A fault behind which a file cannot be read on. */
export class BadFile extends Error {
  constructor(readonly fault: FileFault) {
    super(fault.detail)
  }
}

/** One task of a file, and where it stands there. */
export interface Entry {
  value: unknown
  /** In words: `line 3, column 7` of the value that a JSON Pointer into the entry names. */
  place(pointer: string): string
}

/** Reads a file piece by piece, and holds no more of it than the task under way. */
export interface Reader {
  /** Takes the next piece, once `next` has given everything of the one before. Undefined is the end of the file. */
  feed(piece: string | undefined): void
  /**
   * The next task; undefined when the next piece must be fed for it.
   *
   * @throws BadFile as soon as what was fed cannot be the beginning of a file.
   */
  next(): Entry | undefined
  /** UTF-16 units of the task under way, which wait for the next piece. */
  readonly waiting: number
}

/** Counts the tasks of a file as they begin. @throws BadFile at the first too many. */
export function countTasks(tasks: number): void {
  if (tasks > MAX_TASKS) throw new BadFile({ pointer: '', place: '', detail: `has more than ${MAX_TASKS} tasks` })
}

/** The 422 for a file with these faults; its `detail` says the first. */
export function refusalOf(faults: readonly FileFault[]): Problem {
  const errors = faults.map(({ pointer, place, detail }) => ({ pointer, detail: join(place, detail) }))
  const [first] = faults
  return invalid(
    errors,
    `Nothing was imported: ${first ? join(first.place, sentenceOf(first)) : 'the file has faults'}.`,
  )
}

const join = (place: string, text: string) => (place === '' ? text : `${place}: ${text}`)

function sentenceOf({ pointer, detail, subject, sentence }: FileFault): string {
  // The name of an unknown field is the client's own text, and stays in the pointer.
  const what = subject ?? (sentence === undefined ? nameOf(pointer) : 'this')
  return what === '' ? detail : `${what} ${detail}`
}

function nameOf(pointer: string): string {
  const [, index, name] = pointer.split('/')
  return name ?? (index === undefined ? 'the file' : 'the task')
}
