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
  /** `count` revisions, from `first` on. */
  const revisions = (first: number, count: number) => Array.from({ length: count }, (_, n) => first + n)

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
      expect(events.map(({ id }) => id)).toEqual(revisions(made.revision, 3))
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
    const [first] = await user.batch([1, 2].map((n) => ({ op: 'create', task: { title: `${n}`, completed: true } })))
    await stream.first(2)
    await user.send('DELETE', '/tasks?status=completed')
    await stream.first(4)
    expect(idsOf(stream)).toEqual(revisions(first?.task.revision ?? 0, 4))
  })

  describe('given three tasks', () => {
    let tasks: Task[]
    beforeEach(async () => {
      tasks = []
      for (const title of ['a', 'b', 'c']) tasks.push(await user.create({ title }))
    })
    /** The revision of the first, the second or the third task; of the fourth, which there is none of. */
    const revisionOf = (nth: number) => (tasks[0]?.revision ?? 0) + nth - 1
    /** `{2}` stands for the revision of the second task. */
    const filled = (text: string) => text.replace(/\{(\d)\}/, (_, nth) => String(revisionOf(Number(nth))))
    const filledAll = (headers: Record<string, string>) =>
      Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, filled(value)]))

    const starts: [name: string, query: string, headers: Record<string, string>, missed: number[]][] = [
      ['Last-Event-ID replays what was missed', '', { 'last-event-id': '{1}' }, [2, 3]],
      ['since replays what was missed', '?since={2}', {}, [3]],
      ['since=0 replays everything', '?since=0', {}, [1, 2, 3]],
      ['Last-Event-ID counts before since', '?since=0', { 'last-event-id': '{2}' }, [3]],
      ['an empty Last-Event-ID counts as none', '?since={1}', { 'last-event-id': '' }, [2, 3]],
      ['who is up to date misses nothing', '?since={3}', {}, []],
      ['without either the stream starts now', '', {}, []],
    ]
    for (const [name, query, headers, missed] of starts)
      test(name, async () => {
        const stream = await follow(filled(query), { headers: filledAll(headers) })
        await stream.first(missed.length)
        const live = await user.create({ title: 'live' })
        const events = await stream.first(missed.length + 1)
        expect(events.map(({ id }) => id)).toEqual([...missed, 4].map(revisionOf))
        expect(events.map(({ task }) => task)).toEqual([...tasks, live].slice(-missed.length - 1))
      })

    test('a task that changed twice is listed once, in its latest state', async () => {
      await user.update(tasks[0]?.id ?? '', { title: 'changed' })
      const stream = await follow('?since=0')
      expect((await stream.first(3)).map(({ id, task }) => [id, task.title])).toEqual([
        [revisionOf(2), 'b'],
        [revisionOf(3), 'c'],
        [revisionOf(4), 'changed'],
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

    const otherHistories: [query: string, headers: Record<string, string>][] = [
      ['?since={4}', {}],
      ['', { 'last-event-id': '{4}' }],
      ['?since=1', {}],
      ['', { 'last-event-id': '1' }],
    ]
    for (const [query, headers] of otherHistories)
      test(`${query}${JSON.stringify(headers)} is of another history, and gone`, async () => {
        const answer = await user.send('GET', `/events${filled(query)}`, undefined, filledAll(headers))
        await expectProblem(answer, 410, 'history-gone')
      })

    for (const again of ['nothing more', 'a new history'])
      test(`after an erasure and ${again} the streams end, and what they would resume is gone`, async () => {
        const upToDate = [await follow('?since=0'), await follow()]
        await upToDate[0]?.first(3)
        await user.send('DELETE', `?confirm=${user.id}`)
        if (again === 'a new history') await user.create({ title: 'new' })
        for (const stream of upToDate) expect(await stream.ended).toBe('end')
        const resumed = await user.send('GET', '/events', undefined, filledAll({ 'last-event-id': '{3}' }))
        await expectProblem(resumed, 410, 'history-gone')
      })
  })

  test('500 changes missed come whole and in order', async () => {
    for (let i = 0; i < 5; i++)
      await user.batch(Array.from({ length: 100 }, (_, n) => ({ op: 'create', task: { title: `${i}/${n}` } })))
    const stream = await follow('?since=0')
    const [first] = await stream.first(500)
    expect(idsOf(stream)).toEqual(revisions(first?.id ?? 0, 500))
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
