import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Task } from '../../src/tasks/model.ts'
import { boot, databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { openStream, type Stream } from '../kit/stream.ts'
import { newUser, type User } from '../kit/user.ts'

describe.each(databases)('events over %s', (kind) => {
  const service = useService(kind)
  const streams: Stream[] = []
  let user: User
  beforeEach(() => {
    user = newUser(service())
  })
  afterEach(async () => {
    for (const stream of streams.splice(0)) await stream.close()
  })

  async function follow(query = '', options: Parameters<typeof openStream>[3] = {}): Promise<Stream> {
    const stream = await openStream(service(), user.id, query, options)
    streams.push(stream)
    return stream
  }
  const idsOf = (stream: Stream) => stream.seen.map(({ id }) => id)

  test('a stream is an event stream that nobody keeps or holds back', async () => {
    const { response } = await follow()
    expect(response.headers.get('content-type')).toStartWith('text/event-stream')
    expect(response.headers.get('cache-control')).toBe('no-cache, no-transform')
    expect(response.headers.get('x-accel-buffering')).toBe('no')
  })

  test('each write arrives at every listener of its user, as the task it made, under its revision', async () => {
    const listeners = [await follow(), await follow()]
    const stranger = await openStream(service(), `${user.id}x`)
    streams.push(stranger)
    const made = await user.create({ title: 'Zeilen\n\nund data: \u2028 ü' })
    for (const stream of listeners) await stream.first(1)
    const changed = await user.update(made.id, { completed: true })
    for (const stream of listeners) await stream.first(2)
    await user.remove(made.id)
    for (const stream of listeners) {
      const events = await stream.first(3)
      expect(events.map(({ id }) => id)).toEqual([0, 1, 2].map((writes) => made.revision + writes))
      expect(events.map(({ task }) => task).slice(0, 2)).toEqual([made, changed])
      expect(events[2]?.task).toMatchObject({
        id: made.id,
        revision: made.revision + 2,
        deleted_at: expect.any(String),
      })
    }
    expect(stranger.seen).toEqual([])
  })

  test('batches and the deletion of all that is completed arrive too', async () => {
    const stream = await follow()
    const [made] = await user.batch([1, 2].map((n) => ({ op: 'create', task: { title: `${n}`, completed: true } })))
    const first = made?.task.revision ?? 0
    await stream.first(2)
    await user.send('DELETE', '/tasks?status=completed')
    await stream.first(4)
    expect(idsOf(stream)).toEqual([0, 1, 2, 3].map((writes) => first + writes))
  })

  describe('given three tasks, each by a write of its own', () => {
    let tasks: Task[]
    /** The counter after the first `writes` of the user; after none, where the history began. */
    const after = (writes: number) => (tasks[0]?.revision ?? 0) - 1 + writes
    beforeEach(async () => {
      tasks = []
      for (const title of ['a', 'b', 'c']) tasks.push(await user.create({ title }))
    })

    const starts: [
      name: string,
      since: () => number | undefined,
      lastEventId: () => string | undefined,
      missed: number,
    ][] = [
      ['Last-Event-ID replays what was missed', () => undefined, () => `${after(1)}`, 2],
      ['since replays what was missed', () => after(2), () => undefined, 1],
      ['since=0 replays everything', () => 0, () => undefined, 3],
      ['the start of the history replays everything', () => after(0), () => undefined, 3],
      ['Last-Event-ID counts before since', () => 0, () => `${after(2)}`, 1],
      ['an empty Last-Event-ID counts as none', () => after(1), () => '', 2],
      ['who is up to date misses nothing', () => after(3), () => undefined, 0],
      ['without either the stream starts now', () => undefined, () => undefined, 0],
    ]
    for (const [name, sinceOf, idOf, missed] of starts)
      test(name, async () => {
        const [since, id] = [sinceOf(), idOf()]
        const stream = await follow(since === undefined ? '' : `?since=${since}`, {
          headers: id === undefined ? {} : { 'last-event-id': id },
        })
        await stream.first(missed)
        const live = await user.create({ title: 'live' })
        const events = await stream.first(missed + 1)
        const told = [...tasks, live].slice(-missed - 1)
        expect(events.map(({ id }) => id)).toEqual(told.map(({ revision }) => revision))
        expect(events.map(({ task }) => task)).toEqual(told)
      })

    test('a task that changed twice is listed once, in its latest state', async () => {
      await user.update(tasks[0]?.id ?? '', { title: 'changed' })
      const stream = await follow('?since=0')
      expect((await stream.first(3)).map(({ id, task }) => [id, task.title])).toEqual([
        [after(2), 'b'],
        [after(3), 'c'],
        [after(4), 'changed'],
      ])
    })

    const refused: [query: string, headers: Record<string, string>, pointer: string][] = [
      ['?since=x', {}, '/since'],
      ['', { 'last-event-id': 'x' }, '/Last-Event-ID'],
      ['', { 'last-event-id': '-1' }, '/Last-Event-ID'],
    ]
    for (const [query, headers, pointer] of refused)
      test(`${query}${JSON.stringify(headers)} is refused at ${pointer}`, async () => {
        const answer = await user.send('GET', `/events${query}`, undefined, headers)
        await expectProblem(answer, 422, 'validation-failed', { pointers: [pointer] })
      })

    test('a revision of another history is 410', async () => {
      for (const id of [1, after(0) - 1, after(4)]) {
        await expectProblem(await user.send('GET', `/events?since=${id}`), 410, 'history-gone')
        const answer = await user.send('GET', '/events', undefined, { 'last-event-id': `${id}` })
        await expectProblem(answer, 410, 'history-gone')
      }
    })

    test('after an erasure the streams end, and the client starts again', async () => {
      const upToDate = [await follow('?since=0'), await follow()]
      await upToDate[0]?.first(3)
      await user.send('DELETE', `?confirm=${user.id}`)
      for (const stream of upToDate) expect(await stream.ended).toBe('end')
      await expectProblem(
        await user.send('GET', '/events', undefined, { 'last-event-id': `${after(3)}` }),
        410,
        'history-gone',
      )
    })
  })

  test('500 changes missed come whole and in order', async () => {
    for (let i = 0; i < 5; i++)
      await user.batch(Array.from({ length: 100 }, (_, n) => ({ op: 'create', task: { title: `${i}/${n}` } })))
    const stream = await follow('?since=0')
    await stream.first(500)
    const [first = 0] = idsOf(stream)
    expect(idsOf(stream)).toEqual(Array.from({ length: 500 }, (_, i) => first + i))
  })

  test('a stream ends with its token', async () => {
    const start = Date.now()
    const stream = await follow('', { token: await service().tokens.sign(user.id, 3) })
    await user.create({ title: 'x' })
    await stream.first(1)
    expect(await stream.ended).toBe('end')
    expect(Date.now() - start).toBeGreaterThan(1900)
  })

  test('a stream needs a token, and its own user', async () => {
    const answer = await service().request(undefined, 'GET', `${user.base}/events`)
    await expectProblem(answer, 401, 'token-missing')
    const other = await service().request('somebody', 'GET', `${user.base}/events`)
    await expectProblem(other, 403, 'wrong-user')
  })

  test('HEAD answers at once and without a body', async () => {
    const answer = await user.send('HEAD', '/events')
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toStartWith('text/event-stream')
    expect(await answer.text()).toBe('')
  })

  test('when the service stops, streams end and do not hold it up', async () => {
    const own = await boot(kind)
    const listeners = await Promise.all(Array.from({ length: 5 }, (_, i) => openStream(own, `user-${i}`)))
    const start = Date.now()
    await own.stop()
    for (const stream of listeners) expect(await stream.ended).toBe('end')
    // Requests that are still running are cut after 10 s.
    expect(Date.now() - start).toBeLessThan(9000)
  })
})
