import { describe, expect, test } from 'bun:test'
import { createDoable, type Options, type Task } from '../../src/client/index.ts'
import { databases } from '../kit/boot.ts'
import { useService } from '../kit/service.ts'
import { until } from '../kit/until.ts'
import { answer, refusal, trouble, unreachable } from './trouble.ts'

describe.each(databases)('watching over %s', (kind) => {
  const service = useService(kind)

  function newUser(options: Partial<Options> = {}) {
    const userId = `user-${crypto.randomUUID()}`
    return createDoable({ url: service().url, userId, token: () => service().tokens.sign(userId, 3600), ...options })
  }

  test('begins when the network has come back, if it was away at the start', async () => {
    const busy = answer(503, { 'retry-after': '0' })
    const { send, sent } = trouble(unreachable, busy, undefined, busy)
    const doable = newUser({ fetch: send, attempts: 1 })
    const watched = doable.watch()
    const first = watched.next()
    await until('the stream is open', () => sent.at(-1)?.url.endsWith('/events') ?? false)
    await Promise.all([first, doable.create({ title: 'Buy milk' })])
    expect((await first).value).toMatchObject({ title: 'Buy milk' })
    await watched.return()
  })

  test('tells a reminder once, and then the task with it', async () => {
    const doable = newUser()
    const reminded: Task[] = []
    const { id, revision } = await doable.create({ title: 'Call', remind_at: new Date(Date.now() + 500).toISOString() })
    const watched = doable.watch({ since: revision, onReminder: (task) => void reminded.push(task) })
    const { value } = await watched.next()
    expect(value).toMatchObject({ id, reminded_at: expect.any(String), revision: revision + 1 })
    expect<unknown>(reminded).toEqual([value])
    await doable.update(id, { title: 'Called' })
    expect((await watched.next()).value).toMatchObject({ title: 'Called' })
    expect(reminded).toHaveLength(1)
    await watched.return()
  })

  test('outlasts more failures in a row than a request is tried', async () => {
    const busy = answer(503, { 'retry-after': '0' })
    const { send } = trouble(undefined, unreachable, busy, busy, busy, busy, busy, busy)
    const doable = newUser({ fetch: send })
    const task = await doable.create({ title: 'Buy milk' })
    const watched = doable.watch({ since: 0 })
    expect((await watched.next()).value).toEqual(task)
    await watched.return()
  })

  test('ends quietly when it is told to while the network is away', async () => {
    const stop = new AbortController()
    const doable = newUser({ fetch: unreachable })
    const watched = doable.watch({ signal: stop.signal }).next()
    await Bun.sleep(100)
    stop.abort()
    expect(await watched).toEqual({ value: undefined, done: true })
  })

  test('ends with the refusal of the service', async () => {
    const doable = newUser({ token: () => service().tokens.sign('somebody else', 3600) })
    const wrongUser = { name: 'DoableError', status: 403, code: 'wrong-user' }
    expect(await refusal(doable.watch().next())).toEqual(wrongUser)
    expect(await refusal(doable.watch({ since: 0 }).next())).toEqual(wrongUser)
  })

  /** As contract and document have it for a `since` from before the user's history. */
  const gone = answer(410, {}, { code: 'history-gone', detail: 'Forget what you have, and start from since=0.' })

  test('starts anew when the history is gone, after the caller has forgotten what it held', async () => {
    const { send, sent } = trouble(undefined, undefined, gone)
    const doable = newUser({ fetch: send })
    const made = [await doable.create({ title: 'One' }), await doable.create({ title: 'Two' })]
    sent.length = 0
    const held: (Task | 'reset')[] = []
    const stop = new AbortController()
    const onReset = async () => {
      await Bun.sleep(50)
      held.push('reset')
    }
    for await (const task of doable.watch({ since: 999, signal: stop.signal, onReset }))
      if (held.push(task) === 3) stop.abort()
    expect(held).toEqual(['reset', ...made])
    expect(sent.map(({ headers }) => headers.get('last-event-id'))).toEqual(['999', '0'])
  })

  test('throws that the history is gone where nobody would forget what they hold', async () => {
    const doable = newUser({ fetch: gone })
    expect(await refusal(doable.watch({ since: 999 }).next())).toMatchObject({ status: 410, code: 'history-gone' })
  })

  test('comes to no loop with a service that has no history at all', async () => {
    let resets = 0
    const doable = newUser({ fetch: gone })
    const watched = doable.watch({ since: 999, onReset: () => void resets++ })
    expect(await refusal(watched.next())).toMatchObject({ status: 410 })
    expect(resets).toBe(1)
  })

  test('goes on after events that are not of a task, and tells nobody of them', async () => {
    const list = 'event: list\nid: 7\ndata: {"id":"x","name":"Home"}\n\n'
    const stream = () => new Response(`retry: 1\n\n${list}`, { headers: { 'content-type': 'text/event-stream' } })
    const { send, sent } = trouble(
      async () => stream(),
      async () => stream(),
      answer(403),
    )
    const watched = newUser({ fetch: send }).watch({ since: 1 })
    expect(await refusal(watched.next())).toMatchObject({ status: 403 })
    expect(sent.map(({ headers }) => headers.get('last-event-id'))).toEqual(['1', '7', '7'])
  })
})
