import { describe, expect, test } from 'bun:test'
import type { Task } from '../../src/tasks/model.ts'
import { databases } from '../kit/boot.ts'
import { useService } from '../kit/client.ts'
import { openStream } from '../kit/stream.ts'
import { newUser } from '../kit/user.ts'

const WRITERS = 50
const WRITES = 4
const TOTAL = WRITERS * WRITES
const wholeRange = Array.from({ length: TOTAL }, (_, i) => i + 1)

describe.each(databases)('50 writers of one user over %s', (kind) => {
  const service = useService(kind)

  test('revisions have no hole, and readers that follow at the same time miss none', async () => {
    const user = newUser(service())
    let writing = true
    const poll = async (limit: number) => {
      const told: Task[] = []
      for (let since = 0; writing || since < TOTAL; ) {
        const page = await user.changes(`?since=${since}&limit=${limit}`)
        told.push(...page.changes)
        since = page.next
      }
      return told
    }
    const readers = [poll(1000), poll(7)]
    const stream = await openStream(service(), user.id, '?since=0')
    const made: Task[] = []
    await Promise.all(
      Array.from({ length: WRITERS }, async (_, writer) => {
        for (let i = 0; i < WRITES; i++) made.push(await user.create({ title: `${writer}/${i}` }))
      }),
    )
    writing = false
    const inOrder = made.toSorted((a, b) => a.revision - b.revision)
    expect(inOrder.map(({ revision }) => revision)).toEqual(wholeRange)
    for (const told of await Promise.all(readers)) expect(told).toEqual(inOrder)
    expect((await stream.first(TOTAL)).map(({ task }) => task)).toEqual(inOrder)
    await stream.close()
    expect(inOrder.map(({ position }) => position)).toEqual(wholeRange)
  })

  test('toggles of one task at once are all done, one after the other', async () => {
    const user = newUser(service())
    const { id } = await user.create({ title: 'x' })
    const answers = await Promise.all(
      Array.from({ length: WRITERS }, () => user.send('PATCH', `/tasks/${id}/complete`)),
    )
    const states = await Promise.all(answers.map(async (answer) => (await answer.json()) as Task))
    states.sort((a, b) => a.revision - b.revision)
    expect(states.map(({ revision }) => revision)).toEqual(wholeRange.slice(1, WRITERS + 1))
    expect(states.map(({ completed }) => completed)).toEqual(states.map((_, i) => i % 2 === 0))
  })
})
