import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createTokens } from '../../src/auth/token.ts'
import { readConfig } from '../../src/config.ts'
import type { Db } from '../../src/db/database.ts'
import { importPieces } from '../../src/db/schema.ts'
import { createTurns } from '../../src/db/turns.ts'
import { createWork } from '../../src/db/work.ts'
import { HeldRows } from '../../src/transfer/held-rows.ts'
import { acceptPieces, addPiece } from '../../src/transfer/journal.ts'
import { findTaken } from '../../src/transfer/rows.ts'
import { boot, databases, type Target } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { newPlace } from '../kit/program.ts'
import { plainRow } from '../kit/row.ts'
import { bearer, send } from '../kit/send.ts'
import { useService } from '../kit/service.ts'
import { newStore } from '../kit/store.ts'
import { SECRET } from '../kit/tokens.ts'
import { jsonOf, newUser, type Task, type User } from '../kit/user.ts'

setDefaultTimeout(120_000)

/** Several pieces, and the last one no whole one. */
const COUNT = 1100

const titlesOf = (count: number) => Array.from({ length: count }, (_, n) => ({ title: `n${n}` }))

async function walkChanges(user: User, since = 0): Promise<Task[]> {
  const all: Task[] = []
  for (let next = since; ; ) {
    const page = await user.changes(`?since=${next}&limit=1000`)
    all.push(...page.changes)
    next = page.next
    if (!page.more) return all
  }
}

const countOf = async (user: User) =>
  Number((await user.send('GET', '/tasks?limit=1&count=true')).headers.get('x-total-count'))

describe.each(databases)('files of many pieces, over the %s database', (kind) => {
  const service = useService(kind, { USER_QUOTA_MB: '1' })

  test('known tasks stay, tombstones make way, new revisions and positions follow the file without holes', async () => {
    const user = newUser(service())
    const kept = await user.create({ title: 'kept' })
    const gone = await user.create({ title: 'gone' })
    await user.remove(gone.id)
    expect((await user.send('DELETE', `/trash/${gone.id}`)).status).toBe(204)
    const before = await user.revision()
    const file: object[] = titlesOf(COUNT)
    file[300] = { id: kept.id, title: 'other' }
    file[600] = { id: gone.id, title: 'back' }
    file[900] = { title: 'placed', position: 5000 }
    const counts = { imported: COUNT - 1, skipped: 1 }
    const dry = await user.send('POST', '/import?dry_run=true', file)
    expect(await jsonOf<unknown>(dry)).toEqual({ ...counts, dry_run: true })
    expect(await user.list()).toHaveLength(2)
    const answer = await user.send('POST', '/import', file)
    expect(await jsonOf<unknown>(answer)).toEqual({ ...counts, dry_run: false })

    const changes = await walkChanges(user, before + 1)
    const titles = file.flatMap((task, n) => (n === 300 ? [] : [(task as { title: string }).title]))
    expect(changes.map(({ title, revision }) => [title, revision - before])).toEqual(
      titles.map((title, n) => [title, n + 2]),
    )
    const unplaced = changes.filter(({ title }) => title !== 'placed').map(({ position }) => position)
    expect(unplaced.every((position, n) => position > (unplaced[n - 1] ?? 5000))).toBe(true)
    expect((await user.read(kept.id)).title).toBe('kept')
    expect((await user.create()).revision).toBe(before + 1 + COUNT)
  })

  test('a repeat with the same Idempotency-Key gets the same answer and makes nothing', async () => {
    const user = newUser(service())
    const attempt = (count: number) => user.send('POST', '/import', titlesOf(count), { 'idempotency-key': 'many' })
    const first = await jsonOf<unknown>(await attempt(COUNT))
    expect(first).toEqual({ imported: COUNT, skipped: 0, dry_run: false })
    const again = await attempt(COUNT)
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect(await jsonOf<unknown>(again)).toEqual(first)
    await expectProblem(await attempt(COUNT + 1), 422, 'idempotency-key-reused')
    expect(await countOf(user)).toBe(COUNT)
  })

  test('a file for which there is no room is refused as a whole, and one that just fits is taken', async () => {
    const user = newUser(service())
    // A task counts 300 bytes, those of its title, and two of its tags.
    const fitting = Math.floor(1_000_000 / 306)
    const file = (count: number) => Array(count).fill({ title: 'four' })
    await expectProblem(await user.send('POST', '/import', file(fitting + 1)), 403, 'quota-exceeded')
    expect(await countOf(user)).toBe(0)
    expect(await jsonOf<unknown>(await user.send('POST', '/import', file(fitting)))).toMatchObject({
      imported: fitting,
    })
    await expectProblem(await user.post({ title: 'one more' }), 403, 'quota-exceeded')
  })

  test('the user sees all of a file or nothing of it', async () => {
    const user = newUser(service())
    await user.create({ title: 'before' })
    let isOver = false
    const imported = user.send('POST', '/import', titlesOf(COUNT)).finally(() => {
      isOver = true
    })
    const seen = new Set<number>()
    while (!isOver) {
      seen.add(await countOf(user))
      seen.add((await walkChanges(user)).length)
    }
    expect((await imported).status).toBe(200)
    expect([...seen].filter((count) => count !== 1 && count !== COUNT + 1)).toEqual([])
  })

  test('other users are served while a file is inserted, and can import', async () => {
    const [ann, bob] = [newUser(service()), newUser(service())]
    let isOver = false
    const imported = ann.send('POST', '/import', titlesOf(3200)).finally(() => {
      isOver = true
    })
    let created = 0
    for (; !isOver; created++) await bob.create()
    // In one transaction on the one connection, at most the first of these would come before the end.
    expect(created).toBeGreaterThan(4)
    expect(await jsonOf<unknown>(await bob.send('POST', '/import', titlesOf(2)))).toMatchObject({ imported: 2 })
    expect((await imported).status).toBe(200)
  })
})

