import { isDeepStrictEqual } from 'node:util'
import type { Running } from './contenders.ts'
import { answersLoad, isPlain, type Load, taskId, tasksEach, userName, type Volume } from './loads.ts'

interface Answer {
  status: number
  body: unknown
}

type Caller = (user: number) => Promise<string>

/** What each answer to a write has of its own; the fields must be there, their values may differ. */
const OWN = new Set(['id', 'revision', 'position', 'created_at', 'updated_at', 'completed_at', 'completed', 'title'])

/** The columns of the plain services' table: of a task they know no more. */
const COLUMNS = new Set(['id', 'user_id', 'title', 'description', 'completed', 'created_at', 'updated_at'])

/**
 * Asks every contender for the same things before anything is measured, so that no one
 * wins by answering less. The plain ones are asked for what they have, and must give the same seven columns.
 *
 * @throws Error naming the contender and the load that differ from the first one's.
 */
export async function checkAgreement(contenders: readonly Running[], token: Caller, volume: Volume): Promise<void> {
  const [first, ...others] = contenders
  if (!first) return
  const expected = await answersOf(first, token, volume)
  for (const other of others) {
    const given = await answersOf(other, token, volume)
    for (const [load, whole] of expected) {
      const answer = isPlain(other.name) ? { ...whole, body: plainly(whole.body) } : whole
      if (answersLoad(other.name, load) && !isDeepStrictEqual(given.get(load), answer))
        throw new Error(
          `${other.name} answers ${load} unlike ${first.name}:\n${JSON.stringify(given.get(load))}\n${JSON.stringify(answer)}`,
        )
    }
  }
}

/** The columns of an answer's tasks that the plain services have, too. */
function plainly(body: unknown): unknown {
  if (Array.isArray(body)) return body.map(plainly)
  return body && Object.fromEntries(Object.entries(body).filter(([name]) => COLUMNS.has(name)))
}

async function answersOf({ name, url }: Running, token: Caller, volume: Volume): Promise<Map<Load, Answer>> {
  // The first user only reads, the second writes: as in the loads.
  const paths = [0, 1].map((user) => `/api/${userName(user)}`) as [string, string]
  const half = Math.floor(tasksEach(volume) / 2)
  const send = async (user: 0 | 1, method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
    fetch(url + paths[user] + path, {
      method,
      headers: {
        authorization: `Bearer ${await token(user)}`,
        ...(body ? { 'content-type': 'application/json' } : {}),
        ...headers,
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
  const ask = async (...request: Parameters<typeof send>): Promise<Answer> => {
    const response = await send(...request)
    const text = await response.text()
    return { status: response.status, body: text === '' ? null : JSON.parse(text, asInstant) }
  }
  const write = async (...request: Parameters<typeof send>): Promise<Answer> => {
    const { status, body } = await ask(...request)
    const values = Object.entries(body ?? {}).map(([name, value]) => [name, OWN.has(name) ? null : value])
    return { status, body: Object.fromEntries(values) }
  }
  const list = '/tasks?limit=50'
  const fields = { title: 'New', description: 'Words', priority: 'high', due_date: '2026-11-24', tags: ['home'] }
  // That of the plain services is made of the list itself.
  const tagOf = async () =>
    isPlain(name) ? ((await send(0, 'GET', list)).headers.get('etag') ?? '') : `"${tasksEach(volume)}"`
  const questions: [Load, () => Promise<Answer>][] = [
    ['get', () => ask(0, 'GET', `/tasks/${taskId(0)}`)],
    ['list', () => ask(0, 'GET', list)],
    ['list-304', async () => ask(0, 'GET', list, undefined, { 'if-none-match': await tagOf() })],
    ['changes', async () => withoutLists(await ask(0, 'GET', `/changes?since=${half}&limit=50`))],
    ['create', () => write(1, 'POST', '/tasks', fields)],
    ['update', () => write(1, 'PUT', `/tasks/${taskId(1)}`, { title: 'Changed' })],
    ['complete', () => write(1, 'PATCH', `/tasks/${taskId(1)}/complete`)],
  ]
  const answers = new Map<Load, Answer>()
  for (const [load, question] of questions) if (answersLoad(name, load)) answers.set(load, await question())
  return answers
}

/** The users have no lists of tasks, and no peer knows any: they are spared that look. */
function withoutLists({ status, body }: Answer): Answer {
  return { status, body: Object.fromEntries(Object.entries(body ?? {}).filter(([name]) => name !== 'lists')) }
}

/** Times are the same however many digits a service writes. */
function asInstant(name: string, value: unknown): unknown {
  return name.endsWith('_at') && typeof value === 'string' ? new Date(value).toISOString() : value
}
