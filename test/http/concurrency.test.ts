import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { ifMatch, newUser, type Task, taskOf, type User } from '../kit/user.ts'

const WRITERS = 50
const ROUNDS = 4

const times = <T>(count: number, each: (i: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, i) => each(i)))

/** One of four kinds of write. Each writer sends all of them, one after another. */
function write(ann: User, id: string, writer: number, round: number): Promise<Response> {
  switch ((writer + round) % 4) {
    case 0:
      return ann.post({ title: `by ${writer}` })
    case 1:
      return ann.put(id, { title: `by ${writer}` })
    case 2:
      return ann.complete(id)
    default:
      return writer % 3 === 0 ? ann.delete(id) : ann.patch(id, { tags: [`${writer}`] })
  }
}

describe.each(databases)('concurrent writers over %s', (kind) => {
  const service = useService(kind)

  test('creates, updates and deletes of one user leave neither a hole nor a twin among the revisions', async () => {
    const ann = newUser(service())
    const made = await times(10, () => ann.create())
    const targets = made.map(({ id }) => id)
    const before = Math.max(...made.map(({ revision }) => revision))
    const revisions: number[] = []
    let [deleted, refused] = [0, 0]
    await times(WRITERS, async (writer) => {
      for (let round = 0; round < ROUNDS; round++) {
        // All writers change the same few tasks, while others delete them.
        const response = await write(ann, targets[(3 * writer + 2 * round) % targets.length] ?? '', writer, round)
        if (response.status === 204) deleted++
        else if (response.status === 404) {
          await expectProblem(response, 404, 'task-not-found')
          refused++
        } else revisions.push((await taskOf(response, response.status === 201 ? 201 : 200)).revision)
      }
    })
    // A 204 does not tell its revision, but each raised the counter by one.
    const counter = await ann.revision()
    expect(deleted).toBeGreaterThan(0)
    expect(deleted).toBeLessThanOrEqual(targets.length)
    expect(deleted + refused + revisions.length).toBe(WRITERS * ROUNDS)
    expect(new Set(revisions).size).toBe(revisions.length)
    expect(Math.min(...revisions)).toBeGreaterThan(before)
    expect(Math.max(...revisions)).toBeLessThanOrEqual(counter)
    expect(before + revisions.length + deleted).toBe(counter)
    const last = Math.max(...(await ann.list()).map(({ revision }) => revision))
    expect(last).toBe(counter + 1)
  })

  test('of concurrent edits with one If-Match exactly one goes through', async () => {
    const ann = newUser(service())
    const task = await ann.create()
    const answers = await times(WRITERS, (i) => ann.put(task.id, { title: `Edit ${i}` }, ifMatch(task.revision)))
    const winners: Task[] = []
    for (const response of answers)
      if (response.ok) winners.push(await taskOf(response))
      else await expectProblem(response, 412, 'revision-mismatch')
    expect(winners).toHaveLength(1)
    expect(await ann.read(task.id)).toEqual(winners[0] as Task)
    expect(await ann.revision()).toBe(task.revision + 1)
  })

  test('concurrent toggles are each counted once', async () => {
    const ann = newUser(service())
    const { id, revision: first } = await ann.create()
    const answers = await times(WRITERS + 1, async () => taskOf(await ann.complete(id)))
    answers.sort((a, b) => a.revision - b.revision)
    for (const [i, { completed, revision }] of answers.entries())
      expect({ completed, revision }).toEqual({ completed: i % 2 === 0, revision: first + i + 1 })
    expect((await ann.read(id)).completed).toBe(true)
  })

  test('concurrent changes of different fields are all kept', async () => {
    const ann = newUser(service())
    const { id } = await ann.create()
    const fields = { title: 'T', description: 'D', priority: 'high', due_date: '2026-11-24', tags: ['t'], position: 9 }
    await Promise.all(Object.entries(fields).map(async ([name, value]) => taskOf(await ann.put(id, { [name]: value }))))
    expect(await ann.read(id)).toMatchObject(fields)
  })

  test('of concurrent deletions exactly one goes through, and of concurrent creations with one id', async () => {
    const ann = newUser(service())
    const { id, revision } = await ann.create()
    const deletions = await times(WRITERS, async () => (await ann.delete(id)).status)
    expect(deletions.sort().filter((status) => status !== 404)).toEqual([204])
    const chosen = crypto.randomUUID()
    const creations = await times(WRITERS, async () => (await ann.post({ id: chosen, title: 'x' })).status)
    expect(creations.sort().filter((status) => status !== 409)).toEqual([201])
    expect(await ann.revision()).toBe(revision + 2)
  })
})
