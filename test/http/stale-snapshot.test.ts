import { describe, expect, test } from 'bun:test'
import type postgres from 'postgres'
import { openSession } from '../kit/postgres-server.ts'
import { useService } from '../kit/service.ts'
import { ifMatch, newUser, taskOf, type User } from '../kit/user.ts'

/** More than the pool has connections, so that some are pipelined behind those that wait. */
const WRITERS = 12

/**
 * Writes that have all begun before any of them can go on. By chance this is rare: a statement
 * ends before the next one takes its snapshot. Here a transaction of the test's own holds the
 * user's row until the writes wait for it.
 */
describe('writes that waited for another, over postgres', () => {
  const service = useService('postgres')

  async function inLine(
    user: User,
    writes: (() => Promise<Response>)[],
    then: (tx: postgres.TransactionSql) => Promise<void> = async () => {},
  ): Promise<Response[]> {
    const sql = openSession(service().databaseUrl ?? '', { max: 2 })
    const answers: Promise<Response>[] = []
    try {
      await sql.begin(async (tx) => {
        await tx`select 1 from doable.users where id = ${user.id} for update`
        for (const write of writes) answers.push(write())
        for (let waiting = 0; waiting < Math.min(2, writes.length); await Bun.sleep(10)) {
          // On the other connection: within a transaction pg_stat_activity does not change.
          const [row] = await sql<{ waiting: number }[]>`
            select count(*)::int as waiting from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'`
          waiting = row?.waiting ?? 0
        }
        await then(tx)
      })
    } finally {
      await sql.end()
    }
    return Promise.all(answers)
  }

  const times = (write: () => Promise<Response>) => Array.from({ length: WRITERS }, () => write)

  test('judge the task as it stands now: of edits with one If-Match exactly one goes through', async () => {
    const ann = newUser(service())
    const { id, revision } = await ann.create()
    const answers = await inLine(
      ann,
      times(() => ann.put(id, { title: 'x' }, ifMatch(revision))),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(WRITERS - 1).fill(412)])
    expect(await ann.revision()).toBe(revision + 1)
  })

  test('find a task gone that was deleted meanwhile, and raise nothing for it', async () => {
    const ann = newUser(service())
    const { id, revision } = await ann.create()
    const answers = await inLine(ann, [
      ...times(() => ann.put(id, { title: 'x' })).slice(1),
      () => ann.delete(id),
      ...times(() => ann.complete(id)),
      ...times(() => ann.delete(id)),
    ])
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => ![200, 204, 404].includes(status))).toEqual([])
    expect(statuses.filter((status) => status === 204)).toHaveLength(1)
    for (const answer of answers.filter(({ status }) => status === 200))
      expect((await taskOf(answer)).deleted_at).toBeNull()
    expect(await ann.list()).toEqual([])
    expect(await ann.revision()).toBe(revision + statuses.filter((status) => status < 300).length)
  })

  test('toggle what the one before them left', async () => {
    const ann = newUser(service())
    const { id, revision: first } = await ann.create()
    const answers = await inLine(
      ann,
      times(() => ann.complete(id)),
    )
    const tasks = await Promise.all(answers.map((answer) => taskOf(answer)))
    tasks.sort((a, b) => a.revision - b.revision)
    expect(tasks.map(({ completed, revision }) => [completed, revision])).toEqual(
      Array.from({ length: WRITERS }, (_, i) => [i % 2 === 0, first + i + 1]),
    )
  })

  test('make tasks with revisions of their own, beside those that change others', async () => {
    const ann = newUser(service())
    const { id, revision: first } = await ann.create()
    const answers = await inLine(
      ann,
      Array.from({ length: WRITERS }, (_, i) => () => (i % 2 ? ann.post({ title: 'x' }) : ann.put(id, { title: 'y' }))),
    )
    const tasks = await Promise.all(answers.map((answer) => taskOf(answer, answer.status)))
    const revisions = tasks.map(({ revision }) => revision).sort((a, b) => a - b)
    expect(revisions).toEqual(Array.from({ length: WRITERS }, (_, i) => first + i + 1))
  })

  test('two tasks that are made parts of each other: one becomes a part, the other is refused', async () => {
    const ann = newUser(service())
    const [one, two] = [await ann.create(), await ann.create()]
    const answers = await inLine(ann, [
      () => ann.put(one.id, { parent_id: two.id }),
      () => ann.put(two.id, { parent_id: one.id }),
    ])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 422])
    expect((await ann.list()).filter(({ parent_id }) => parent_id !== null)).toHaveLength(1)
  })

  test('a parent deleted beside writes that give it parts: no part at hand is left without its parent', async () => {
    const ann = newUser(service())
    const [parent, other] = [await ann.create(), await ann.create()]
    const answers = await inLine(ann, [
      () => ann.post({ title: 'x', parent_id: parent.id }),
      () => ann.delete(parent.id),
      ...times(() => ann.post({ title: 'x', parent_id: parent.id })).slice(1),
      () => ann.put(other.id, { parent_id: parent.id }),
      () => ann.send('POST', `/tasks/${parent.id}/restore`),
      ...times(() => ann.post({ title: 'x', parent_id: parent.id })),
    ])
    expect(new Set(answers.map(({ status }) => status)).isSubsetOf(new Set([200, 201, 204, 404, 422]))).toBe(true)
    const [hand, trash] = [await ann.list(), await ann.trash()]
    const found = new Set(hand.map(({ id }) => id))
    expect(hand.filter(({ parent_id }) => parent_id !== null && !found.has(parent_id))).toEqual([])
    // Those that went with the parent came back with it, or went after it came back.
    if (found.has(parent.id)) expect(trash).toEqual([])
  })

  /** Every write of one task, and the one of many. */
  const writes: [name: string, write: (ann: User, at: { hand: string; trash: string }) => Promise<Response>][] = [
    ['PUT', (ann, at) => ann.put(at.hand, { title: 'x' })],
    ['complete', (ann, at) => ann.complete(at.hand)],
    ['DELETE', (ann, at) => ann.delete(at.hand)],
    ['restore', (ann, at) => ann.send('POST', `/tasks/${at.trash}/restore`)],
    ['purge', (ann, at) => ann.send('DELETE', `/trash/${at.trash}`)],
    ['DELETE of all completed', (ann) => ann.send('DELETE', '/tasks?status=completed')],
  ]
  test.each(writes)(
    '%s locks no task while it waits for its user, so that no two wait for each other',
    async (_, write) => {
      const ann = newUser(service())
      const at = { hand: (await ann.create({ completed: true })).id, trash: (await ann.create()).id }
      await ann.remove(at.trash)
      const answers = await inLine(ann, [() => write(ann, at)], async (tx) => {
        // Fails at once where somebody has locked one of them.
        await tx`select 1 from doable.tasks where user_id = ${ann.id} for update nowait`
      })
      expect(answers.map(({ ok }) => ok)).toEqual([true])
    },
  )
})
