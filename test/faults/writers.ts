import { expect } from 'bun:test'
import type { Task } from '../../src/tasks/model.ts'
import { forge } from '../kit/forge.ts'
import { until } from '../kit/until.ts'

const authorization = `Bearer ${forge()}`
const tasks = '/api/alice/tasks'

/** Writers that never pause, and remember every answer. */
export class Writers {
  /** The title by id, from each answer of 201 or 200. */
  readonly acknowledged = new Map<string, string>()
  /** Creations without an answer, which may be done or not, but not twice; and whether they chose their id. */
  readonly unsure = new Map<string, boolean>()
  /** Statuses other than success. */
  readonly refused: number[] = []
  #url = ''
  #running: Promise<unknown> = Promise.resolve()
  #stopped = true

  start(url: string, count = 8): void {
    this.#url = url
    this.#stopped = false
    this.#running = Promise.all(Array.from({ length: count }, (_, i) => this.#write(i % 2 === 0)))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  /** Waits until so many more tasks are acknowledged. */
  async written(count: number): Promise<void> {
    const enough = this.acknowledged.size + count
    await until(`${count} writes are acknowledged`, () => this.acknowledged.size >= enough)
  }

  send(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(this.#url + path, {
      method,
      headers: { authorization, 'content-type': 'application/json', ...headers },
      ...(body && { body: JSON.stringify(body) }),
    })
  }

  /** @param chosen whether to choose ids, or else to name each request by an `Idempotency-Key`. */
  async #write(chosen: boolean): Promise<void> {
    while (!this.#stopped) {
      const key = Bun.randomUUIDv7()
      this.unsure.set(key, chosen)
      const made = await this.#create(key, chosen).catch(() => undefined)
      if (!made) await Bun.sleep(20)
      else {
        const title = `${key} changed`
        const changed = await this.send('PUT', `${tasks}/${made.id}`, { title }).catch(() => undefined)
        if (changed?.status === 200) this.acknowledged.set(made.id, title)
        // The change may have been done although its answer was lost.
        else this.acknowledged.set(made.id, key)
      }
    }
  }

  #sendNew(key: string, chosen: boolean): Promise<Response> {
    return chosen
      ? this.send('POST', tasks, { id: key, title: key })
      : this.send('POST', tasks, { title: key }, { 'idempotency-key': key })
  }

  async #create(key: string, chosen: boolean): Promise<Task | undefined> {
    const response = await this.#sendNew(key, chosen)
    const body = (await response.json()) as Task
    if (response.status !== 201) {
      this.refused.push(response.status)
      return undefined
    }
    this.unsure.delete(key)
    this.acknowledged.set(body.id, key)
    return body
  }

  /** Repeats what was not answered, as a client would, and compares everything with what is there. */
  async check(url: string): Promise<void> {
    this.#url = url
    for (const [key, chosen] of this.unsure) {
      const { status } = await this.#sendNew(key, chosen)
      expect(chosen ? [201, 409] : [201]).toContain(status)
    }
    const response = await this.send('GET', '/api/alice/export')
    expect(response.status).toBe(200)
    const kept = (await response.json()) as Task[]
    const titles = new Map(kept.map(({ id, title }) => [id, title]))
    expect(titles.size).toBe(kept.length)
    for (const [id, title] of this.acknowledged) expect(titles.get(id)?.startsWith(title)).toBe(true)

    // Every revision was given out once, and `changes` lists all of them.
    let since = 0
    const revisions: number[] = []
    for (let more = true; more; ) {
      const page = await (await this.send('GET', `/api/alice/changes?since=${since}`)).json()
      const { changes, next } = page as { changes: Task[]; next: number }
      revisions.push(...changes.map(({ revision }) => revision))
      more = (page as { more: boolean }).more
      since = next
    }
    expect(revisions).toHaveLength(kept.length)
    expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b))
    // Each creation has its own title, so a creation that was done twice shows.
    expect(new Set(kept.map(({ title }) => title.split(' ')[0])).size).toBe(kept.length)
    this.unsure.clear()
  }
}
