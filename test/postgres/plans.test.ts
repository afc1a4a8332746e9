import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { drizzle } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import { findCollation } from '../../src/db/collation.ts'
import type { Db } from '../../src/db/database.ts'
import { createTurns } from '../../src/db/turns.ts'
import { createWork } from '../../src/db/work.ts'
import { findList, readLists } from '../../src/lists/read.ts'
import { updateList } from '../../src/lists/store.ts'
import { changePiece } from '../../src/resource/change.ts'
import { eraseUser } from '../../src/resource/history.ts'
import { readRevision } from '../../src/resource/rows.ts'
import { readChanges } from '../../src/sync/changes.ts'
import { partsOfTask, removeCompletedParts, tasksOfList } from '../../src/tasks/along.ts'
import { createListTasks, type ListRequest } from '../../src/tasks/list.ts'
import { createListStatements } from '../../src/tasks/list-statements.ts'
import { createListTerms, parametersOf } from '../../src/tasks/list-terms.ts'
import { filtersOf, SORTS } from '../../src/tasks/query.ts'
import { checkReferences } from '../../src/tasks/references.ts'
import { createSearchStatements } from '../../src/tasks/search-statements.ts'
import {
  completeTask,
  createTask,
  findTask,
  purgeTask,
  removeCompletedTasks,
  removeTask,
  restoreTask,
  updateTask,
} from '../../src/tasks/store.ts'
import { boot, type Target } from '../kit/boot.ts'
import { openSession } from '../kit/postgres-server.ts'

setDefaultTimeout(180_000)

const RICH = 'rich'
const ORDINARY = 'user-7'
const TASK = '01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80'

/** Rows added in one go: users of 1000 tasks each, all in each other's midst, and perhaps a tenth of them one user's. */
const STAGES = [
  { from: 0, rows: 100_000, rich: false },
  { from: 100_000, rows: 900_000, rich: true },
]

interface Statement {
  text: string
  parameters: (string | number | boolean | null)[]
}

/** A node of EXPLAIN's JSON, with the parts that are looked at here. */
interface Plan {
  'Node Type': string
  'Relation Name'?: string
  'Index Name'?: string
  'Shared Hit Blocks'?: number
  'Shared Read Blocks'?: number
  Plans?: Plan[]
}

