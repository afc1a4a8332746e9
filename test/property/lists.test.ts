import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { databases } from '../kit/boot.ts'
import { type List, listsOf } from '../kit/lists.ts'
import { useService } from '../kit/service.ts'
import { newUser, type Task, type User } from '../kit/user.ts'
import { ListsModel, type Op, type Step } from './lists-model.ts'

const LISTS = 2
const TASKS = 5
/** For each property over each database. */
const RUNS = { numRuns: 60 }
/** No run begins after this. fast-check's own limit would also abandon the one under way. */
const TIME_MS = 8000

interface Move {
  op: Op
  slot: number
  name: string
  completed: boolean
  /** Null: none. Undefined: the field is left out. */
  list: number | null | undefined
  parent: number | null | undefined
  /** Whether the write names the revision that the last answer about this row had. */
  guarded: boolean
}

/** Where each run begins: two lists, a parent in one of them with a part in each, and a parent in no list. */
const BEGINNING: Move[] = [
  ...[0, 1].map((slot) => ({ op: 'create_list' as const, slot })),
  { op: 'create' as const, slot: 0, list: 0 },
  { op: 'create' as const, slot: 1, list: 0, parent: 0 },
  { op: 'create' as const, slot: 2, list: 1, parent: 0 },
  { op: 'create' as const, slot: 3 },
  { op: 'create' as const, slot: 4, parent: 3 },
].map((given) => ({ name: 'a', completed: false, list: undefined, parent: undefined, guarded: false, ...given }))

const one = (max: number) => fc.nat(max - 1)
const move: fc.Arbitrary<Move> = fc.record({
  op: fc.constantFrom<Op[]>(
    'create_list',
    'update_list',
    'delete_list',
    'delete_list',
    'restore_list',
    'restore_list',
    'restore_list',
    'purge_list',
    'create',
    'update',
    'update',
    'update',
    'complete',
    'delete',
    'delete',
    'restore',
    'restore',
    'purge',
    'clear',
  ),
  slot: one(TASKS),
  name: fc.constantFrom('a', 'b', 'c'),
  completed: fc.boolean(),
  list: fc.oneof(one(LISTS), one(LISTS), fc.constantFrom(null, undefined)),
  parent: fc.oneof(one(TASKS), fc.constantFrom(null, undefined, undefined)),
  guarded: fc.boolean(),
})
const act = fc.oneof(
  { weight: 6, arbitrary: move.map((one) => [one]) },
  { weight: 1, arbitrary: fc.array(move, { minLength: 2, maxLength: 6 }) },
)

/** Tells the ids of a run apart: a slot is a list for some operations and a task for others. */
class Ids {
  readonly lists = Array.from({ length: LISTS }, () => crypto.randomUUID() as string)
  readonly tasks = Array.from({ length: TASKS }, () => crypto.randomUUID() as string)

  stepOf({ op, slot, name, completed, list, parent }: Move): Step {
    const id = op.endsWith('_list') ? this.lists[slot % LISTS] : this.tasks[slot]
    return {
      op,
      id: id ?? '',
      name,
      completed,
      list: typeof list === 'number' ? this.lists[list] : list,
      parent: typeof parent === 'number' ? this.tasks[parent] : parent,
    }
  }
}

const fieldsOf = ({ op, name, completed, list, parent }: Step) =>
  op.endsWith('_list')
    ? { name }
    : {
        title: name,
        ...(op === 'create' && { completed }),
        ...(list !== undefined && { list_id: list }),
        ...(parent !== undefined && { parent_id: parent }),
      }

/** The step by its own endpoint. */
function send(user: User, step: Step): Promise<Response> {
  const { op, id, completed, if_revision } = step
  const headers: Record<string, string> = if_revision === undefined ? {} : { 'if-match': `"${if_revision}"` }
  const lists = listsOf(user)
  const all: Record<Op, () => Promise<Response>> = {
    create_list: () => lists.post({ id, ...fieldsOf(step) }),
    update_list: () => lists.put(id, fieldsOf(step), headers),
    delete_list: () => lists.delete(id, headers),
    restore_list: () => lists.restore(id, headers),
    purge_list: () => lists.purge(id, headers),
    create: () => user.post({ id, ...fieldsOf(step) }),
    update: () => user.put(id, fieldsOf(step), headers),
    complete: () => user.complete(id, { completed }, headers),
    delete: () => user.delete(id, headers),
    restore: () => user.send('POST', `/tasks/${id}/restore`, undefined, headers),
    purge: () => user.send('DELETE', `/trash/${id}`, undefined, headers),
    clear: () => user.send('DELETE', '/tasks?status=completed'),
  }
  return all[op]()
}

/** The step as a batch has it; undefined for what a batch cannot do. */
function operationOf(step: Step): object | undefined {
  const { op, id, completed, if_revision } = step
  if (op === 'purge' || op === 'purge_list' || op === 'clear') return undefined
  const isNew = op === 'create' || op === 'create_list'
  const member = op.endsWith('_list') ? 'list' : 'task'
  return {
    op,
    id,
    ...(!isNew && { if_revision }),
    ...((isNew || op.startsWith('update')) && { [member]: fieldsOf(step) }),
    ...(op === 'complete' && { completed }),
  }
}

/** Makes the beginning. @returns the counter after it. */
async function begin(user: User, ids: Ids, model = new ListsModel()): Promise<number> {
  const steps = BEGINNING.map((given) => ids.stepOf(given))
  const answer = await user.send('POST', '/batch', { operations: steps.map(operationOf) })
  expect([answer.status, ...steps.map((step) => model.run(step))]).toEqual([200, ...steps.map(() => 201)])
  return (await user.changes()).next
}

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

/** Whatever has happened: what is at hand refers to nothing that is not, and parts have no parts. */
async function expectSound(user: User): Promise<void> {
  const tasks = new Map((await user.list()).map((task) => [task.id, task]))
  const lists = new Map((await listsOf(user).all()).map((list) => [list.id, list]))
  const numbers = new Map([...lists.keys()].map((id) => [id, { pending: 0, completed: 0 }]))
  for (const { list_id, parent_id, completed } of tasks.values()) {
    if (parent_id !== null) expect(tasks.get(parent_id)).toMatchObject({ parent_id: null })
    if (list_id === null) continue
    const of = numbers.get(list_id)
    expect(of).toBeDefined()
    if (of) of[completed ? 'completed' : 'pending']++
  }
  for (const [id, { pending, completed }] of lists) expect(numbers.get(id)).toEqual({ pending, completed })
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
