import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { openSession } from '../kit/postgres-server.ts'
import { useService } from '../kit/service.ts'
import { newUser, type User } from '../kit/user.ts'

/** What SQL counts, and what is kept: each row's texts in bytes, and 300 for all else of it. */
interface Count {
  kept: number
  counted: number
}

const service = useService('postgres', { USER_QUOTA_MB: '1' })

async function inDatabase<T>(run: (sql: ReturnType<typeof openSession>) => Promise<T>): Promise<T> {
  const sql = openSession(service().databaseUrl ?? '')
  return run(sql).finally(() => sql.end())
}

const countOf = (user: User) =>
  inDatabase(async (sql) => {
    const [row] = await sql<Count[]>`
      select bytes::int as kept, (
        select coalesce(sum(300 + octet_length(title) + coalesce(octet_length(description), 0)
          + coalesce(octet_length(due_date), 0) + coalesce(octet_length(recurrence), 0) + octet_length(tags::text)), 0)
        from doable.tasks where user_id = users.id)::int + (
        select coalesce(sum(300 + octet_length(name)), 0) from doable.lists where user_id = users.id)::int as counted
      from doable.users where id = ${user.id}`
    if (!row) throw new Error('no row of this user')
    return row
  })

/** As after an upgrade from a release that counted nothing. */
const forgetCount = (user: User) => inDatabase((sql) => sql`update doable.users set bytes = null where id = ${user.id}`)

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.constant('"\\{},'),
  fc.constant('ü'.repeat(500)),
)
const title = text.map((kept) => `x${kept.slice(0, 150)}x`)
const fields = fc.record(
  {
    title,
    description: fc.option(text),
    tags: fc.uniqueArray(
      title.map((tag) => tag.slice(0, 40).toWellFormed()),
      { maxLength: 3, selector: (tag) => tag.trim() },
    ),
    due_date: fc.constantFrom(null, '2026-11-24', '2026-11-24T17:30:00Z'),
  },
  { requiredKeys: ['title'] },
)
const step = fc.record({
  op: fc.constantFrom(
    'create',
    'update',
    'complete',
    'delete',
    'restore',
    'purge',
    'batch',
    'import',
    'clear',
    'erase',
    'list',
    'rename list',
    'delete list',
    'purge list',
  ),
  target: fc.nat({ max: 1000 }),
  fields,
})

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

/** One step, whether it is refused or not. A refused one must not count either. */
async function perform(user: User, ids: string[], { op, target, fields: task }: Step) {
  const id = ids[target % Math.max(ids.length, 1)] ?? crypto.randomUUID()
  const made = crypto.randomUUID()
  const answers: Record<Step['op'], () => Promise<Response>> = {
    create: () => user.post({ ...task, id: target % 3 === 0 ? id : made }),
    update: () => user.put(id, task),
    complete: () => user.complete(id),
    delete: () => user.delete(id),
    restore: () => user.send('POST', `/tasks/${id}/restore`),
    purge: () => user.send('DELETE', `/trash/${id}`),
    batch: () =>
      user.send('POST', '/batch', {
        operations: [
          { op: 'create', id: made, task },
          { op: 'update', id: made, task: { description: task.title } },
          // The second is refused, and with it the whole.
          { op: target % 2 === 0 ? 'delete' : 'restore', id: made },
        ],
      }),
    import: () =>
      user.send('POST', '/import', [
        { ...task, id },
        { ...task, id: made },
      ]),
    // A list has the id of a task, which is then in it.
    list: async () => {
      await user.send('POST', '/lists', { id, name: task.title.slice(0, 90).toWellFormed() })
      return user.put(id, { list_id: id, parent_id: ids[0] ?? null })
    },
    'rename list': () => user.send('PUT', `/lists/${id}`, { name: task.title.slice(0, 50).toWellFormed() }),
    'delete list': () => user.send('DELETE', `/lists/${id}`),
    'purge list': () => user.send('DELETE', `/lists/${id}?deleted=true`),
    clear: () => user.send('DELETE', '/tasks?status=completed'),
    erase: () =>
      target % 4 === 0 ? user.send('DELETE', `?confirm=${user.id}`) : user.list().then(() => new Response()),
  }
  const { status } = await answers[op]()
  expect(status).toBeLessThan(500)
  if (['create', 'batch', 'import'].includes(op) && status < 300) ids.push(made)
}

describe('what stands against the quota', () => {
  test('is the sum of the rows after any writes, one after the other', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
        const ann = newUser(service())
        const ids: string[] = []
        await ann.create()
        for (const one of steps) await perform(ann, ids, one)
        await ann.create()
        const { kept, counted } = await countOf(ann)
        expect(kept).toBe(counted)
      }),
      { numRuns: 15 },
    )
  })

  test('and after writes at the same time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 40 }), async (steps) => {
        const ann = newUser(service())
        const ids = [(await ann.create()).id, (await ann.create()).id]
        for (let at = 0; at < steps.length; at += 10)
          await Promise.all(steps.slice(at, at + 10).map((one) => perform(ann, ids, one)))
        await ann.create()
        const { kept, counted } = await countOf(ann)
        expect(kept).toBe(counted)
      }),
      { numRuns: 8 },
    )
  })

  test('is counted right where nothing was counted, by many writes at once', async () => {
    for (let round = 0; round < 15; round++) {
      const ann = newUser(service())
      await ann.create()
      await forgetCount(ann)
      await Promise.all(Array.from({ length: 12 }, () => ann.create({ description: 'x'.repeat(100) })))
      const { kept, counted } = await countOf(ann)
      expect(kept).toBe(counted)
    }
  })
})
