import { describe, expect, test } from 'bun:test'
import type { Task } from '../../src/tasks/model.ts'
import { databases } from '../kit/boot.ts'
import { useService } from '../kit/service.ts'
import { openStream } from '../kit/stream.ts'
import { newUser } from '../kit/user.ts'

const WRITERS = 50
const WRITES = 4
const TOTAL = WRITERS * WRITES
const wholeRange = Array.from({ length: TOTAL }, (_, i) => i + 1)

describe.each(databases)('50 writers of one user over %s', (kind) => {
  const service = useService(kind)

  test('the revisions of a new user run without a hole, positions with them, and readers miss no write', async () => {
    const user = newUser(service())
    let writing = true
    let last = 0
    const poll = async (limit: number) => {
      const told: Task[] = []
      for (let since = 0; writing || since < last; ) {
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
    const inOrder = made.toSorted((a, b) => a.revision - b.revision)
    last = inOrder.at(-1)?.revision ?? 0
    writing = false
    const start = (inOrder[0]?.revision ?? 0) - 1
    expect(inOrder.map(({ revision }) => revision - start)).toEqual(wholeRange)
    for (const told of await Promise.all(readers)) expect(told).toEqual(inOrder)
    expect((await stream.first(TOTAL)).map(({ task }) => task)).toEqual(inOrder)
    await stream.close()
    expect(inOrder.map(({ position }) => position)).toEqual(wholeRange)
  })
})
