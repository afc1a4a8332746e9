import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { databases } from '../kit/boot.ts'
import { type List, listsOf } from '../kit/lists.ts'
import { useService } from '../kit/service.ts'
import { newUser, type Task, type User } from '../kit/user.ts'
import { ListsModel, type Step } from './lists-model.ts'
import { begin, expectSound, Ids, move, operationOf, send } from './lists-steps.ts'

/** For each property over each database. */
const RUNS = { numRuns: 60 }
/** No run begins after this. fast-check's own limit would also abandon the one under way. */
const TIME_MS = 8000

const act = fc.oneof(
  { weight: 6, arbitrary: move.map((one) => [one]) },
  { weight: 1, arbitrary: fc.array(move, { minLength: 2, maxLength: 6 }) },
)

/** A copy of a user's tasks and lists that is kept by `changes` alone. */
class Replica {
  readonly rows = new Map<string, Task | List>()
  since = 0
  constructor(
    readonly user: User,
    readonly limit: number,
  ) {}

  async pull(): Promise<boolean> {
    const page = await this.user.changes(`?since=${this.since}&limit=${this.limit}`)
    const both = [...page.changes, ...page.lists].toSorted((a, b) => a.revision - b.revision)
    for (const row of both) {
      expect(row.revision).toBeGreaterThan(this.since)
      this.rows.set(row.id, row)
    }
    expect(page.next).toBe(both.at(-1)?.revision ?? this.since)
    this.since = page.next
    return page.more
  }

  async expectExact(): Promise<void> {
    while (await this.pull());
    const byId = (rows: (Task | List)[]) => rows.toSorted((a, b) => (a.id < b.id ? -1 : 1))
    const lists = listsOf(this.user)
    const withoutNumbers = ({ pending: _, completed: __, ...list }: Awaited<ReturnType<typeof lists.all>>[number]) =>
      list
    const live = [...this.rows.values()].filter(({ deleted_at }) => deleted_at === null)
    expect(byId(live)).toEqual(byId([...(await this.user.list()), ...(await lists.all()).map(withoutNumbers)]))
    const trash = [...this.rows.values()].filter(
      (row) => row.deleted_at !== null && ('title' in row ? row.title : row.name) !== '',
    )
    expect(byId(trash)).toEqual(byId([...(await this.user.trash()), ...(await lists.trash()).map(withoutNumbers)]))
  }
}

describe.each(databases)('lists and parts over %s', (kind) => {
  const service = useService(kind)

  test('any operations on them equal a counter and two maps, and followers end with the same', async () => {
    const end = Date.now() + TIME_MS
    await fc.assert(
      fc.asyncProperty(
        fc.array(act, { minLength: 5, maxLength: 30 }),
        fc.integer({ min: 1, max: 7 }),
        async (acts, limit) => {
          if (Date.now() > end) return
          const user = newUser(service())
          const ids = new Ids()
          const model = new ListsModel()
          const replica = new Replica(user, limit)
          // The last row that is made tells where the service's counter begins.
          const start = (await begin(user, ids, model)) - model.revision
          const current = (id: string) => (model.tasks.get(id) ?? model.lists.get(id))?.revision
          const shifted = (step: Step): Step =>
            step.if_revision === undefined ? step : { ...step, if_revision: start + step.if_revision }
          const known = new Map<string, number>()
          const see = () => {
            for (const id of [...model.tasks.keys(), ...model.lists.keys()])
              if (known.size % 2 === 0 || !known.has(id)) known.set(id, current(id) ?? 0)
          }

          for (const moves of acts) {
            const steps = moves.map((given): Step => {
              const step = ids.stepOf(given)
              return given.guarded ? { ...step, if_revision: known.get(step.id) } : step
            })
            const [only] = steps
            const operations = steps.flatMap((step) => operationOf(shifted(step)) ?? [])
            if (steps.length === 1 && only) {
              const expected = model.run(only)
              const answer = await send(user, shifted(only))
              expect([only, answer.status]).toEqual([only, expected])
              // Half of the revisions that a guarded write names are over by then.
              if (expected < 300 && only.completed) known.set(only.id, current(only.id) ?? 0)
            } else if (operations.length === steps.length) {
              const trial = new ListsModel()
              Object.assign(trial, structuredClone({ ...model }))
              const refused = steps.map((step) => trial.run(step)).find((status) => status >= 400)
              const answer = await user.send('POST', '/batch', { operations })
              expect([steps, answer.status]).toEqual([steps, refused ?? 200])
              if (refused === undefined) Object.assign(model, trial)
            }
            if (moves.some(({ guarded }) => guarded)) see()
            await replica.pull()
          }

          const { changes, lists, next } = await user.changes()
          expect(next).toBe(start + model.revision)
          expect(
            changes.map((task) => [
              task.id,
              task.title,
              task.completed,
              task.list_id,
              task.parent_id,
              task.revision - start,
              task.deleted_at !== null,
            ]),
          ).toEqual(
            [...model.tasks]
              .toSorted(([, a], [, b]) => a.revision - b.revision)
              .map(([id, { name, completed, list, parent, revision, place }]) => [
                id,
                name,
                completed,
                list,
                parent,
                revision,
                place !== 'hand',
              ]),
          )
          expect(lists.map((list) => [list.id, list.name, list.revision - start, list.deleted_at !== null])).toEqual(
            [...model.lists]
              .toSorted(([, a], [, b]) => a.revision - b.revision)
              .map(([id, { name, revision, place }]) => [id, name, revision, place !== 'hand']),
          )
          await replica.expectExact()
          await expectSound(user)
        },
      ),
      RUNS,
    )
  })

  test('writers that all write at once leave nothing that refers to what is gone, and a follower has all of it', async () => {
    const end = Date.now() + TIME_MS
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(move, { minLength: 3, maxLength: 10 }), { minLength: 2, maxLength: 5 }),
        fc.integer({ min: 1, max: 5 }),
        async (writers, limit) => {
          if (Date.now() > end) return
          const user = newUser(service())
          const ids = new Ids()
          await begin(user, ids)
          const replica = new Replica(user, limit)
          let writing = true
          const following = (async () => {
            while (writing) await replica.pull()
          })()
          await Promise.all(
            writers.map(async (moves) => {
              for (const given of moves) expect((await send(user, ids.stepOf(given))).status).toBeLessThan(500)
            }),
          )
          writing = false
          await following
          await replica.expectExact()
          await expectSound(user)
        },
      ),
      { numRuns: 25 },
    )
  })

  test('whatever was done, each change by If-Match can be undone by If-Match', async () => {
    const end = Date.now() + TIME_MS
    await fc.assert(
      fc.asyncProperty(fc.array(move, { minLength: 5, maxLength: 30 }), async (moves) => {
        if (Date.now() > end) return
        const user = newUser(service())
        const ids = new Ids()
        await begin(user, ids)
        for (const given of moves) {
          const step = ids.stepOf(given)
          const before =
            step.op === 'update' ? await user.get(step.id).then((found) => (found.ok ? found.json() : null)) : null
          const answer = await send(user, step)
          if (!before || !answer.ok) continue
          const { revision } = (await answer.json()) as Task
          const undone = await user.put(step.id, before, { 'if-match': `"${revision}"` })
          const { revision: _, updated_at: __, ...kept } = before as Task
          expect(await undone.json()).toMatchObject(kept)
        }
        await expectSound(user)
      }),
      RUNS,
    )
  })
})
