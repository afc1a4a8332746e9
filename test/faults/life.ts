import { isDeepStrictEqual } from 'node:util'
import type { Task } from '../../src/tasks/model.ts'
import type { Answer } from './connection.ts'

export interface Ask {
  readonly method: string
  readonly path: string
  readonly body?: object
  readonly headers?: Record<string, string>
}

/** How many tasks a user has at once. */
const TASKS = 3

/** Reads of all tasks after each creation. Of ten requests, seven read. */
const READS = 2

/** Tombstones of purged tasks accumulate: after so many turns the user is erased. */
const ERASED_EVERY = 20

/**
 * What one user asks for, without an end: makes a few tasks, lists and reads them, changes, deletes and purges them,
 * so that there is never more than that. Whoever sends it gives back each answer.
 *
 * @param phase how often the first task is read at first: lives that begin at once should not go on in step.
 * @throws Error at the next request when an answer differed from the expected one in anything.
 */
export function* live(user: string, phase: number): Generator<Ask, never, Answer> {
  const root = `/api/${user}`
  const one = ({ id }: Task) => `${root}/tasks/${id}`
  const counter: Counter = { revision: 0, isNew: true }
  for (let turn = 0; ; turn++) {
    if (turn % ERASED_EVERY === 0) {
      expectStatus(yield { method: 'DELETE', path: `${root}?confirm=${user}` }, 204)
      counter.isNew = true
    }
    const tasks: Task[] = []
    for (let made = 1; made <= TASKS; made++) {
      const fields = { title: `Task ${made} of ${user}`, priority: 'high' as const, tags: ['home', 'load'] }
      const task = read<Task>(yield { method: 'POST', path: `${root}/tasks`, body: fields }, 201)
      expectChange(task, { ...task, ...fields, user_id: user, completed: false }, counter)
      tasks.push(task)
      for (let round = turn + made === 1 ? READS - phase : 0; round < READS; round++) {
        const list = yield { method: 'GET', path: `${root}/tasks?limit=50` }
        expectEqual(byRevision(read<Task[]>(list, 200)), tasks)
        const again = { 'if-none-match': list.etag ?? '' }
        expectStatus(yield { method: 'GET', path: `${root}/tasks?limit=50`, headers: again }, 304)
        for (const each of tasks) expectEqual(read(yield { method: 'GET', path: one(each) }, 200), each)
      }
    }
    const before = counter.revision
    const changes: [Ask['method'], string, object, Partial<Task>][] = [
      ['PUT', '', { title: 'Another title' }, { title: 'Another title' }],
      ['PATCH', '', { description: 'Words' }, { description: 'Words' }],
      ['PATCH', '/complete', { completed: true }, { completed: true }],
    ]
    for (const [at, [method, path, body, expected]] of changes.entries()) {
      const task = tasks[at % TASKS] as Task
      const changed = read<Task>(yield { method, path: one(task) + path, body }, 200)
      expectChange(changed, { ...task, ...expected, completed_at: changed.completed_at }, counter)
      tasks[at % TASKS] = changed
    }
    const feed = yield { method: 'GET', path: `${root}/changes?since=${before}` }
    expectEqual(read(feed, 200), { changes: byRevision(tasks), lists: [], next: counter.revision, more: false })
    for (const task of tasks) {
      expectStatus(yield { method: 'DELETE', path: one(task) }, 204)
      expectStatus(yield { method: 'GET', path: one(task) }, 404)
      expectStatus(yield { method: 'DELETE', path: `${root}/trash/${task.id}` }, 204)
      counter.revision += 2
    }
  }
}

interface Counter {
  /** Of the user's last write. */
  revision: number
  /** Whether everything has been erased since: the next history begins at the clock. */
  isNew: boolean
}

/** A write's answer: as expected, and the user's next revision; the first after an erasure is any greater one. */
function expectChange(task: Task, expected: Task, counter: Counter): void {
  counter.revision = counter.isNew ? Math.max(counter.revision + 1, task.revision) : counter.revision + 1
  counter.isNew = false
  expectEqual(task, { ...expected, revision: counter.revision, updated_at: task.updated_at })
}

function expectStatus({ status, body }: Answer, expected: number): void {
  if (status !== expected) throw new Error(`${status} rather than ${expected}: ${codeIn(body)}`)
}

function expectEqual(value: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(value, expected))
    throw new Error(`${JSON.stringify(value)} rather than ${JSON.stringify(expected)}`)
}

function read<T>(answer: Answer, status: number): T {
  expectStatus(answer, status)
  return JSON.parse(answer.body) as T
}

function byRevision(tasks: readonly Task[]): Task[] {
  return tasks.toSorted((a, b) => a.revision - b.revision)
}

function codeIn(body: string): string {
  return /"code":"([\w-]+)"/.exec(body)?.[1] ?? body.slice(0, 200)
}
