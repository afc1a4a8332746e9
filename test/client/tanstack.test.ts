import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { MutationObserver, onlineManager } from '@tanstack/query-core'
import { createDoable, type Doable } from '../../src/client/index.ts'
import { databases } from '../kit/boot.ts'
import { useService } from '../kit/service.ts'
import { until } from '../kit/until.ts'
import { addTask, follow, merge, pendingAdds, queryClient, shown, TASKS, type Tasks } from './tanstack-recipe.ts'
import { answerLost, trouble, unreachable } from './trouble.ts'

test('the recipe in the guide is the one that is tested here', async () => {
  const guide = await Bun.file(join(import.meta.dir, '../../docs/client.md')).text()
  const blocks = [...guide.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, text]) => text)
  const recipe = await Bun.file(join(import.meta.dir, 'tanstack-recipe.ts')).text()
  expect(blocks.filter((text) => text?.includes('@tanstack/query-core'))).toEqual([recipe])
})

describe.each(databases)("the guide's recipe for TanStack Query, over %s", (kind) => {
  const service = useService(kind)
  const stops: AbortController[] = []
  const titles = () =>
    shown(queryClient.getQueryData<Tasks>(TASKS) ?? { revision: 0, byId: {} }).map(({ title }) => title)

  /** Two devices of a user; the first one is followed. */
  async function newUser(...plan: Parameters<typeof trouble>) {
    const userId = `user-${crypto.randomUUID()}`
    const { send, sent } = trouble(...plan)
    const options = { url: service().url, userId, token: () => service().tokens.sign(userId, 3600) }
    const other = createDoable(options)
    const posts = () => sent.filter(({ headers }) => headers.has('idempotency-key')).length
    const doable = createDoable({
      ...options,
      attempts: 1,
      fetch: (request) => (request.method === 'POST' ? send : fetch)(request),
    })
    await other.create({ title: 'Was there' })
    const stop = new AbortController()
    stops.push(stop)
    const following = follow(doable, stop.signal)
    await until('the list is there', () => titles().length === 1)
    return { doable, other, posts, following, stop }
  }
  const add = (doable: Doable, title: string) => {
    const wanted = { id: crypto.randomUUID(), title }
    const done = new MutationObserver(queryClient, addTask(doable)).mutate(wanted)
    return { ...wanted, done }
  }

  beforeAll(() => queryClient.mount())
  beforeEach(() => {
    for (const stop of stops.splice(0)) stop.abort()
    onlineManager.setOnline(true)
    queryClient.clear()
  })
  afterAll(() => {
    for (const stop of stops.splice(0)) stop.abort()
    queryClient.unmount()
  })

  test('shows an add before it is made, and once when it is', async () => {
    const { doable } = await newUser()
    const { id, done } = add(doable, 'Buy milk')
    expect(pendingAdds()).toMatchObject([{ wanted: { id, title: 'Buy milk' }, isOffline: false, error: null }])
    const made = await done
    expect(made.id).toBe(id)
    expect(pendingAdds()).toEqual([])
    expect(titles()).toEqual(['Buy milk', 'Was there'])
  })

  test('keeps adds while offline, and sends them in order afterwards, each once', async () => {
    const { doable, other, posts } = await newUser(unreachable, answerLost)
    onlineManager.setOnline(false)
    const adds = ['One', 'Two'].map((title) => add(doable, title))
    await Bun.sleep(50)
    expect(pendingAdds()).toMatchObject([
      { wanted: { title: 'One' }, isOffline: true },
      { wanted: { title: 'Two' }, isOffline: true },
    ])
    expect(posts()).toBe(0)
    onlineManager.setOnline(true)
    await Promise.all(adds.map(({ done }) => done))
    expect(posts()).toBe(4)
    expect(titles()).toEqual(['Two', 'One', 'Was there'])
    expect((await Array.fromAsync(other.list())).map(({ title }) => title)).toEqual(['Two', 'One', 'Was there'])
  })

  test('keeps a refused add with its reason, until it is forgotten', async () => {
    const { doable, posts } = await newUser()
    const { done } = add(doable, ' ')
    await expect(done).rejects.toMatchObject({ code: 'validation-failed' })
    const [refused] = pendingAdds()
    expect(refused).toMatchObject({ wanted: { title: ' ' }, error: { code: 'validation-failed' } })
    expect(posts()).toBe(1)
    refused?.forget()
    expect(pendingAdds()).toEqual([])
  })

  test("merges another device's changes as they happen, and no late answer undoes them", async () => {
    const { doable, other, following, stop } = await newUser()
    const { id, done } = add(doable, 'Mine')
    const made = await done
    await other.create({ title: 'Theirs' })
    await other.update(id, { title: 'Mine, changed' })
    await until('both arrive', () => titles().join() === 'Theirs,Mine, changed,Was there')
    await other.remove(id)
    await until('it goes', () => titles().join() === 'Theirs,Was there')
    merge(made)
    expect(titles()).toEqual(['Theirs', 'Was there'])
    stop.abort()
    await following
  })
})
