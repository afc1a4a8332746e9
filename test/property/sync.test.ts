import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Task } from '../../src/tasks/model.ts'
import { databases } from '../kit/boot.ts'
import { useService } from '../kit/service.ts'
import { newUser, type User } from '../kit/user.ts'
import { operationOf, type Step, SyncModel, send, shifted } from './sync-model.ts'

const SLOTS = 5
const CLIENTS = 3
/** For each property over each database. */
const RUNS = { numRuns: 40 }
/** No run begins after this. fast-check's own limit would also abandon the one under way. */
const TIME_MS = 6000

/** What a client does; a guarded step names the revision that the client itself has last seen of the task. */
interface Move {
  client: number
  op: Step['op']
  slot: number
  title: string
  completed: boolean | undefined
  guarded: boolean
}

const move: fc.Arbitrary<Move> = fc.record({
  client: fc.nat(CLIENTS - 1),
  op: fc.constantFrom('create', 'create', 'update', 'complete', 'delete', 'restore', 'purge'),
  slot: fc.nat(SLOTS - 1),
  title: fc.constantFrom('a', 'b', 'c'),
  completed: fc.constantFrom(undefined, true, false),
  guarded: fc.boolean(),
})
const act = fc.oneof(
  { weight: 8, arbitrary: move.map((one) => ({ kind: 'one' as const, moves: [one] })) },
  {
    weight: 2,
    arbitrary: fc.array(move, { minLength: 1, maxLength: 5 }).map((moves) => ({ kind: 'batch' as const, moves })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'deleteCompleted' as const, moves: [] as Move[] }) },
)
/** A reader of `changes` and nothing else, that begins at some time and takes a page after every act. */
const follower = fc.record({ from: fc.nat(20), limit: fc.integer({ min: 1, max: 7 }) })

/** A copy of a user's tasks that is kept by `changes` alone. */
class Replica {
  readonly tasks = new Map<string, Task>()
  since = 0
  constructor(
    readonly user: User,
    readonly limit: number,
  ) {}

  /** One page; whether there is more. */
  async pull(): Promise<boolean> {
    const { changes, next, more } = await this.user.changes(`?since=${this.since}&limit=${this.limit}`)
    expect(changes.map(({ revision }) => revision)).toEqual(
      changes.map(({ revision }) => revision).toSorted((a, b) => a - b),
    )
    // A feed that repeats changes would make this endless.
    if (more) expect(next).toBeGreaterThan(this.since)
    for (const task of changes) {
      expect(task.revision).toBeGreaterThan(this.since)
      this.tasks.set(task.id, task)
    }
    this.since = next
    return more
  }

  async catchUp(): Promise<void> {
    while (await this.pull());
  }

  /** Compares the copy with the server's tasks, field by field. */
  async expectExact(): Promise<void> {
    const byId = (tasks: Iterable<Task>) => [...tasks].toSorted((a, b) => (a.id < b.id ? -1 : 1))
    const at = byId([...this.tasks.values()].filter(({ deleted_at }) => deleted_at === null))
    expect(at).toEqual(byId(await this.user.list()))
    const trash = await this.user.trash()
    // Beside the trash, only tombstones are deleted; a title is never empty otherwise.
    const deleted = [...this.tasks.values()].filter(({ deleted_at, title }) => deleted_at !== null && title !== '')
    expect(byId(deleted)).toEqual(byId(trash))
  }
}

