/**
 * Ten million tasks of the version before lists are migrated while older programs go on reading and writing. None
 * of their statements may wait for more than a second. Takes some ten minutes and 6 GB of disk, so this stands apart from
 * the tests: `bun test/faults/migrate-large.ts [tasks]`
 */
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrateAsBefore } from '../kit/older-database.ts'
import { newDatabase, openSession, startPostgresServer } from '../kit/postgres-server.ts'
import { runToEnd } from '../kit/program.ts'

const TASKS = Number(process.argv[2] ?? 10_000_000)
const USERS = 10_000
const LONGEST_MS = 1000

const server = await startPostgresServer({
  settings: ['fsync = on', 'shared_buffers = 1GB', 'max_wal_size = 4GB', 'maintenance_work_mem = 256MB'],
})
try {
  const url = await newDatabase(server)
  await fill(url)
  const { done, longest, statements } = await migrateUnderLoad(url)
  process.stdout.write(`${TASKS} tasks: ${done}\n`)
  process.stdout.write(`meanwhile ${statements} statements, the longest ${Math.round(longest)} ms\n`)
  if (longest > LONGEST_MS) process.exitCode = 1
} finally {
  await server.stop()
}

async function fill(url: string): Promise<void> {
  const session = openSession(url)
  await migrateAsBefore(drizzle(session), (name) => name < '0004')
  // No trigger looks up each task's user: they are all there.
  await session`set session_replication_role = replica`
  await session`insert into doable.users (id, revision, position, bytes)
    select 'user-' || n, ${TASKS}, ${TASKS}, 0 from generate_series(0, ${USERS}::int - 1) as n`
  await session`insert into doable.tasks (id, user_id, title, description, position, revision)
    select gen_random_uuid(), 'user-' || n % ${USERS}::int, 'Task ' || n, 'Some words about it.', n, n
    from generate_series(1, ${TASKS}::int) as n`
  await session`vacuum analyze doable.tasks`
  await session.end()
}

/** @returns how the migration ended, and the longest that a statement took meanwhile, in milliseconds. */
async function migrateUnderLoad(url: string) {
  let isMigrating = true
  let longest = 0
  let statements = 0
  /** What an older program does, over and over: it knows none of the new columns. */
  const work = async (write: boolean) => {
    const session = openSession(url)
    while (isMigrating) {
      const n = Math.floor(Math.random() * TASKS)
      const user = `user-${n % USERS}`
      const begun = performance.now()
      const statement = () =>
        write
          ? session`with raised as (update doable.users set revision = revision + 1 where id = ${user} returning *)
          insert into doable.tasks (id, user_id, title, position, revision)
          select gen_random_uuid(), raised.id, 'x', raised.revision, raised.revision from raised`
          : session`select id, title, completed from doable.tasks where user_id = ${user} and deleted_at is null
          order by position desc limit 50`
      // Columns have other types now: as the service does, it is repeated, and prepared anew.
      await statement().catch((error) => (error.code === '0A000' ? statement() : Promise.reject(error)))
      longest = Math.max(longest, performance.now() - begun)
      statements++
      await Bun.sleep(5)
    }
    await session.end()
  }
  const load = Promise.all([work(true), work(true), work(false), work(false)])
  await Bun.sleep(2000)
  const calm = longest
  const begun = performance.now()
  const { code, stdout, stderr } = await runToEnd(['migrate'], { DATABASE_URL: url })
  const seconds = Math.round((performance.now() - begun) / 1000)
  isMigrating = false
  await load
  if (code !== 0) throw new Error(`the migration ended with ${code}: ${stdout}${stderr}`)
  return { done: `migrated in ${seconds} s (longest statement before: ${Math.round(calm)} ms)`, longest, statements }
}
