import { faultsIn, MAX_FAULTS } from '../http/validation.ts'
import { BadFile, type Entry, type FileFault, type Reader, refusalOf } from './file.ts'
import { HeldRows } from './held-rows.ts'
import { IdSet } from './id-set.ts'
import { isList, type ListRow, listRecord, listRowOf } from './list-record.ts'
import { MAX_LISTS_OF_FILE } from './lists.ts'
import { Pace } from './pace.ts'
import { type Row, rowOf, type TaskRecord, taskRecord } from './record.ts'

export interface ImportOptions {
  /** Whether to count only. */
  dryRun: boolean
  /** Is told, again and again, how many bytes are held. */
  hold(bytes: number): void
}

/** What a file holds that has no fault. */
export interface CheckedFile {
  rows: HeldRows
  /** The highest position that the file names, 0 or more. */
  highest: number
  /** The lists, which are few. */
  lists: readonly ListRow[]
  /** Whether a task names a list or a parent. */
  refers: boolean
}

/**
 * Checks a file while it arrives, so that a fault is refused before the rest has come.
 *
 * @throws Problem `validation-failed` naming place and fault of each bad task, of the first `MAX_FAULTS`.
 */
export async function checkFile(
  pieces: AsyncIterable<string>,
  reader: Reader,
  { dryRun, hold }: ImportOptions,
): Promise<CheckedFile> {
  const check = new Check(dryRun)
  const pace = new Pace()
  const readOn = async () => {
    for (let entry = reader.next(); entry; entry = reader.next()) {
      check.take(entry)
      if (pace.isOver) await pace.rest()
    }
    hold(check.bytes + reader.waiting)
    if (pace.isOver) await pace.rest()
  }
  try {
    for await (const piece of pieces) {
      reader.feed(piece)
      await readOn()
    }
    reader.feed(undefined)
    await readOn()
  } catch (error) {
    if (!(error instanceof BadFile)) throw error
    check.faults.push(error.fault)
  }
  if (check.faults.length > 0) throw refusalOf(check.faults.slice(0, MAX_FAULTS))
  return check
}

class Check implements CheckedFile {
  readonly faults: FileFault[] = []
  readonly rows: HeldRows
  highest = 0
  readonly lists: ListRow[] = []
  refers = false
  readonly #listIds = new Set<string>()
  readonly #now = new Date().toISOString()
  readonly #ids = new IdSet()
  #count = 0

  constructor(dryRun: boolean) {
    this.rows = new HeldRows({ idsOnly: dryRun })
  }

  get bytes(): number {
    return this.rows.bytes + this.#ids.bytes
  }

  /** @throws Problem `validation-failed` when there are as many faults as one answer names. */
  take(entry: Entry): void {
    const index = this.#count++
    const { value } = entry
    if (isList(value)) this.#takeList(index, entry)
    else if (!taskRecord.Check(value)) this.#refuse(index, entry, faultsIn(taskRecord.Errors(value)))
    else if (value.id !== undefined && !this.#ids.add(value.id))
      this.#refuse(index, entry, [{ pointer: '/id', detail: 'stands in the file twice' }])
    // Behind a fault nothing will be inserted any more: the rest is only checked.
    else if (this.faults.length === 0) this.#keep(value)
  }

  #takeList(index: number, entry: Entry): void {
    const { value } = entry
    if (!listRecord().Check(value)) {
      this.#refuse(index, entry, faultsIn(listRecord().Errors(value)))
      return
    }
    const row = listRowOf(value, this.#now)
    if (this.#listIds.has(row.id)) this.#refuse(index, entry, [{ pointer: '/id', detail: 'stands in the file twice' }])
    else if (this.lists.length === MAX_LISTS_OF_FILE)
      this.#refuse(index, entry, [{ pointer: '', detail: `is one of more than ${MAX_LISTS_OF_FILE} lists` }])
    else {
      this.#listIds.add(row.id)
      this.lists.push(row)
    }
  }

  #keep(record: TaskRecord): void {
    const row: Row = rowOf(record, this.#now)
    this.refers ||= row.list_id !== null || row.parent_id !== null
    this.highest = Math.max(this.highest, row.position ?? 0)
    this.rows.add(row, { isNamed: record.id !== undefined })
  }

  #refuse(index: number, { place }: Entry, found: ReturnType<typeof faultsIn>): void {
    for (const fault of found)
      this.faults.push({ ...fault, pointer: `/${index}${fault.pointer}`, place: place(fault.pointer) })
    if (this.faults.length >= MAX_FAULTS) throw refusalOf(this.faults.slice(0, MAX_FAULTS))
  }
}