describe('an import over the embedded database that a crash interrupts', () => {
  const row = (n: number) => plainRow({ title: `n${n}` })

  /** What stands in the database when the service is killed once all pieces are in the journal. */
  async function writeJournal(db: Db, id: string, { isAccepted }: { isAccepted: boolean }): Promise<void> {
    const work = createWork(db, { quota: 1e9, changed() {}, turns: createTurns({ oneConnection: true }) })
    const rows = new HeldRows({ idsOnly: false })
    for (let n = 0; n < COUNT; n++) rows.add(row(n), { isNamed: true })
    const offset = { revision: 0, position: 0, bytes: 0 }
    await work.transact(id, async (tx, owner) => {
      let number = 0
      for (const piece of rows.take()) {
        await addPiece(tx, owner, number++, { ...piece, ...(await findTaken(tx, owner, piece)) }, offset)
        offset.revision += piece.rows
        offset.position += piece.unplaced
        offset.bytes += piece.bytes
      }
      if (isAccepted) await acceptPieces(tx, owner, 0, offset)
    })
  }

  test('is ended by the next start, if its pieces were accepted, and else forgotten', async () => {
    const store = await newStore('embedded')
    const [ann, bob] = ['ann', 'bob']
    const first = await boot('embedded', store.env)
    for (const id of [ann, bob]) await newUser(first, id).create({ title: 'before' })
    await first.stop()
    await store.use(async (db) => {
      await writeJournal(db, ann, { isAccepted: true })
      await writeJournal(db, bob, { isAccepted: false })
    })
    const second = await boot('embedded', store.env)
    const changes = await walkChanges(newUser(second, ann))
    expect(changes.map(({ title }) => title)).toEqual(['before', ...titlesOf(COUNT).map(({ title }) => title)])
    expect(changes.map(({ revision }) => revision - (changes[0]?.revision ?? 0))).toEqual(
      Array.from({ length: COUNT + 1 }, (_, n) => n),
    )
    expect((await newUser(second, ann).create()).revision).toBe((changes.at(-1)?.revision ?? 0) + 1)
    expect(await newUser(second, bob).titles()).toEqual(['before'])
    await second.stop()
    const left = await store.use(async (db) => db.select().from(importPieces))
    expect(left).toEqual([])
    await store.remove()
  })

  /** A program that listens, as the kit's users talk to one. */
  async function targetAt(url: string): Promise<Target> {
    const config = readConfig({ BETTER_AUTH_SECRET: SECRET, DATABASE_URL: 'postgres://localhost/none' })
    const tokens = await createTokens({ ...config, secrets: [SECRET] })
    return {
      url,
      tokens,
      databaseUrl: undefined,
      request: async (user, method, path, body, headers) =>
        send(url, method, path, body, { ...bearer(await tokens.sign(user ?? '', 600)), ...headers }),
      stop: async () => {},
    }
  }

  test('leaves all of its tasks or none, whenever the service is killed', async () => {
    await using place = await newPlace()
    const env = { BETTER_AUTH_SECRET: SECRET, RATE_LIMIT: '0' }
    const seen: number[] = []
    for (const share of [0.4, 0.7]) {
      const served = await place.serve(env)
      const target = await targetAt(served.url)
      const [user, whole] = [newUser(target), newUser(target)]
      const start = performance.now()
      expect((await whole.send('POST', '/import', titlesOf(3 * COUNT))).status).toBe(200)
      const ms = performance.now() - start
      const cut = user.send('POST', '/import', titlesOf(3 * COUNT)).catch(() => undefined)
      await Bun.sleep(ms * share)
      await served.end('SIGKILL')
      await cut
      const again = await place.serve(env)
      const count = await countOf(newUser(await targetAt(again.url), user.id))
      await again.end('SIGKILL')
      seen.push(count)
    }
    expect(seen.filter((count) => count !== 0 && count !== 3 * COUNT)).toEqual([])
  }, 240_000)
})
