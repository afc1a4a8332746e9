import type { Task } from '../kit/user.ts'

/** What a model remembers of a task: everything but the times that change. */
export type Known = Omit<Task, 'updated_at' | 'completed_at' | 'deleted_at'>

export type Fields = Partial<
  Pick<Task, 'title' | 'description' | 'completed' | 'priority' | 'due_date' | 'tags' | 'position'>
>

/** One user's tasks as a plain map, and the answer that each operation must get. */
export class TaskMap {
  readonly tasks = new Map<string, Known>()
  /** Ids are never given twice, not even after a deletion. */
  readonly #used = new Set<string>()
  /** The service begins a user's counter at its clock: the first answer says where. */
  #revision: number | undefined
  #highest = 0

  constructor(readonly user: string) {}

  has = (id: string) => this.tasks.has(id)

  isTaken = (id: string | undefined) => id !== undefined && this.#used.has(id)

  /** Undefined before the first write. */
  get revision(): number | undefined {
    return this.#revision
  }

  #next(): number {
    if (this.#revision === undefined) throw new Error('the model was asked to change what it does not have')
    return ++this.#revision
  }

  /** The id, the time and the first revision are those that the service gave it. */
  create(
    { id, created_at, revision }: Pick<Task, 'id' | 'created_at' | 'revision'>,
    fields: Fields & { title: string },
  ): Known {
    this.#revision = this.#revision === undefined ? revision : this.#revision + 1
    const position = fields.position ?? Math.floor(this.#highest) + 1
    const task: Known = {
      description: null,
      completed: false,
      priority: 'medium',
      due_date: null,
      tags: [],
      list_id: null,
      parent_id: null,
      recurrence: null,
      repeat_from: 'due',
      time_zone: 'UTC',
      remind_at: null,
      series_id: null,
      next_task_id: null,
      reminded_at: null,
      ...fields,
      id,
      user_id: this.user,
      position,
      revision: this.#revision,
      created_at,
    }
    this.#used.add(id)
    this.#highest = Math.max(this.#highest, position)
    this.tasks.set(id, task)
    return task
  }

  change(id: string, fields: Fields): Known {
    const task = this.tasks.get(id)
    if (!task) throw new Error('the model was asked to change what it does not have')
    Object.assign(task, fields, { revision: this.#next() })
    this.#highest = Math.max(this.#highest, task.position)
    return task
  }

  toggle = (id: string) => this.change(id, { completed: !this.tasks.get(id)?.completed })

  remove(id: string): void {
    this.tasks.delete(id)
    this.#next()
  }

  /** Of those made within one millisecond, the greater id first. */
  newestFirst = () => [...this.tasks.values()].sort((a, b) => (ageOf(a) < ageOf(b) ? 1 : -1))
}

/** Sorts as the two do: times have one length, and so have ids. */
const ageOf = ({ created_at, id }: Known) => `${created_at} ${id}`