describe.each(databases)('sync over %s', (kind) => {
  const service = useService(kind)

  test('any interleaving of several clients equals a counter and a map, and followers end with the same', async () => {
    const end = Date.now() + TIME_MS
    await fc.assert(
      fc.asyncProperty(
        fc.array(act, { maxLength: 25 }),
        fc.array(follower, { minLength: 1, maxLength: 2 }),
        async (acts, followers) => {
          if (Date.now() > end) return
          const user = newUser(service())
          const model = new SyncModel()
          const ids = Array.from({ length: SLOTS }, () => crypto.randomUUID())
          /** Where the service's counter begins: the first task that is made tells. */
          let start: number | undefined
          const seen = Array.from({ length: CLIENTS }, () => new Map<string, number>())
          const replicas = followers.map(({ from, limit }) => ({ from, replica: new Replica(user, limit) }))
          const stepOf = ({ client, op, slot, title, completed, guarded }: Move): Step => {
            const id = ids[slot] ?? ''
            return { op, id, title, completed, if_revision: guarded ? seen[client]?.get(id) : undefined }
          }

          for (const [at, { kind: what, moves }] of acts.entries()) {
            if (what === 'deleteCompleted') {
              const answer = await user.send('DELETE', '/tasks?status=completed')
              expect(await answer.json()).toEqual({ deleted: model.deleteCompleted() })
            } else if (what === 'one') {
              for (const one of moves) {
                const step = stepOf(one)
                const expected = model.run(step)
                const answer = await send(user, shifted(step, start ?? 0))
                expect([step, answer.status]).toEqual([step, expected])
                const text = await answer.text()
                if (answer.ok) start ??= (JSON.parse(text) as Task).revision - 1
                const { revision } = model.tasks.get(step.id) ?? {}
                if (expected < 300 && revision !== undefined) seen[one.client]?.set(step.id, revision)
              }
            } else {
              const steps = moves.map(stepOf).filter((step) => operationOf(step) !== undefined)
              if (steps.length === 0) continue
              const expected = model.runAll(steps)
              const operations = steps.map((step) => operationOf(shifted(step, start ?? 0)))
              const answer = await user.send('POST', '/batch', { operations })
              expect([steps, answer.status]).toEqual([steps, expected])
              const { results } = (await answer.json()) as { results?: { task: Task }[] }
              const first = results?.[0]?.task.revision
              if (first !== undefined) start ??= first - 1
            }
            for (const { from, replica } of replicas) if (at >= from) await replica.pull()
          }

          const { changes, next } = await user.changes()
          expect(next).toBe(start === undefined ? 0 : start + model.revision)
          expect(
            changes.map(({ id, title, completed, revision, deleted_at }) => [
              id,
              title,
              completed,
              revision - (start ?? 0),
              deleted_at !== null,
            ]),
          ).toEqual(
            [...model.tasks]
              .toSorted(([, a], [, b]) => a.revision - b.revision)
              .map(([id, { title, completed, revision, place }]) => [
                id,
                title,
                completed,
                revision,
                place !== 'tasks',
              ]),
          )
          for (const { replica } of replicas) {
            await replica.catchUp()
            await replica.expectExact()
          }
        },
      ),
      RUNS,
    )
  })

  test('a follower of writers that all write at once ends with exactly the server’s state', async () => {
    const end = Date.now() + TIME_MS
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(move, { minLength: 1, maxLength: 8 }), { minLength: 2, maxLength: 5 }),
        fc.integer({ min: 1, max: 5 }),
        async (writers, limit) => {
          if (Date.now() > end) return
          const user = newUser(service())
          const ids = Array.from({ length: SLOTS }, () => crypto.randomUUID())
          const replica = new Replica(user, limit)
          let writing = true
          const following = (async () => {
            while (writing) await replica.pull()
          })()
          const revisions: number[] = []
          await Promise.all(
            writers.map(async (moves) => {
              for (const { op, slot, title, completed } of moves) {
                const answer = await send(user, { op, id: ids[slot] ?? '', title, completed })
                expect(answer.status).toBeLessThan(500)
                const text = await answer.text()
                if (answer.ok && text !== '') revisions.push((JSON.parse(text) as Task).revision)
              }
            }),
          )
          writing = false
          await following
          expect(new Set(revisions).size).toBe(revisions.length)
          await replica.catchUp()
          await replica.expectExact()
        },
      ),
      RUNS,
    )
  })
})
