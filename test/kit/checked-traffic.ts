import type { Task } from '../../src/tasks/model.ts'
import type { Target } from './boot.ts'
import { newUser, type User } from './user.ts'

/** What was asked, and how it went. */
export interface Traffic {
  asked: number
  /** Answers of 503. */
  unavailable: number
  /** Every other answer that a model of the user's tasks does not give, in words. */
  wrong: string[]
}

/** Tasks that a user begins with: enough for a list to take several packets. */
const SEEDED = 60

/**
 * Reads and writes by several users at once, for a while or until `goOn` is false. Every answer is compared with a
 * model of that user's tasks: titles by id. After a write that was answered with 503, the model learns from the next
 * list which of both happened, and nothing else is allowed.
 *
 * @param traffic is filled in as it goes.
 */
export async function checkedTraffic(users: Seeded[], goOn: () => boolean, traffic: Traffic): Promise<void> {
  await Promise.all(users.map((user, n) => askAsUser(user, n, goOn, traffic)))
}

interface Seeded {
  user: User
  tasks: Model
}

/** Users with the tasks that they begin with. */
export async function seedUsers(target: Target, count: number): Promise<Seeded[]> {
  const users: Seeded[] = []
  for (let n = 0; n < count; n++) {
    const user = newUser(target)
    const tasks = new Map(Array.from({ length: SEEDED }, (_, at) => [crypto.randomUUID(), `${n}, seed ${at}`]))
    await user.batch([...tasks].map(([id, title]) => creation(id, title)))
    users.push({ user, tasks })
  }
  return users
}

const creation = (id: string, title: string) => ({ op: 'create', task: { id, title } })

type Model = Map<string, string>

async function askAsUser({ user, tasks }: Seeded, n: number, goOn: () => boolean, traffic: Traffic): Promise<void> {
  let model = tasks
  /** The models of which one holds, since the last write was answered with 503. */
  let either: Model[] = []
  let count = 0

  async function ask(method: string, path: string, body?: unknown): Promise<{ status: number; json: unknown }> {
    const response = await user.send(method, path, body)
    const text = await response.text()
    traffic.asked++
    if (response.status === 503) traffic.unavailable++
    return { status: response.status, json: text === '' ? undefined : JSON.parse(text) }
  }

  const complain = (what: string, { status, json }: { status: number; json: unknown }) =>
    traffic.wrong.push(`${what}: ${status} ${JSON.stringify(json)?.slice(0, 200)}`)

  /** A write: what it answers when done, and the model afterwards. */
  async function write(method: string, path: string, body: unknown, status: number, after: Model, titles: string[]) {
    const answer = await ask(method, path, body)
    if (answer.status === 503) either = [model, after]
    else if (answer.status !== status || !sameTitles(answer.json, titles)) complain(`${method} ${path}`, answer)
    else model = after
  }

  async function read(): Promise<void> {
    const answer = await ask('GET', '/tasks')
    if (answer.status === 503) return
    const listed = answer.status === 200 && Array.isArray(answer.json) ? (answer.json as Task[]) : undefined
    const found = (either.length > 0 ? either : [model]).find((it) => listed && sameTasks(listed, user.id, it))
    if (!found) complain(`a list of ${model.size}`, { ...answer, json: listed ? listed.length : answer.json })
    model = found ?? model
    either = []
  }

  const fresh = () => [crypto.randomUUID(), `${n}-${count++}`] as const

  const steps = [
    () => read(),
    () => {
      const [id, title] = fresh()
      return write('POST', '/tasks', { id, title }, 201, new Map([...model, [id, title]]), [title])
    },
    async () => {
      const [[id, title] = ['', '']] = model
      const answer = await ask('GET', `/tasks/${id}`)
      if (answer.status !== 503 && !(answer.status === 200 && sameTitles(answer.json, [title])))
        complain(`the task ${title}`, answer)
    },
    () => {
      const [[id] = ['']] = model
      const [, title] = fresh()
      return write('PUT', `/tasks/${id}`, { title }, 200, new Map([...model, [id, title]]), [title])
    },
    () => {
      const [[id] = ['']] = model
      return write('DELETE', `/tasks/${id}`, undefined, 204, new Map([...model].slice(1)), [])
    },
    () => {
      const made = [fresh(), fresh()]
      const operations = made.map(([id, title]) => creation(id, title))
      const titles = made.map(([, title]) => title)
      return write('POST', '/batch', { operations }, 200, new Map([...model, ...made]), titles)
    },
  ]
  for (let step = n; goOn(); step++) await (either.length > 0 ? read() : steps[step % steps.length]?.())
  // The last word on every write, however long that takes.
  do await read()
  while (either.length > 0)
}

/** The titles of a task, or of a batch's results; none of an answer without content. */
function sameTitles(json: unknown, titles: string[]): boolean {
  const answer = json as Task | { results: { task: Task }[] } | undefined
  const found = answer === undefined ? [] : 'results' in answer ? answer.results.map(({ task }) => task) : [answer]
  return found.length === titles.length && found.every(({ title }, at) => title === titles[at])
}

function sameTasks(listed: Task[], user: string, model: Model): boolean {
  return listed.length === model.size && listed.every((it) => it.user_id === user && model.get(it.id) === it.title)
}
