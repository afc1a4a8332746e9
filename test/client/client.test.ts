import { describe, expect, test } from 'bun:test'
import { createDoable, type DoableError, type Options, type Task } from '../../src/client/index.ts'
import { databases } from '../kit/boot.ts'
import { useService } from '../kit/service.ts'
import { answer, answerLost, refusal, trouble, unreachable } from './trouble.ts'

describe.each(databases)('the client over %s', (kind) => {
  const service = useService(kind)

  function newDoable(options: Partial<Options> = {}) {
    const userId = `ann/ö ${crypto.randomUUID()}`
    return createDoable({
      url: service().url,
      userId,
      token: () => service().tokens.sign(userId, 3600),
      ...options,
    })
  }
  const all = (tasks: AsyncIterable<Task>) => Array.fromAsync(tasks)

  test('makes, reads, changes, completes, removes and restores a task', async () => {
    const doable = newDoable()
    const made = await doable.create({ title: ' Buy milk ', priority: 'high', tags: ['home'], due_date: '2026-11-24' })
    expect(made).toMatchObject({ title: 'Buy milk', priority: 'high', completed: false })
    expect(await doable.get(made.id)).toEqual(made)
    expect(await doable.update(made.id, { title: 'Buy oat milk', due_date: null })).toMatchObject({
      title: 'Buy oat milk',
      due_date: null,
      tags: ['home'],
    })
    expect((await doable.complete(made.id)).completed).toBe(true)
    expect((await doable.complete(made.id)).completed).toBe(true)
    expect((await doable.complete(made.id, false)).completed).toBe(false)
    await doable.remove(made.id)
    expect(await refusal(doable.get(made.id))).toEqual({ name: 'DoableError', status: 404, code: 'task-not-found' })
    expect((await doable.restore(made.id)).deleted_at).toBeNull()
  })

  test('lists all pages, each as it is needed, and what was asked for alone', async () => {
    const { sent, send } = trouble()
    const doable = newDoable({ fetch: send })
    for (let i = 0; i < 7; i++)
      await doable.create({ title: `Task ${i}`, priority: i % 2 ? 'low' : 'high', tags: ['a', 'b,c'] })
    sent.length = 0
    const titles = (await all(doable.list({ sort: 'title' }, { pageSize: 3 }))).map(({ title }) => title)
    expect(titles).toEqual([0, 1, 2, 3, 4, 5, 6].map((i) => `Task ${i}`))
    expect(sent).toHaveLength(3)
    expect(await all(doable.list({ priority: ['low'], tag: ['a', 'b,c'], status: 'pending', q: 'task' }))).toHaveLength(
      3,
    )
    sent.length = 0
    for await (const task of doable.list({}, { pageSize: 2 })) if (task) break
    expect(sent).toHaveLength(1)
  })

  test('makes a task once, though the network fails and answers get lost', async () => {
    const { sent, send } = trouble(unreachable, answerLost, answer(503, { 'retry-after': '0' }))
    const doable = newDoable({ fetch: send })
    const made = await doable.create({ title: 'Buy milk' })
    expect(sent).toHaveLength(4)
    expect(new Set(sent.map(({ headers }) => headers.get('idempotency-key'))).size).toBe(1)
    expect(await all(doable.list())).toEqual([made])
  })

  test('waits for as long as it is told', async () => {
    const { send } = trouble(answer(429, { 'retry-after': '1' }))
    const start = performance.now()
    await newDoable({ fetch: send }).create({ title: 'Buy milk' })
    expect(performance.now() - start).toBeGreaterThan(950)
  })

  test('gives up in the end, and says why', async () => {
    const busy = answer(503, { 'retry-after': '0' })
    const { sent, send } = trouble(busy, busy, busy)
    expect(await refusal(newDoable({ fetch: send, attempts: 3 }).get(crypto.randomUUID()))).toMatchObject({
      status: 503,
    })
    expect(sent).toHaveLength(3)
    const lost = trouble(unreachable, unreachable)
    expect(await refusal(newDoable({ fetch: lost.send, attempts: 2 }).create({ title: 'x' }))).toMatchObject({
      name: 'TypeError',
    })
  })

  test('refuses to overwrite what has been changed since it was read', async () => {
    const doable = newDoable()
    const read = await doable.create({ title: 'Buy milk' })
    const changed = await doable.update(read.id, { title: 'Buy tea' }, { ifUnchanged: read })
    const conflict = { name: 'DoableError', status: 412, code: 'revision-mismatch' }
    expect(await refusal(doable.update(read.id, { title: 'Buy rum' }, { ifUnchanged: read }))).toEqual(conflict)
    expect(await refusal(doable.complete(read.id, true, { ifUnchanged: read }))).toEqual(conflict)
    expect(await refusal(doable.remove(read.id, { ifUnchanged: read }))).toEqual(conflict)
    expect(await doable.get(read.id)).toEqual(changed)
  })

  test('never tries again what could have been done already and would be refused the second time', async () => {
    const { send, sent } = trouble(undefined, answerLost)
    const doable = newDoable({ fetch: send })
    const read = await doable.create({ title: 'Buy milk' })
    const lost = { name: 'TypeError' }
    expect(await refusal(doable.update(read.id, { title: 'Buy tea' }, { ifUnchanged: read }))).toMatchObject(lost)
    expect(sent).toHaveLength(2)
  })

  test('renews an expired token once, for all requests that wait', async () => {
    const userId = crypto.randomUUID()
    const asked: boolean[] = []
    const doable = createDoable({
      url: `${service().url}/`,
      userId,
      token({ expired }) {
        asked.push(expired)
        return service().tokens.sign(userId, expired ? 3600 : -60)
      },
    })
    await Promise.all([1, 2, 3].map((i) => doable.create({ title: `Task ${i}` })))
    expect(asked).toEqual([false, true])
    expect(await all(doable.list())).toHaveLength(3)
  })

  test('says so when the token is refused, and does not insist', async () => {
    const { send, sent } = trouble()
    const doable = newDoable({ token: () => 'a.b.c', fetch: send })
    expect(await refusal(doable.create({ title: 'x' }))).toMatchObject({ status: 401, code: 'token-invalid' })
    expect(sent).toHaveLength(1)
    const expired = newDoable({ token: () => service().tokens.sign('ann', -60) })
    expect(await refusal(expired.create({ title: 'x' }))).toMatchObject({ status: 401, code: 'token-expired' })
  })

  test('names the faults of what was sent', async () => {
    const error = await newDoable()
      .create({ title: '' })
      .catch((caught: DoableError) => caught)
    expect(error).toMatchObject({ status: 422, code: 'validation-failed', errors: [{ pointer: '/title' }] })
  })

  test('watches changes, misses none when the stream is cut, and sees none twice', async () => {
    const cuts: AbortController[] = []
    const opened: (string | null)[] = []
    const userId = crypto.randomUUID()
    const doable = createDoable({
      url: service().url,
      userId,
      token: () => service().tokens.sign(userId, 3600),
      fetch(request) {
        if (!request.url.endsWith('/events')) return fetch(request)
        opened.push(request.headers.get('last-event-id'))
        const cut = new AbortController()
        cuts.push(cut)
        return fetch(request, { signal: AbortSignal.any([request.signal, cut.signal]) })
      },
    })
    const before = await doable.create({ title: 'Before' })
    expect(await doable.revision()).toBe(before.revision)
    const stop = new AbortController()
    const seen: string[] = []
    const watching = (async () => {
      for await (const task of doable.watch({ signal: stop.signal })) {
        seen.push(task.deleted_at === null ? task.title : `not ${task.title}`)
        if (seen.length === 5) stop.abort()
      }
    })()
    while (opened.length === 0) await Bun.sleep(20)
    await doable.create({ title: 'One' })
    while (seen.length < 1) await Bun.sleep(20)
    cuts[0]?.abort()
    const two = await doable.create({ title: 'Two' })
    await doable.create({ title: 'Three' })
    while (seen.length < 3) await Bun.sleep(20)
    cuts[1]?.abort()
    await doable.remove(two.id)
    await doable.create({ title: 'Four' })
    await watching
    expect(seen).toEqual(['One', 'Two', 'Three', 'not Two', 'Four'])
    expect(opened).toEqual([0, 1, 3].map((writes) => `${before.revision + writes}`))
  })
})
