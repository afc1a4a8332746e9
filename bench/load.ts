import { SECRET, secretTokens } from '../test/kit/tokens.ts'

const USERS = 100
const IN_FLIGHT = 32

/**
 * Sends `count` requests as many users at once would: of ten, six read (a list, five
 * single tasks), one creates, three change. Every answer is read.
 *
 * @throws Error when an answer is not the expected one.
 */
export async function sendLoad(url: string, count: number): Promise<void> {
  const tokens = await secretTokens(SECRET)
  const users = Array.from({ length: USERS }, (_, i) => `user-${i}`)
  const headers = new Map<string, Record<string, string>>()
  for (const user of users)
    headers.set(user, {
      authorization: `Bearer ${await tokens.sign(user, 3600)}`,
      'content-type': 'application/json',
    })
  const newest = new Map<string, string>()

  const send = async (user: string, method: string, path: string, body?: object) => {
    const response = await fetch(`${url}/api/${user}/tasks${path}`, {
      method,
      headers: headers.get(user) ?? {},
      ...(body && { body: JSON.stringify(body) }),
    })
    const answer: unknown = await response.json()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}`)
    return answer
  }

  let sent = 0
  const work = async () => {
    for (let i = sent++; i < count; i = sent++) {
      const user = users[i % USERS] ?? ''
      const id = newest.get(user)
      const kind = Math.floor(i / USERS) % 10
      if (kind === 0 || id === undefined) {
        const made = (await send(user, 'POST', '', { title: `Task ${i}`, tags: ['load'] })) as { id: string }
        newest.set(user, made.id)
      } else if (kind === 1) await send(user, 'GET', '?limit=50')
      else if (kind === 2) await send(user, 'PUT', `/${id}`, { title: `Changed ${i}`, priority: 'high' })
      else if (kind === 3 || kind === 4) await send(user, 'PATCH', `/${id}/complete`)
      else await send(user, 'GET', `/${id}`)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, work))
}
