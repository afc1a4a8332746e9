import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { drizzle } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import { createTurns } from '../src/db/turns.ts'
import { createWork } from '../src/db/work.ts'
import { createCursors } from '../src/http/cursor.ts'
import { readRevision } from '../src/resource/rows.ts'
import { readChanges } from '../src/sync/changes.ts'
import type { Changes } from '../src/tasks/fields.ts'
import { createListTasks } from '../src/tasks/list.ts'
import { filtersOf } from '../src/tasks/query.ts'
import { completeTask, createTask, findTask, updateTask } from '../src/tasks/store.ts'
import { type Load, tasksEach, type Volume } from './loads.ts'
import { run } from './programs.ts'

export interface Statement {
  text: string
  parameters: readonly unknown[]
}

/** Stand in for what changes from request to request. */
const OWNER = 'the owner'
const TASK = '00000000-0000-7000-8000-ffffffffffff'

/** A parameter as SQL has it, with what stands for the owner and the task in their places. */
export function literalOf(value: unknown, owner: string, task: string): string {
  if (value === OWNER) return owner
  if (value === TASK) return task
  if (value === null || value === undefined) return 'null'
  return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value)
}

/** What pgbench puts there: a random user, and one of their tasks. */
const owner = "('bench-' || lpad(:u::text, 6, '0'))"
const task = "('00000000-0000-7000-8000-' || lpad(to_hex(:n::bigint), 12, '0'))::uuid"

/** The loads that are one statement, in the store's own words. */
export async function statementsOf(volume: Volume, collation: string): Promise<Map<Load, Statement>> {
  const seen: Statement[] = []
  const recorder = {
    options: { parsers: {}, serializers: {} },
    unsafe: (text: string, parameters: unknown[]) => {
      seen.push({ text, parameters })
      return Object.assign(Promise.resolve([]), { values: async () => [] })
    },
  }
  // Drizzle asks its client for these two members only.
  const db = drizzle(recorder as unknown as postgres.Sql)
  const owner = { id: OWNER, quota: Number.POSITIVE_INFINITY }
  const work = createWork(db, { quota: owner.quota, changed() {}, turns: createTurns({ oneConnection: false }) })
  const listTasks = createListTasks(createCursors('none'), collation)
  const page = { from: 'hand', sort: 'created_at', descending: true, filters: filtersOf({}), limit: 50 } as const
  const fields = {
    description: 'Some words',
    priority: 'high',
    due_date: '2026-11-24',
    tags: ['home', 'errands'],
  } satisfies Changes
  const calls: [Load, () => Promise<unknown>][] = [
    ['get', () => findTask(db, owner, TASK)],
    ['list', () => listTasks(work, OWNER, page)],
    ['list-304', () => readRevision(db, owner)],
    ['create', () => createTask(db, owner, { id: TASK, title: 'A new task of the bench', ...fields })],
    ['update', () => updateTask(db, owner, TASK, { title: 'Another title' })],
    ['complete', () => completeTask(db, owner, TASK, undefined)],
    ['changes', () => readChanges(db, owner, Math.floor(tasksEach(volume) / 2), 50)],
  ]
  const statements = new Map<Load, Statement>()
  for (const [load, call] of calls) {
    // The recorder gives back no rows, for which some of these functions throw.
    await call().catch(() => undefined)
    const statement = seen.splice(0)[0]
    if (statement) statements.set(load, statement)
  }
  return statements
}

/** Only users with odd numbers write: `list-304` needs users whose revision stays the same. */
export const WRITES: ReadonlySet<Load> = new Set(['create', 'update', 'complete'])

/** The same statement as a script of pgbench. */
function scriptOf(load: Load, { text, parameters }: Statement, volume: Volume): string {
  const id = load === 'create' ? 'gen_random_uuid()' : task
  const filled = text.replace(/\$(\d+)/g, (_, at) => literalOf(parameters[Number(at) - 1], owner, id))
  const user = WRITES.has(load)
    ? `1 + 2 * random(0, ${Math.floor(volume.users / 2) - 1})`
    : `random(0, ${volume.users - 1})`
  return [
    `\\set u ${user}`,
    `\\set n :u + ${volume.users} * random(0, ${tasksEach(volume) - 1})`,
    `${filled.replace(/\s+/g, ' ')};`,
  ].join('\n')
}

/** What PostgreSQL itself can give: the same statements, prepared, by its own load generator. In requests a second. */
export async function measureFloor(
  pgbench: string,
  url: string,
  folder: string,
  load: Load,
  statement: Statement,
  volume: Volume,
  connections: number,
  seconds: number,
): Promise<number> {
  const script = join(folder, `${load}.sql`)
  await writeFile(script, scriptOf(load, statement, volume))
  // pgbench counts the time in which it connects, which is too large a part of one second.
  const time = Math.max(seconds, 3)
  const options = ['-n', '-M', 'prepared', '-c', String(connections), '-j', '1', '-T', String(time), '-f', script]
  const output = await run([pgbench, ...options, url], { seconds: time + 60 })
  const rate = Number(/tps = ([\d.]+)/.exec(output)?.[1])
  if (!(rate > 0)) throw new Error(`pgbench has given no rate:\n${output}`)
  return rate
}
