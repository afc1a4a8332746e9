import type { User } from '../kit/user.ts'

export type Place = 'tasks' | 'trash' | 'purged'

export interface Entry {
  title: string
  completed: boolean
  revision: number
  place: Place
}

/** One operation on the task in a slot; `if_revision` as the batch has it. */
export interface Step {
  op: 'create' | 'update' | 'complete' | 'delete' | 'restore' | 'purge'
  id: string
  title: string
  completed?: boolean | undefined
  if_revision?: number | undefined
}

/**
 * What the contract says of one user's tasks, in a few lines: a counter and a map. The model counts from 0, the
 * service from its clock: `shifted` puts the revisions of the one into those of the other.
 */
export class SyncModel {
  revision = 0
  tasks = new Map<string, Entry>()

  /** Does the step and gives its status. A refused step changes nothing. */
  run({ op, id, title, completed, if_revision }: Step): number {
    const entry = this.tasks.get(id)
    if (op === 'create') {
      if (entry) return 409
      this.#put(id, { title, completed: completed ?? false, place: 'tasks' })
      return 201
    }
    if (entry?.place !== (op === 'restore' || op === 'purge' ? 'trash' : 'tasks')) return 404
    if (if_revision !== undefined && if_revision !== entry.revision) return 412
    if (op === 'update') this.#put(id, { ...entry, title })
    if (op === 'complete') this.#put(id, { ...entry, completed: completed ?? !entry.completed })
    if (op === 'delete') this.#put(id, { ...entry, place: 'trash' })
    if (op === 'restore') this.#put(id, { ...entry, place: 'tasks' })
    if (op === 'purge') this.#put(id, { ...entry, title: '', place: 'purged' })
    return op === 'delete' || op === 'purge' ? 204 : 200
  }

  /** All of them or none: the status of the batch. */
  runAll(steps: Step[]): number {
    const before = { revision: this.revision, tasks: new Map(this.tasks) }
    for (const step of steps) {
      const status = this.run(step)
      if (status >= 400) {
        Object.assign(this, before)
        return status
      }
    }
    return 200
  }

  deleteCompleted(): number {
    const completed = [...this.tasks].filter(([, { place, completed }]) => place === 'tasks' && completed)
    for (const [id, entry] of completed.toSorted(([, a], [, b]) => a.revision - b.revision))
      this.#put(id, { ...entry, place: 'trash' })
    return completed.length
  }

  #put(id: string, entry: Omit<Entry, 'revision'>): void {
    this.tasks.set(id, { ...entry, revision: ++this.revision })
  }
}

/** The same step with the revision that a counter has which begins at `start`. */
export const shifted = (step: Step, start: number): Step =>
  step.if_revision === undefined ? step : { ...step, if_revision: start + step.if_revision }

/** The same step by its own endpoint. */
export function send(user: User, { op, id, title, completed, if_revision }: Step): Promise<Response> {
  const headers: Record<string, string> = if_revision === undefined ? {} : { 'if-match': `"${if_revision}"` }
  const given = completed === undefined ? {} : { completed }
  if (op === 'create') return user.send('POST', '/tasks', { id, title, ...given })
  if (op === 'update') return user.send('PUT', `/tasks/${id}`, { title }, headers)
  if (op === 'complete') return user.send('PATCH', `/tasks/${id}/complete`, given, headers)
  if (op === 'delete') return user.send('DELETE', `/tasks/${id}`, undefined, headers)
  if (op === 'restore') return user.send('POST', `/tasks/${id}/restore`, undefined, headers)
  return user.send('DELETE', `/trash/${id}`, undefined, headers)
}

/** The same step as a batch has it; undefined for what a batch cannot do. */
export function operationOf({ op, id, title, completed, if_revision }: Step): object | undefined {
  if (op === 'purge') return undefined
  return {
    op,
    id,
    ...(op === 'create' ? { task: { title, ...(completed === undefined ? {} : { completed }) } } : { if_revision }),
    ...(op === 'update' ? { task: { title } } : {}),
    ...(op === 'complete' ? { completed } : {}),
  }
}
