import { beforeAll, describe, expect, test } from 'bun:test'
import type { Task } from '../../src/tasks/model.ts'
import { databases } from '../kit/boot.ts'
import { useService } from '../kit/service.ts'
import { newUser, type User } from '../kit/user.ts'

/** Of one, two, three and four bytes in UTF-8, and what JSON or PostgreSQL's arrays must escape. */
const texts = ['plain', 'déjà vu, größer', '買い物リスト', '👩‍👩‍👧 🛒', '"quoted\\ back" {x,y}\n\ttab', ' ', '']

describe.each(databases)('long answers over %s', (kind) => {
  const service = useService(kind)
  let user: User
  const made: Task[] = []
  beforeAll(async () => {
    user = newUser(service())
    for (let n = 0; n < 100; n++) {
      const text = texts[n % texts.length] ?? ''
      const tags = n % 3 === 0 ? [] : [`tag ${n}`, `"${n}", {né}\\`, 'NULL']
      made.push(await user.create({ title: `${n} ${text}!`, description: text.repeat(60), tags, position: n / 7 }))
    }
  })

  // One character, about the buffer that an answer is sent from at once, and far beyond it.
  test.each([1, 20, 30, 40, 50, 100])('a page of %i tasks says of each what the task itself says', async (limit) => {
    const answer = await user.send('GET', `/tasks?limit=${limit}`)
    expect(answer.headers.get('content-type')).toBe('application/json;charset=utf-8')
    expect(answer.headers.get('etag')).toBe(`"${made.at(-1)?.revision}"`)
    expect(await answer.json()).toEqual(made.toReversed().slice(0, limit))
  })

  test('changes say the same', async () => {
    const answer = await user.send('GET', '/changes?since=0&limit=100')
    expect(await answer.json()).toEqual({ changes: made, lists: [], next: made.at(-1)?.revision, more: false })
  })

  test('the trash says the same, but for when it went', async () => {
    for (const { id } of made) await user.remove(id)
    const trash = (await (await user.send('GET', '/trash?limit=100')).json()) as Task[]
    const kept = ({ deleted_at, updated_at, revision, ...rest }: Task) => rest
    expect(trash.map(kept).sort((a, b) => a.position - b.position)).toEqual(made.map(kept))
    for (const { id } of made) await user.send('POST', `/tasks/${id}/restore`)
  })

  test('HEAD tells the headers and sends nothing', async () => {
    const answer = await user.send('HEAD', '/tasks?limit=100')
    expect([answer.status, await answer.text()]).toEqual([200, ''])
  })

  test('a client that goes away in the middle costs nobody else anything', async () => {
    for (let n = 0; n < 20; n++) {
      const answer = await user.send('GET', '/tasks?limit=100')
      await answer.body?.cancel()
    }
    expect((await user.send('GET', '/tasks?limit=1')).status).toBe(200)
  })
})
