import type { Db } from '../db/database.ts'
import { replan } from '../db/plans.ts'
import { createLine } from '../db/turns.ts'
import type { Owner, Work } from '../db/work.ts'
import { createOnce, type Once } from '../http/idempotency.ts'
import type { CheckedFile, ImportOptions } from './check.ts'
import { MAX_ROWS } from './held-rows.ts'
import { acceptPieces, addPiece, forgetPieces, insertAccepted } from './journal.ts'
import { importLists, settleReferences } from './lists.ts'
import { checkRoom, findTaken, insertPiece, openCounter, raiseCounter, readColumns } from './rows.ts'

export interface Imported {
  /** New tasks and lists. */
  imported: number
  /** Those that were there already, which stay as they are. */
  skipped: number
  dry_run: boolean
}

/** The request of an import, and its payload in few bytes, as `Once` takes them. */
export interface Asked {
  context: Parameters<Once>[0]
  payload: unknown
}

/** Files of a process that are inserted at a time. The connections of the pool are for others, too. */
const AT_ONCE = 2

/** @returns a function that inserts the rows of a file, all of them or none; it throws Problem `quota-exceeded`. */
export function createImport(work: Work, once: Once) {
  const inLine = createLine({ atOnce: AT_ONCE })
  return ({ context, payload }: Asked, file: CheckedFile, options: ImportOptions): Promise<Imported> =>
    inLine('imports', () => {
      const insertBy = (run: Once, insert: (tx: Db, owner: Owner) => Promise<Imported>) =>
        run(context, '/import', payload, async (tx, owner) => ({ status: 200, body: await insert(tx, owner) }), {
          atomic: true,
        })
      const { alone } = work
      if (!alone || file.rows.length <= MAX_ROWS)
        return insertBy(once, (tx, owner) => importAtOnce(tx, owner, file, options))
      return alone(context.user.id, (own) =>
        importByPieces(own, context.user.id, file, options, (insert) => insertBy(createOnce(own), insert)),
      )
    })
}

/** In one transaction: for databases with several connections, where nobody waits for it but the user. */
async function importAtOnce(
  tx: Db,
  owner: Owner,
  { rows, highest, lists, refers }: CheckedFile,
  { dryRun, hold }: ImportOptions,
): Promise<Imported> {
  const answer = { ...(await importLists(tx, owner, lists, dryRun)), dry_run: dryRun }
  const counter = dryRun ? undefined : await openCounter(tx, owner, highest)
  let inserting: Promise<void> | undefined
  for (const piece of rows.take()) {
    // Made while the database inserts the piece before.
    const columns = counter ? readColumns(piece) : {}
    const [{ taken, gone, count }] = await Promise.all([findTaken(tx, owner, piece), inserting])
    answer.skipped += count
    answer.imported += piece.rows - count
    hold(rows.bytes)
    inserting = counter && count < piece.rows ? insertPiece(tx, owner, { columns, taken, gone }, counter) : undefined
  }
  await inserting
  if (counter && answer.imported > 0) {
    checkRoom(owner, counter)
    await raiseCounter(tx, owner, counter)
    if (refers) await settleReferences(tx, owner)
    if (rows.reminds) owner.remind?.(new Date().toISOString())
  }
  return answer
}

/**
 * In many transactions, between which other users have their turns, for the database with one connection: a
 * transaction of 250,000 rows would hold it for longer than requests wait. The pieces go into a journal. One short
 * transaction accepts them all and raises the counter; from then on the import is done, whatever happens, and the
 * pieces are inserted. Nobody sees less than all of it: the user's turns are held meanwhile, and a crash is followed
 * by `finishImports`.
 */
async function importByPieces(
  own: Work,
  user: string,
  { rows, highest, lists }: CheckedFile,
  { dryRun, hold }: ImportOptions,
  once: (insert: (tx: Db, owner: Owner) => Promise<Imported>) => Promise<Imported>,
): Promise<Imported> {
  const answer = { imported: 0, skipped: 0, dry_run: dryRun }
  const offset = { revision: 0, position: 0, bytes: 0 }
  if (!dryRun) {
    // The journal refers to the user's row, which a transaction makes where there is none.
    await own.transact(user, forgetPieces)
    await insertAccepted(own, user)
  }
  let number = 0
  for (const piece of rows.take()) {
    const { taken, gone, count } = await own.scan(user, findTaken, piece)
    if (!dryRun && count < piece.rows) await own.scan(user, addPiece, number++, { ...piece, taken, gone }, offset)
    answer.skipped += count
    answer.imported += piece.rows - count
    offset.revision += piece.rows - count
    offset.position += piece.unplaced
    offset.bytes += piece.bytes
    hold(rows.bytes)
  }
  try {
    return await once(async (tx, owner) => {
      const ofLists = await importLists(tx, owner, lists, dryRun)
      answer.imported += ofLists.imported
      answer.skipped += ofLists.skipped
      if (number > 0) await acceptPieces(tx, owner, highest, offset)
      return answer
    })
  } finally {
    if (number > 0) {
      // Whether the pieces were accepted is read again: a commit can succeed though its answer comes too late.
      // Nothing is held any more, but there is garbage, which `hold` looks after.
      await insertAccepted(own, user, () => hold(0))
      // The user's next statement may be about all of them. Where this fails, the database does it within seconds.
      await own.scan(user, replan).catch(() => {})
      // Only now: whoever looks for reminders must find these rows.
      if (rows.reminds) await own.write(user, async (_, owner) => owner.remind?.(new Date().toISOString()))
    }
  }
}
