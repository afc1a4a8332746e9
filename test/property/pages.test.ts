import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Task } from '../../src/tasks/model.ts'
import { databases } from '../kit/boot.ts'
import { useService } from '../kit/service.ts'
import { newUser, nextPage } from '../kit/user.ts'

/** No run begins after this. */
const TIME_MS = 5000

const sorts = ['created_at', 'updated_at', 'due_date', 'priority', 'title', 'position'] as const

const fields = fc.record({
  title: fc.constantFrom('a', 'A', 'b', 'ä', 'Ω'),
  priority: fc.constantFrom('low', 'medium', 'high'),
  due_date: fc.constantFrom(null, '2026-11-20', '2026-11-20T09:00:00Z', '2026-11-21'),
  position: fc.constantFrom(-1, 0, 1, 2.5),
})

describe.each(databases)('pages over %s', (kind) => {
  const service = useService(kind)

  test('never skip or repeat a task that stands still, whatever comes and goes meanwhile', async () => {
    const end = Date.now() + TIME_MS
    await fc.assert(
      fc.asyncProperty(
        fc.array(fields, { minLength: 1, maxLength: 12 }),
        fc.array(fields, { maxLength: 8 }),
        fc.array(fields, { maxLength: 12 }),
        fc.constantFrom(...sorts),
        fc.boolean(),
        fc.integer({ min: 1, max: 5 }),
        async (still, leaving, coming, sort, descending, limit) => {
          if (Date.now() > end) return
          const user = newUser(service())
          // In turns, so that tasks of each kind stand between the others.
          const all = [
            ...still.map((task) => ({ task, stays: true })),
            ...leaving.map((task) => ({ task, stays: false })),
          ]
          const made = await user.batch(
            all
              .toSorted((a, b) => a.task.title.localeCompare(b.task.title))
              .map(({ task, stays }) => ({
                op: 'create',
                task: { ...task, tags: [stays ? 'stays' : 'leaves'] },
              })),
          )
          const staying = made.filter(({ task }) => task.tags.includes('stays')).map(({ task }) => task.id)
          const goes = made.filter(({ task }) => task.tags.includes('leaves')).map(({ task }) => task.id)

          const query = `sort=${descending ? '-' : ''}${sort}`
          const told: Task[] = []
          for (let next: string | undefined = `${user.base}/tasks?${query}&limit=${limit}`; next !== undefined; ) {
            const [fresh, gone] = [coming.pop(), goes.pop()]
            const [response] = await Promise.all([
              service().request(user.id, 'GET', next),
              fresh && user.create(fresh),
              gone && user.remove(gone),
            ])
            expect(response.status).toBe(200)
            const page = (await response.json()) as Task[]
            told.push(...page)
            next = nextPage(response)
            if (next !== undefined) expect(page.length).toBe(limit)
          }

          const stood = told.map(({ id }) => id).filter((id) => staying.includes(id))
          const order = (await user.list(`?${query}&tag=stays`)).map(({ id }) => id)
          expect(stood).toEqual(order)
          expect(order.toSorted()).toEqual(staying.toSorted())
          // A task made meanwhile may be listed or not, but none is listed twice.
          expect(new Set(told.map(({ id }) => id)).size).toBe(told.length)
        },
      ),
      { numRuns: 60 },
    )
  })
})
