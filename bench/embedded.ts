import { Database as Sqlite } from 'bun:sqlite'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { checkAgreement } from './agree.ts'
import { measureClosed, type Sample, writeCallers } from './closed.ts'
import { type Contender, onSqlite, type Running, start } from './contenders.ts'
import { fill } from './database.ts'
import { startEngine } from './engine.ts'
import { statementsOf } from './floor.ts'
import { type Load, taskId, tasksEach, userName, type Volume } from './loads.ts'
import { run } from './programs.ts'
import { measureReady } from './ready.ts'

export const EMBEDDED_LOADS = ['get', 'list', 'create', 'complete'] as const satisfies Load[]

/** The columns of the report's table, Doable first. */
export const EMBEDDED_NAMES = ['Doable', 'PGlite alone', 'bun:sqlite'] as const

/** CPU a request in milliseconds, memory in MB. */
export type EmbeddedSample = Pick<
  Sample,
  'contender' | 'load' | 'connections' | 'rate' | 'cpu' | 'memory' | 'failed' | 'timeouts'
>

export interface Embedded {
  readonly volume: Volume
  readonly samples: readonly EmbeddedSample[]
  /** From spawn to ready on a database that is there, in milliseconds. */
  readonly ready: readonly number[]
}

export interface EmbeddedPlan {
  readonly volume: Volume
  readonly connections: number
  readonly rounds: number
  readonly seconds: number
}

/** The collation that the embedded PostgreSQL has for comparisons that ignore case. */
const COLLATION = 'pg_c_utf8'

/**
 * Doable on its embedded database, beside what the engine itself gives to a process that has it to itself, and beside
 * HTTP, tokens and SQLite in one process. None of them waits for the disk at a commit.
 */
export async function measureEmbedded(
  { volume, connections, rounds, seconds }: EmbeddedPlan,
  doable: Contender,
  wrk: string,
  folder: string,
  secret: string,
  sign: (user: string) => Promise<string>,
): Promise<Embedded> {
  const place = join(folder, 'embedded')
  const engineFiles = join(folder, 'engine')
  const sqliteFile = join(folder, 'tasks.sqlite')
  const [program = ''] = doable.command
  const env = { DATA_DIR: place, BETTER_AUTH_SECRET: secret }
  await run([program, 'migrate'], { env })
  await fillEmbedded(join(place, 'postgres'), volume)
  await cp(join(place, 'postgres'), engineFiles, { recursive: true })
  fillSqlite(sqliteFile, volume)
  const callers = join(folder, 'callers-embedded.txt')
  await writeCallers(callers, volume.users, sign)
  const ready = await measureReady(program, env, rounds)

  const bench = { wrk, callers, volume, databasePid: undefined }
  const samples: EmbeddedSample[] = []
  const running: { stop(): Promise<void> }[] = []
  const begin = async (contender: Contender, more: Record<string, string>): Promise<Running> => {
    const service = await start(contender, undefined, secret, more)
    running.push(service)
    return service
  }
  try {
    const services = [
      // Few users ask, who would soon reach their limit: it is raised, not turned off.
      await begin(doable, { DATA_DIR: place, RATE_LIMIT: '1000000' }),
      await begin(onSqlite, { DATABASE_FILE: sqliteFile }),
    ]
    await checkAgreement(services, (user) => sign(userName(user)), volume)
    const statements = Object.fromEntries(await statementsOf(volume, COLLATION))
    const engine = await startEngine({ files: engineFiles, volume, statements })
    running.push(engine)
    // Round 0 warms them up.
    for (let round = 0; round <= rounds; round++)
      for (const load of EMBEDDED_LOADS) {
        const time = round === 0 ? 1 : seconds
        const taken: EmbeddedSample[] = []
        for (const service of round % 2 === 0 ? services : services.toReversed())
          taken.push(await measureClosed(bench, service, load, connections, time, round))
        const alone = await engine.measure({ load, callers: connections, seconds: time })
        taken.push({ contender: EMBEDDED_NAMES[1], load, connections, ...alone, failed: 0, timeouts: 0 })
        if (round > 0) samples.push(...taken)
      }
  } finally {
    for (const { stop } of running.reverse()) await stop()
  }
  return { volume, samples, ready }
}

async function fillEmbedded(files: string, volume: Volume): Promise<void> {
  const db = new PGlite({ dataDir: files })
  await fill((text) => db.exec(text), volume)
  await db.exec('vacuum analyze')
  await db.close()
}

/** The plain services' table in SQLite, with the same tasks. */
function fillSqlite(file: string, volume: Volume): void {
  const db = new Sqlite(file, { create: true })
  db.run('pragma journal_mode = wal')
  db.run(`create table tasks (id text primary key, user_id text not null, title text not null, description text,
    completed integer not null, created_at text not null, updated_at text not null)`)
  db.run('create index tasks_user_created on tasks (user_id, created_at)')
  const insert = db.query('insert into tasks values (?, ?, ?, ?, ?, ?, ?)')
  db.transaction(() => {
    for (let n = 0; n < tasksEach(volume) * volume.users; n++) {
      const at = new Date(Date.UTC(2026, 0, 1) + n * 2001).toISOString()
      const title = `Task ${n} of the bench, with a title of ordinary length`
      const description = n % 2 === 0 ? 'Some words about it, as people write them.' : null
      insert.run(taskId(n), userName(n % volume.users), title, description, n % 5 === 0, at, at)
    }
  })()
  db.close()
}
