import { isDeepStrictEqual } from 'node:util'
import type { Running } from './contenders.ts'
import { type Load, taskId, tasksEach, userName, type Volume } from './loads.ts'

interface Answer {
  status: number
  body: unknown
}

type Caller = (user: number) => Promise<string>

/** What each answer to a write has of its own; the fields must be there, their values may differ. */
const OWN = new Set(['id', 'revision', 'position', 'created_at', 'updated_at', 'completed_at', 'completed', 'title'])

/**
 * Asks every contender for the same things before anything is measured, so that no one
 * wins by answering less.
 *
 * @throws Error naming the contender and the load that differ from the first one's.
 */
export async function checkAgreement(contenders: readonly Running[], token: Caller, volume: Volume): Promise<void> {
  const [first, ...others] = contenders
  if (!first) return
  const expected = await answersOf(first, token, volume)
  for (const other of others) {
    const given = await answersOf(other, token, volume)
    for (const [load, answer] of expected)
      if (!isDeepStrictEqual(given.get(load), answer))
        throw new Error(
          `${other.name} answers ${load} unlike ${first.name}:\n${JSON.stringify(given.get(load))}\n${JSON.stringify(answer)}`,
        )
  }
}

async function answersOf({ url }: Running, token: Caller, volume: Volume): Promise<Map<Load, Answer>> {
  // The first user only reads, the second writes: as in the loads.
  const paths = [0, 1].map((user) => `/api/${userName(user)}`) as [string, string]
  const half = Math.floor(tasksEach(volume) / 2)
  const ask = async (
    user: 0 | 1,
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ) => {
    const response = await fetch(url + paths[user] + path, {
      method,
      headers: {
        authorization: `Bearer ${await token(user)}`,
        ...(body ? { 'content-type': 'application/json' } : {}),
        ...headers,
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? null : JSON.parse(text, asInstant) }
  }
  const written = ({ status, body }: Answer): Answer => ({
    status,
    body: Object.entries(body ?? {})
      .map(([name, value]) => (OWN.has(name) ? [name] : [name, value]))
      .sort(),
  })
  const fields = { title: 'New', description: 'Words', priority: 'high', due_date: '2026-11-24', tags: ['home'] }
  const etag = { 'if-none-match': `"${tasksEach(volume)}"` }
  return new Map<Load, Answer>([
    ['get', await ask(0, 'GET', `/tasks/${taskId(0)}`)],
    ['list', await ask(0, 'GET', '/tasks?limit=50')],
    ['list-304', await ask(0, 'GET', '/tasks?limit=50', undefined, etag)],
    ['changes', withoutLists(await ask(0, 'GET', `/changes?since=${half}&limit=50`))],
    ['create', written(await ask(1, 'POST', '/tasks', fields))],
    ['update', written(await ask(1, 'PUT', `/tasks/${taskId(1)}`, { title: 'Changed' }))],
    ['complete', written(await ask(1, 'PATCH', `/tasks/${taskId(1)}/complete`))],
  ])
}

/** The users have no lists of tasks, and no peer knows any: they are spared that look. */
function withoutLists({ status, body }: Answer): Answer {
  return { status, body: Object.fromEntries(Object.entries(body ?? {}).filter(([name]) => name !== 'lists')) }
}

/** Times are the same however many digits a service writes. */
function asInstant(name: string, value: unknown): unknown {
  return name.endsWith('_at') && typeof value === 'string' ? new Date(value).toISOString() : value
}
