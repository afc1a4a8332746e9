export type Place = 'hand' | 'trash' | 'gone'

interface Row {
  name: string
  place: Place
  revision: number
}

export interface TaskRow extends Row {
  completed: boolean
  list: string | null
  parent: string | null
  /** The list or the parent with which it went to the trash. */
  with: string | null
  /** Whether it has ever had a part. */
  hadParts: boolean
}

export type Op =
  | 'create_list'
  | 'update_list'
  | 'delete_list'
  | 'restore_list'
  | 'purge_list'
  | 'create'
  | 'update'
  | 'complete'
  | 'delete'
  | 'restore'
  | 'purge'
  | 'clear'

export interface Step {
  op: Op
  id: string
  name: string
  completed: boolean
  /** Undefined: not among the fields. */
  list?: string | null | undefined
  parent?: string | null | undefined
  if_revision?: number | undefined
}

/**
 * What the contract says of a user's lists, tasks and parts: a counter and two maps. The model counts from 0, the
 * service from its clock.
 */
export class ListsModel {
  revision = 0
  tasks = new Map<string, TaskRow>()
  lists = new Map<string, Row>()

  /** Does the step and gives its status. A refused step changes nothing. */
  run(step: Step): number {
    if (step.op === 'clear') {
      this.#clear()
      return 200
    }
    return step.op.endsWith('_list') ? this.#runOnList(step) : this.#runOnTask(step)
  }

  #runOnList({ op, id, name, if_revision }: Step): number {
    const list = this.lists.get(id)
    if (op === 'create_list') {
      if (list) return 409
      this.lists.set(id, { name, place: 'hand', revision: ++this.revision })
      return 201
    }
    if (list?.place !== (op === 'restore_list' || op === 'purge_list' ? 'trash' : 'hand')) return 404
    if (if_revision !== undefined && if_revision !== list.revision) return 412
    const put = (place: Place) =>
      this.lists.set(id, { ...list, ...(place === 'gone' && { name: '' }), place, revision: ++this.revision })
    if (op === 'update_list') {
      this.lists.set(id, { ...list, name, revision: ++this.revision })
      return 200
    }
    if (op === 'delete_list') {
      put('trash')
      this.#trash((task) => this.#parentOf(task)?.list === id, 'parent')
      this.#trash((task) => task.list === id, id)
      return 204
    }
    if (op === 'restore_list') {
      put('hand')
      this.#restore((task) => task.with === id && task.list === id)
      this.#restore((task) => task.with !== null && task.with === task.parent && this.#parentOf(task)?.list === id)
      return 200
    }
    put('gone')
    const went = (task: TaskRow | undefined) => task?.with === id && task.list === id
    this.#purge((task) => task.with !== null && task.with === task.parent && went(this.tasks.get(task.parent)))
    this.#purge(went)
    return 204
  }

  #runOnTask({ op, id, name, completed, list, parent, if_revision }: Step): number {
    const task = this.tasks.get(id)
    if (op === 'create' || op === 'update') {
      if (list != null && this.lists.get(list)?.place !== 'hand') return 422
      const isPart = (part: TaskRow) => part.parent === id && part.place === 'hand'
      if (parent != null && (!this.#canHaveParts(parent) || (op === 'update' && parent === id))) return 422
      if (op === 'update' && parent != null && [...this.tasks.values()].some(isPart)) return 422
    }
    if (op === 'create') {
      if (task) return 409
      const fields = { name, completed, list: list ?? null, parent: parent ?? null }
      this.#put(id, { ...fields, place: 'hand', with: null, hadParts: false })
      this.#mark(parent)
      return 201
    }
    if (task?.place !== (op === 'restore' || op === 'purge' ? 'trash' : 'hand')) return 404
    if (if_revision !== undefined && if_revision !== task.revision) return 412
    if (op === 'update') {
      this.#put(id, { ...task, name, ...(list !== undefined && { list }), ...(parent !== undefined && { parent }) })
      this.#mark(parent)
      return 200
    }
    if (op === 'complete') {
      this.#put(id, { ...task, completed })
      return 200
    }
    if (op === 'delete') {
      this.#put(id, { ...task, place: 'trash' })
      this.#trash((part) => part.parent === id, id)
      return 204
    }
    if (op === 'restore') {
      this.#putBack(id, task)
      this.#restore((part) => part.parent === id && part.with === id)
      return 200
    }
    this.#put(id, { ...task, place: 'gone', name: '' })
    this.#purge((part) => part.parent === id && part.with === id)
    return 204
  }

  #clear(): void {
    this.#trash((task) => this.#parentOf(task)?.completed === true, 'parent')
    this.#trash(({ completed, hadParts }) => completed && hadParts, null)
    this.#trash(({ completed }) => completed, null)
  }

  #canHaveParts(id: string | null): boolean {
    const task = id === null ? undefined : this.tasks.get(id)
    return task?.place === 'hand' && task.parent === null
  }

  /** The parent, where it is at hand. */
  #parentOf({ parent }: TaskRow): TaskRow | undefined {
    const found = parent === null ? undefined : this.tasks.get(parent)
    return found?.place === 'hand' ? found : undefined
  }

  #mark(parent: string | null | undefined): void {
    const task = parent == null ? undefined : this.tasks.get(parent)
    if (task) task.hadParts = true
  }

  /** The rows in a place that fit a condition, found before any of them changes, in the order of their revisions. */
  #found(place: Place, fits: (task: TaskRow) => boolean): [string, TaskRow][] {
    return [...this.tasks]
      .filter(([, task]) => task.place === place && fits(task))
      .toSorted(([, a], [, b]) => a.revision - b.revision)
  }

  #trash(fits: (task: TaskRow) => boolean, by: string | null): void {
    for (const [id, task] of this.#found('hand', fits))
      this.#put(id, { ...task, place: 'trash', with: by === 'parent' ? task.parent : by })
  }

  #restore(fits: (task: TaskRow) => boolean): void {
    const all = this.#found('trash', fits).map(([id, task]) => [id, this.#withoutLost(task)] as const)
    for (const [id, task] of all) this.#put(id, task)
  }

  #putBack(id: string, task: TaskRow): void {
    this.#put(id, this.#withoutLost(task))
  }

  #withoutLost(task: TaskRow): TaskRow {
    const list = task.list !== null && this.lists.get(task.list)?.place === 'hand' ? task.list : null
    const parent = this.#canHaveParts(task.parent) ? task.parent : null
    return { ...task, place: 'hand', with: null, list, parent }
  }

  #purge(fits: (task: TaskRow) => boolean): void {
    for (const [id, task] of this.#found('trash', fits)) this.#put(id, { ...task, place: 'gone', name: '' })
  }

  #put(id: string, task: Omit<TaskRow, 'revision'>): void {
    this.tasks.set(id, { ...task, revision: ++this.revision })
  }
}
