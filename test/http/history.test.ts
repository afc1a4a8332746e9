import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { openStream } from '../kit/stream.ts'
import { ifMatch, jsonOf, newUser, type Task, type User } from '../kit/user.ts'

/** How far an import drives a counter ahead of the clock: later by far than any of these tests ends. */
const AHEAD = 60_000

/** Histories that are erased: one that keeps behind the clock, and one that an import has driven ahead of it. */
const histories: [name: string, write: (user: User) => Promise<void>][] = [
  [
    'a few writes',
    async (user) => {
      for (const title of ['a', 'b', 'c']) await user.create({ title })
    },
  ],
  [
    `an import of ${AHEAD} tasks, which drives the counter a minute ahead of the clock`,
    async (user) => {
      const file = `title\r\n${'x\r\n'.repeat(AHEAD)}`
      const answer = await user.send('POST', '/import', file, { 'content-type': 'text/csv' })
      expect(await jsonOf<unknown>(answer)).toEqual({ imported: AHEAD, skipped: 0, dry_run: false })
    },
  ],
]

const tagOf = async (user: User, path = '/tasks?limit=1') => {
  const answer = await user.send('GET', path)
  await answer.body?.cancel()
  return answer.headers.get('etag') ?? ''
}

const erase = async (user: User) => expect((await user.send('DELETE', `?confirm=${user.id}`)).status).toBe(204)

describe.each(databases)('a history that begins again after an erasure, over %s', (kind) => {
  const service = useService(kind)

  test.each(histories)('nothing of the old one matches after %s', async (_, write) => {
    const user = newUser(service())
    const id = crypto.randomUUID()
    const first = await user.create({ id, title: 'first' })
    await write(user)
    const last = await user.create({ title: 'last' })
    const oldTag = await tagOf(user)
    expect(oldTag).toBe(`"${last.revision}"`)
    await erase(user)

    // The empty history: nothing is known of the old one.
    const unchanged = await user.send('GET', '/tasks', undefined, { 'if-none-match': oldTag })
    expect([unchanged.status, await unchanged.json()]).toEqual([200, []])
    for (const since of [first.revision, last.revision])
      await expectProblem(await user.send('GET', `/changes?since=${since}`), 410, 'history-gone')

    // As many writes as before, so that a counter that began anew at the old start would meet the old revisions.
    const again = await user.create({ id, title: 'again' })
    expect(again.revision).toBeGreaterThan(last.revision)
    const more: Task[] = []
    for (const title of ['d', 'e', 'f', 'g']) more.push(await user.create({ title }))
    const oldRevisions = [first.revision - 1, first.revision, first.revision + 1, last.revision - 1, last.revision]
    for (const revision of oldRevisions) {
      const match = { 'if-none-match': `"${revision}"` }
      for (const path of ['/tasks', '/trash', `/tasks/${id}`])
        expect((await user.send('GET', path, undefined, match)).status).toBe(200)
      await expectProblem(await user.put(id, { title: 'lost' }, ifMatch(revision)), 412, 'revision-mismatch')
      await expectProblem(await user.complete(id, undefined, ifMatch(revision)), 412, 'revision-mismatch')
      await expectProblem(await user.delete(id, ifMatch(revision)), 412, 'revision-mismatch')
      await expectProblem(await user.put(crypto.randomUUID(), { title: 'x' }, ifMatch(revision)), 404, 'task-not-found')
      await expectProblem(await user.send('GET', `/changes?since=${revision}`), 410, 'history-gone')
      await expectProblem(await user.send('GET', `/events?since=${revision}`), 410, 'history-gone')
      await expectProblem(
        await user.send('GET', '/events', undefined, { 'last-event-id': `${revision}` }),
        410,
        'history-gone',
      )
    }
    expect(await user.read(id)).toEqual(again)
    expect(await user.changes()).toEqual({
      changes: [again, ...more],
      lists: [],
      next: more[3]?.revision ?? 0,
      more: false,
    })
    expect((await user.changes(`?since=${again.revision - 1}`)).changes).toEqual([again, ...more])
  })

  test('a stream that was open over the erasure ends, and is refused under what it has seen', async () => {
    const user = newUser(service())
    const { revision } = await user.create({ title: 'x' })
    const stream = await openStream(service(), user.id, '?since=0')
    await stream.first(1)
    await erase(user)
    expect(await stream.ended).toBe('end')
    await user.create({ title: 'y' })
    await expectProblem(
      await user.send('GET', '/events', undefined, { 'last-event-id': `${revision}` }),
      410,
      'history-gone',
    )
  })

  test('it begins above the old one for every write that was waiting behind the erasure', async () => {
    for (let round = 0; round < 10; round++) {
      const user = newUser(service())
      await user.batch(Array.from({ length: 50 }, () => ({ op: 'create', task: { title: 'x' } })))
      const { next } = await user.changes()
      const answers = await Promise.all([
        ...Array.from({ length: 4 }, () => user.post({ title: 'before or after' })),
        user.send('DELETE', `?confirm=${user.id}`),
        ...Array.from({ length: 4 }, () => user.post({ title: 'before or after' })),
      ])
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, 201, 201, 201, 201, 201, 204])
      const { changes } = await user.changes()
      for (const { revision } of changes) expect(revision).toBeGreaterThan(next)
    }
  })
})
