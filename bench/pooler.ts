import { spawn } from 'node:child_process'
import { chown, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, type PostgresServer } from '../test/kit/postgres-server.ts'
import { run } from './programs.ts'

/** `nobody`: PgBouncer, too, refuses to run as root. */
const NOBODY = 65534

export interface Pooler {
  readonly version: string
  url(database: string): string
  stop(): Promise<void>
}

/** The default of PgBouncer's newest versions; 0, which loses prepared statements, was that of older ones. */
const KEEPS_STATEMENTS = ['max_prepared_statements = 200']

/**
 * PgBouncer in transaction mode before a server, as Neon's pooler works.
 *
 * @param settings more lines for its configuration.
 */
export async function startPooler(
  program: string,
  server: PostgresServer,
  folder: string,
  settings = KEEPS_STATEMENTS,
): Promise<Pooler> {
  const version = /PgBouncer ([\d.]+)/.exec(await run([program, '--version']))?.[1] ?? '0'
  const port = freePort()
  const users = join(folder, 'users.txt')
  const file = join(folder, 'pgbouncer.ini')
  await writeFile(users, '"postgres" ""\n')
  await writeFile(
    file,
    [
      '[databases]',
      `* = host=127.0.0.1 port=${server.port}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = trust',
      `auth_file = ${users}`,
      'pool_mode = transaction',
      'default_pool_size = 8',
      ...settings,
    ].join('\n'),
  )
  const asRoot = process.getuid?.() === 0
  if (asRoot) for (const path of [folder, users, file]) await chown(path, NOBODY, NOBODY)
  const child = spawn(program, ['-q', file], { stdio: 'ignore', ...(asRoot ? { uid: NOBODY, gid: NOBODY } : {}) })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  return {
    version,
    url: (database) => `postgres://postgres@127.0.0.1:${port}/${database}`,
    async stop() {
      child.kill('SIGINT')
      await ended
    },
  }
}
