import { sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { importPieces } from '../db/schema.ts'
import { ownRows, param, statement, typed, unread } from '../db/statement.ts'
import { createTurns } from '../db/turns.ts'
import { createWork, type Owner, type Work } from '../db/work.ts'
import { Problem } from '../problem.ts'
import { settleReferences } from './lists.ts'
import {
  type Counter,
  checkRoom,
  type Found,
  insertFromJournal,
  openCounter,
  raiseCounter,
  readColumns,
} from './rows.ts'

/** How long after a failure a piece is tried again, in milliseconds. */
const RETRY_MS = 250

/** How often it is tried. A service that is stopping has no database: the next start goes on. */
const TRIES = 240

/** Pieces that are read at once, of some 25 KB each. */
const READ = sql.raw('8')

const owner = param('owner')
const pieces = importPieces
const userOf = ([user_id]: readonly unknown[]) => ({ user_id: user_id as string })

const add = statement(
  'import_add',
  sql`insert into ${pieces} (user_id, number, packed, taken, gone, revision, position)
    values (${owner}, ${typed('number', 'integer')}, decode(${param('packed')}, 'base64'), ${typed('taken', 'uuid[]')},
      ${typed('gone', 'uuid[]')}, ${typed('revision', 'bigint')}, ${typed('position', 'double precision')})
    returning ${pieces.user_id}`,
  userOf,
)

const accept = statement(
  'import_accept',
  sql`update ${pieces} set is_accepted = true, revision = ${pieces.revision} + ${typed('revision', 'bigint')},
    position = ${pieces.position} + ${typed('position', 'double precision')}
    where ${pieces.user_id} = ${owner} returning ${pieces.user_id}`,
  userOf,
)

const forget = statement(
  'import_forget',
  sql`delete from ${pieces} where ${pieces.user_id} = ${owner} and not ${pieces.is_accepted} returning ${pieces.user_id}`,
  userOf,
)

const selectAccepted = statement(
  'import_accepted',
  sql`select ${pieces.user_id}, ${pieces.number}, encode(${pieces.packed}, 'base64'), ${pieces.taken}::text,
      ${pieces.gone}::text, ${pieces.revision}, ${pieces.position}
    from ${pieces} where ${pieces.user_id} = ${owner}
      and ${pieces.is_accepted} order by ${pieces.number} limit ${READ}`,
  ([user_id, number, packed, taken, gone, revision, position]) => ({
    user_id: user_id as string,
    number: Number(number),
    packed: Buffer.from(packed as string, 'base64'),
    taken: taken as string,
    gone: gone as string,
    revision: Number(revision),
    position: Number(position),
  }),
)

/** No statement of a request: it begins the work of those whom it names. */
const selectUsers = statement(
  'import_users',
  sql`select distinct ${pieces.user_id} from ${pieces} order by ${pieces.user_id}`,
  ([user]) => user as string,
)

/** Gives room back: nothing else does so in the embedded database, where PostgreSQL's autovacuum does not run. */
const vacuum = statement('import_vacuum', sql`vacuum ${pieces}`, unread)

/** Puts a piece into the journal, with what the pieces before it will have added. */
export async function addPiece(
  db: Db,
  { id: user }: Owner,
  number: number,
  { packed, taken, gone }: Omit<Found, 'count'> & { packed: Uint8Array },
  { revision, position }: Counter,
): Promise<void> {
  const values = {
    owner: user,
    number,
    packed: Buffer.from(packed).toString('base64'),
    taken,
    gone,
    revision,
    position,
  }
  ownRows(user, await add(db, values))
}

/** Removes the pieces of a file that was not accepted. */
export async function forgetPieces(db: Db, { id: user }: Owner): Promise<void> {
  ownRows(user, await forget(db, { owner: user }))
}

/**
 * Accepts the pieces in the journal: from the commit on they are the user's. In a transaction that holds the user's row.
 *
 * @param added what all of them add.
 * @throws Problem `quota-exceeded`.
 */
export async function acceptPieces(tx: Db, owner: Owner, highest: number, added: Counter): Promise<void> {
  const { revision, position, bytes } = await openCounter(tx, owner, highest)
  checkRoom(owner, { bytes: bytes + added.bytes })
  ownRows(owner.id, await accept(tx, { owner: owner.id, revision, position }))
  await raiseCounter(tx, owner, { revision: revision + added.revision, position: position + added.position, bytes })
}

/**
 * Inserts the user's accepted pieces, each in a transaction of its own, and removes the others. Of a database that is
 * away it is asked again and again: the user must not see a part of the file.
 *
 * @param work holds the user's turns.
 * @param inserted is called after each piece.
 */
export async function insertAccepted(work: Work, user: string, inserted = () => {}): Promise<void> {
  let found = 0
  for (let tries = 0; ; ) {
    try {
      const read = await work.scan(user, readAccepted)
      let inserting: Promise<void> | undefined
      for (const { packed, ...piece } of read) {
        // Made while the database inserts the piece before.
        const columns = readColumns({ packed })
        await inserting
        inserted()
        inserting = work.scan(user, insertFromJournal, { ...piece, columns })
      }
      await inserting
      if (read.length === 0) break
      found += read.length
      tries = 0
    } catch (error) {
      if (++tries === TRIES || !(error instanceof Problem)) throw error
      await Bun.sleep(RETRY_MS)
    }
  }
  await work.scan(user, async (db, owner) => {
    if (found > 0) await settleReferences(db, owner)
    await forgetPieces(db, owner)
    if (found > 0) await vacuum(db, {})
  })
}

async function readAccepted(db: Db, { id: user }: Owner) {
  return ownRows(user, await selectAccepted(db, { owner: user }))
}

/** Ends the imports that a crash has interrupted. To be called before requests are served. */
export async function finishImports(db: Db): Promise<void> {
  const work = createWork(db, {
    quota: Number.POSITIVE_INFINITY,
    changed() {},
    turns: createTurns({ oneConnection: true }),
  })
  for (const user of await selectUsers(db, {})) await insertAccepted(work, user)
}