describe('with a user of 100,000 tasks among a million rows', () => {
  let service: Target
  let sql: postgres.Sql
  let collation: string
  /** Blocks that an ordinary user's first page takes, by stage. */
  const firstPage: Map<string, number>[] = []

  beforeAll(async () => {
    service = await boot('postgres')
    sql = openSession(service.databaseUrl ?? '')
    collation = await findCollation(drizzle(sql))
    await sql`alter table doable.tasks set unlogged`
    // It would come at any time, and after it counts read the index alone.
    for (const table of ['tasks', 'users'])
      await sql.unsafe(`alter table doable.${table} set (autovacuum_enabled = off)`)
    for (const stage of STAGES) {
      await insert(stage)
      firstPage.push(await blocksByStatement())
    }
  })
  afterAll(async () => {
    await sql?.end()
    await service?.stop()
  })

  async function insert({ from, rows, rich }: (typeof STAGES)[number]): Promise<void> {
    const indexes = await sql<{ indexname: string; indexdef: string }[]>`
      select indexname, indexdef from pg_indexes
      where schemaname = 'doable' and tablename = 'tasks' and indexname not like '%_pk'`
    // Made anew afterwards: much faster than row by row.
    for (const { indexname } of indexes) await sql.unsafe(`drop index doable.${indexname}`)
    // Leaves the foreign key unchecked, in this session alone.
    await sql`set session_replication_role = replica`
    const owner = sql`case when ${rich} and i % 9 = 0 then ${RICH} else 'user-' || (${from} / 1000 + i % (${rows}::int / 1000)) end`
    await sql`
      insert into doable.tasks (user_id, id, title, completed, completed_at, priority, due_date, tags, position, revision, created_at, deleted_at)
      select ${owner}, lpad(to_hex(${from}::int + i), 32, '0')::uuid, 'task ' || i % 1000, i % 3 = 0,
        case when i % 3 = 0 then now() end, (array['low', 'medium', 'high'])[i % 3 + 1]::doable.task_priority,
        case when i % 4 > 0 then '2026-11-' || lpad((i % 28 + 1)::text, 2, '0') end,
        case when i % 5 = 0 then array['home'] else '{}' end, i, ${from}::int + i,
        '2026-01-01'::timestamptz + i * interval '1 s', case when i % 20 = 0 then now() end
      from generate_series(1, ${rows}::int) as i`
    await sql`
      insert into doable.users (id, revision, position)
      select user_id, max(revision), max(position) from doable.tasks group by user_id on conflict do nothing`
    await sql`
      insert into doable.lists (user_id, id, name, position, revision, deleted_at)
      select id, lpad(to_hex(i), 32, '0')::uuid, 'list ' || i, i, i, case when i % 10 = 0 then now() end
      from doable.users, generate_series(1, 20) as i on conflict do nothing`
    await sql`set session_replication_role = origin`
    for (const { indexdef } of indexes) await sql.unsafe(indexdef)
    await sql`vacuum (analyze) doable.tasks, doable.users, doable.lists`
  }

  /** The statements that the program runs for a user, by name; nothing of it reaches the database. */
  async function statementsFor(user: string): Promise<Map<string, Statement>> {
    const found = new Map<string, Statement>()
    let name = ''
    const nothing = { values: async () => [] as unknown[] }
    const client = {
      options: sql.options,
      unsafe(text: string, parameters: Statement['parameters']) {
        found.set(found.has(name) ? `${name}, then` : name, { text, parameters })
        return Object.assign(Promise.resolve([]), nothing)
      },
    }
    // All that Drizzle asks of its client for a single statement.
    const db = drizzle(client as unknown as postgres.Sql)
    const values = {
      created_at: '2026-01-02T00:00:00.000Z',
      due_date: null,
      priority: 'medium',
      title: 'task 5',
      position: 5,
    }
    let sort = ''
    const starts: Record<string, string | number | null> = {
      ...values,
      updated_at: values.created_at,
      deleted_at: values.created_at,
    }
    const owner = { id: user, quota: Number.POSITIVE_INFINITY }
    const work = createWork(db, { quota: owner.quota, changed() {}, turns: createTurns({ oneConnection: false }) })
    const listTasks = createListTasks(
      { write: () => '', read: () => ({ value: starts[sort] ?? null, id: TASK }) },
      collation,
    )
    const run = async (what: string, work: () => Promise<unknown>) => {
      name = what
      // Without rows some answers are refusals, whose statements are recorded all the same.
      await work().catch(() => {})
    }

    const list = async (from: ListRequest['from'], by: ListRequest['sort'], descending: boolean, filtered: boolean) => {
      const filters = filtersOf(
        filtered
          ? {
              status: 'pending',
              priority: ['high'],
              tag: ['home'],
              q: 'task',
              due_after: '2026-11-01',
              due_before: '2026-11-20',
            }
          : {},
      )
      sort = by
      for (const cursor of [undefined, 'c'])
        await run(
          `${from} by ${descending ? '-' : ''}${by}${filtered ? ', filtered' : ''}${cursor ? ', next page' : ''}`,
          () =>
            listTasks(work, user, {
              from,
              sort: by,
              descending,
              filters,
              limit: 50,
              ...(cursor && { cursor }),
              count: cursor === undefined,
            }),
        )
    }
    for (const by of SORTS)
      for (const descending of [false, true])
        for (const filtered of [false, true]) await list('hand', by, descending, filtered)
    await list('trash', 'deleted_at', true, false)
    for (const since of [0, 500_000]) await run(`changes since ${since}`, () => readChanges(db, owner, since, 50))
    await statementsOfSearch(run, db, user)
    await run('revision', () => readRevision(db, owner))
    await run('find', () => findTask(db, owner, TASK))
    await run('update', () => updateTask(db, owner, TASK, { title: 'x' }, { revisions: [1] }))
    await run('complete', () => completeTask(db, owner, TASK, undefined))
    await run('delete', () => removeTask(db, owner, TASK))
    await run('restore', () => restoreTask(db, owner, TASK))
    await run('purge', () => purgeTask(db, owner, TASK))
    await run('delete completed', () => removeCompletedTasks(db, owner, 1000))
    await run('create', () => createTask(db, owner, { title: 'x' }))
    await run('lists', () => readLists(db, owner, 'hand'))
    await run('lists in the trash', () => readLists(db, owner, 'trash'))
    await run('list', () => findList(db, owner, TASK))
    await run('update list', () => updateList(db, owner, TASK, { name: 'x' }))
    await run('references', () => checkReferences(db, owner, TASK, { list_id: TASK }))
    await run('parent', () => checkReferences(db, owner, TASK, { parent_id: TASK }))
    const along = { parts: partsOfTask, list: tasksOfList, completed: { remove: [removeCompletedParts] } }
    for (const [whose, moves] of Object.entries(along))
      for (const [move, statements] of Object.entries(moves))
        for (const [n, change] of statements.entries())
          await run(`${move} of ${whose}, ${n}`, () => changePiece(change, db, { owner: user, id: TASK, limit: 1000 }))
    await run('erase', () => eraseUser(db, owner))
    return found
  }

  /** Those that a search of a user with much text goes on with. */
  async function statementsOfSearch(
    run: (what: string, work: () => Promise<unknown>) => Promise<void>,
    db: Db,
    user: string,
  ): Promise<void> {
    const terms = createListTerms(collation)
    const [pages, statements] = [createListStatements(terms), createSearchStatements(terms)]
    const ids = `{${TASK}}`
    const values = {
      ...parametersOf(filtersOf({ status: 'pending', q: 'task' })),
      owner: user,
      limit: 500,
      ids,
      id: TASK,
    }
    await run('matching', () => statements.matching(db, values))
    for (const after of [false, true]) {
      const look = { ...values, value: '2026-01-02T00:00:00.000Z', bytes: 100_000, most: 50 }
      await run(`count looked, ${after}`, () => statements.countLooked[after ? 'next' : 'first'](db, look))
      const shape = { from: 'hand', sort: 'created_at', descending: true, filtered: true, after } as const
      await run(`look, ${after}`, () => statements.look(shape)(db, look))
      await run(`places, ${after}`, () => statements.order(shape)(db, { ...values, value: '2026-01-02T00:00:00.000Z' }))
      await run(`long page, ${after}`, () =>
        pages.page(shape, 'bytes')(db, { ...values, value: '2026-01-02T00:00:00.000Z' }),
      )
    }
    await run('long changes', () => readChanges(db, { id: user, quota: Number.POSITIVE_INFINITY }, 0, 1000))
  }

  async function explain(how: string, { text, parameters }: Statement): Promise<Plan> {
    const [row] = await sql.unsafe(`explain (${how}, format json) ${text}`, how === 'generic_plan' ? [] : parameters)
    if (!row) throw new Error('no plan')
    const [{ Plan: plan }] = row['QUERY PLAN'] as [{ Plan: Plan }]
    return plan
  }

  function nodesOf(plan: Plan): Plan[] {
    return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]
  }

  async function blocksByStatement(): Promise<Map<string, number>> {
    const blocks = new Map<string, number>()
    for (const [name, statement] of await statementsFor(ORDINARY)) {
      if (!/^(hand by|trash|changes since 0|find|revision)/.test(name) || name.includes('next page')) continue
      // The second run finds in memory what the first has read.
      let plan = await explain('analyze, buffers', statement)
      plan = await explain('analyze, buffers', statement)
      blocks.set(name, (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0))
    }
    return blocks
  }

  for (const [whose, user, how] of [
    ["the rich user's", RICH, 'costs'],
    ["an ordinary user's", ORDINARY, 'costs'],
    ["anybody's (the generic plan)", RICH, 'generic_plan'],
  ] as const)
    test(`every statement on ${whose} tasks uses an index, and never reads the table through`, async () => {
      const through: string[] = []
      const statements = await statementsFor(user)
      expect(statements.size).toBeGreaterThan(60)
      for (const [name, statement] of statements) {
        const nodes = nodesOf(await explain(how, statement))
        const scans = nodes.filter((node) => ['tasks', 'lists', 'users'].includes(node['Relation Name'] ?? ''))
        if (scans.some((node) => node['Node Type'] === 'Seq Scan')) through.push(name)
        else if (!nodes.some((node) => node['Index Name'] !== undefined) && name !== 'create')
          through.push(`${name}: no index`)
      }
      expect(through).toEqual([])
    })

  test("an ordinary user's first page costs no more among a million rows than among 100,000", () => {
    const [before, after] = firstPage
    const grown = [...(after ?? [])]
      .map(([name, blocks]) => ({ name, before: before?.get(name) ?? 0, after: blocks }))
      // An index may be a level higher, in each of the places that it is entered.
      .filter((cost) => cost.after > cost.before + 4)
    expect(grown).toEqual([])
    expect(after?.size).toBeGreaterThan(25)
  })
})
