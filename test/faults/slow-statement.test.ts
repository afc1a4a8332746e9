import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { boot, databases, type Target } from '../kit/boot.ts'

/** Megabytes of texts that one search looks through. */
const MEGABYTES = 4
const TEXT = 'abcdefgh '.repeat(1000)

describe.each(databases)('a long search over %s', (kind) => {
  let target: Target
  beforeAll(async () => {
    target = await boot(kind)
    const tasks = Array.from({ length: Math.ceil((MEGABYTES * 1e6) / TEXT.length) }, (_, n) => ({
      title: `Task ${n}`,
      description: TEXT,
    }))
    const response = await target.request('ann', 'POST', '/api/ann/import', tasks)
    expect(response.status).toBe(200)
  })
  afterAll(() => target.stop())

  test('does not keep /health waiting', async () => {
    let searching = true
    const searches = Promise.all(
      Array.from({ length: 4 }, async (_, n) => {
        const response = await target.request('ann', 'GET', `/api/ann/tasks?q=${'hgfedcba'.repeat(10)}${n}`)
        return { status: response.status, found: await response.json() }
      }),
    ).finally(() => {
      searching = false
    })
    let answered = 0
    while (searching) {
      const { status } = await fetch(`${target.url}/health`)
      expect(status).toBe(200)
      if (searching) answered++
    }
    expect(await searches).toEqual(Array.from({ length: 4 }, () => ({ status: 200, found: [] })))
    // On the event loop, each search would have let one through at most.
    expect(answered).toBeGreaterThan(12)
  })
})
