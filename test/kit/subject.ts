import { afterAll, afterEach, beforeAll, expect } from 'bun:test'
import type postgres from 'postgres'
import { boot, type Target } from './boot.ts'
import { newDatabase, openSession } from './postgres-server.ts'
import { type Network, startProxy } from './proxy.ts'

export const DEADLINE = 2000
/** Allowance for a shared machine, added to a deadline. */
export const SLACK = 1500
/** How soon the service must use the database after its return. */
export const BACK = 2000
/** How long a session of PostgreSQL may take to end. */
const GONE = 10_000

export interface Answer {
  status: number
  ms: number
}

/** A service whose database fails, requests to it, and a direct session to that database. */
export class Subject {
  constructor(
    readonly target: Target,
    readonly admin: postgres.Sql,
  ) {}

  /** One request, and the promise that holds for all of them: a success, or a 503 that says when to come back, in time. */
  async ask(method: string, path: string, body?: { title: string }, user = 'alice'): Promise<Answer> {
    const start = performance.now()
    const response = await this.target.request(user, method, `/api/${user}${path}`, body)
    const text = await response.text()
    const ms = performance.now() - start
    if (response.status >= 400) {
      expect(response.status).toBe(503)
      expect(JSON.parse(text)).toMatchObject({ code: 'database-unavailable', status: 503 })
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(text).not.toMatch(/ECONN|CONNECT|select|insert/)
    } else {
      // Answers must never be mixed up, however connections break.
      const tasks: { user_id: string; title: string }[] = [JSON.parse(text)].flat()
      expect(new Set(tasks.map(({ user_id }) => user_id)).isSubsetOf(new Set([user]))).toBe(true)
      if (body) expect(tasks[0]?.title).toBe(body.title)
    }
    expect(ms).toBeLessThan(DEADLINE + SLACK)
    return { status: response.status, ms }
  }

  /** Reads and writes by several clients for a while; the titles whose creation was acknowledged. */
  async traffic(ms: number, answers: Answer[] = []): Promise<string[]> {
    const acknowledged: string[] = []
    const end = performance.now() + ms
    const client = async (n: number) => {
      for (let i = 0; performance.now() < end; i++) {
        const title = `${n}-${i}-${crypto.randomUUID()}`
        const made = await this.ask('POST', '/tasks', { title }, `user-${n}`)
        if (made.status === 201) acknowledged.push(title)
        answers.push(made, await this.ask('GET', '/tasks', undefined, `user-${n}`))
        await Bun.sleep(10)
      }
    }
    await Promise.all(Array.from({ length: 8 }, (_, n) => client(n)))
    return acknowledged
  }

  async expectStored(titles: string[]): Promise<void> {
    const rows = await this.admin<{ title: string }[]>`select title from doable.tasks`
    const stored = rows.map(({ title }) => title)
    expect(new Set(stored).size).toBe(stored.length)
    expect(titles.filter((title) => !stored.includes(title))).toEqual([])
  }

  /** Call it when the database is back: the service must be back within two seconds. */
  async expectBack(): Promise<void> {
    const start = performance.now()
    while ((await this.ask('GET', '/tasks')).status !== 200 && performance.now() - start < 10_000) await Bun.sleep(50)
    expect(performance.now() - start).toBeLessThan(BACK + SLACK)
    expect((await this.ask('POST', '/tasks', { title: 'back' })).status).toBe(201)
    await this.admin`delete from doable.tasks where title = 'back'`
  }

  /** Ends every session of the service, and waits until they are gone. */
  async terminateBackends(): Promise<void> {
    const rows = await this.admin`select pg_terminate_backend(pid, ${GONE}) as gone from pg_stat_activity
      where application_name = 'doable' and datname = current_database() and pid <> pg_backend_pid()`
    expect(rows).not.toHaveLength(0)
    expect(rows.filter(({ gone }) => !gone)).toHaveLength(0)
  }
}

/** A subject whose database is behind a network that the enclosing file's tests may break. */
export function useSubject(): () => { it: Subject; proxy: Network } {
  let proxy: Network
  let it: Subject
  beforeAll(async () => {
    const url = await newDatabase()
    const admin = openSession(url)
    proxy = await startProxy({ port: Number(new URL(url).port) })
    const target = await boot('postgres', { DATABASE_URL: proxy.through(url), REQUEST_TIMEOUT_MS: String(DEADLINE) })
    it = new Subject(target, admin)
  })
  afterAll(async () => {
    await it.target.stop()
    await proxy.close()
    await it.admin.end()
  })
  // The next test must start with a working network.
  afterEach(() => proxy.restore())
  return () => ({ it, proxy })
}
