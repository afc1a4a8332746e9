import { join } from 'node:path'
import { freePort } from '../test/kit/postgres-server.ts'
import { type Programs, run } from './programs.ts'
import { NAMES } from './shape.ts'

const PEERS = join(import.meta.dir, 'peers')
const ROOT = join(import.meta.dir, '..')
export const BINARY = join(ROOT, 'dist/doable')

/** How long a service may take to its first answer. */
const START_MS = 30_000

/** The memory limit of `compose.yaml`, in bytes: Bun's collector is told of it, since there is no container that has one. */
const MEMORY_LIMIT = 2 ** 30

/** A way to start a service; its settings come by `PORT`, `DATABASE_URL` and a secret. */
export interface Contender {
  readonly name: string
  readonly command: readonly string[]
  readonly cwd?: string
  /** Whether its port must be among its arguments. */
  readonly takesPort?: true
}

export interface Running {
  readonly name: string
  readonly url: string
  readonly pid: number
  stop(): Promise<void>
}

/** The compiled program as it ships, made when it is not there. */
export async function buildDoable(): Promise<Contender> {
  if (!(await Bun.file(BINARY).exists())) {
    const { scripts } = await Bun.file(join(ROOT, 'package.json')).json()
    const flags = ['--define', 'process.env.NODE_ENV="production"', '--minify-whitespace', '--minify-syntax']
    const build = ['build', '--compile', ...flags, 'src/main.ts', '--outfile', BINARY]
    await run([process.execPath, ...(scripts.build ? ['run', 'build'] : build)], { cwd: ROOT })
  }
  return { name: 'Doable', command: [BINARY, 'serve'] }
}

/**
 * The peers, compiled and installed below `folder` at the versions that their lock files name: those that do the same
 * work on the same tables, then the plain ones.
 *
 * @throws Error for one that cannot be built: none is left out.
 */
export async function buildPeers({ go, python3 }: Programs<'go' | 'python3'>, folder: string): Promise<Contender[]> {
  const compile = async (name: string): Promise<readonly string[]> => {
    const file = join(folder, name)
    await run([go, 'build', '-o', file, '.'], { cwd: join(PEERS, name) })
    return [file]
  }
  const install = async (name: string) => {
    const cwd = join(PEERS, name)
    const venv = join(folder, name)
    await run([python3, '-m', 'venv', venv])
    const pip = [join(venv, 'bin/pip'), 'install', '--quiet', '--disable-pip-version-check']
    await run([...pip, '-r', join(cwd, 'requirements.txt')])
    // One worker, as the others are one process; no access log, as Doable writes none at its default level.
    const quiet = ['--no-access-log', '--log-level', 'warning']
    const fast = ['--loop', 'uvloop', '--http', 'httptools']
    const command = [join(venv, 'bin/uvicorn'), 'main:app', '--host', '127.0.0.1', ...quiet, ...fast]
    return { command, cwd, takesPort: true } as const
  }
  return [
    { name: 'Go', command: await compile('go') },
    { name: 'Hono', command: [process.execPath, join(PEERS, 'hono/main.ts')] },
    { name: 'FastAPI', ...(await install('fastapi')) },
    { name: 'plain Go', command: await compile('go-plain') },
    { name: 'async FastAPI', ...(await install('fastapi-async')) },
  ]
}

/** @throws Error naming the services that a report must have and that are not there. */
export function checkContenders(contenders: readonly Contender[]): void {
  const missing = NAMES.filter((name) => !contenders.some((contender) => contender.name === name))
  if (missing.length > 0) throw new Error(`The bench cannot start. Missing:\n  - ${missing.join('\n  - ')}`)
}

/** `Bun.serve` with a fixed answer: what no service on Bun can exceed. */
export const bare: Contender = { name: 'Bun.serve', command: [process.execPath, join(PEERS, 'bare.ts')] }

/** What PocketBase is made of: HTTP, tokens and SQLite in one process. Its database is the file `DATABASE_FILE`. */
export const onSqlite: Contender = { name: 'bun:sqlite', command: [process.execPath, join(PEERS, 'sqlite/main.ts')] }

/** Starts a contender, on PostgreSQL where it has an address of one, and waits for its first answer, whatever that is. */
export async function start(
  { name, command, cwd, takesPort }: Contender,
  databaseUrl: string | undefined,
  secret: string,
  more: Record<string, string> = {},
): Promise<Running> {
  const port = freePort()
  const child = Bun.spawn([...command, ...(takesPort ? ['--port', String(port)] : [])], {
    ...(cwd === undefined ? {} : { cwd }),
    env: {
      PATH: process.env['PATH'] ?? '',
      NODE_ENV: 'production',
      PYTHONDONTWRITEBYTECODE: '1',
      BUN_JSC_forceRAMSize: String(MEMORY_LIMIT),
      PORT: String(port),
      ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
      BETTER_AUTH_SECRET: secret,
      SHUTDOWN_DELAY_MS: '0',
      JWT_SECRET: secret,
      ...more,
    },
    stdout: 'ignore',
    stderr: 'inherit',
  })
  const url = `http://127.0.0.1:${port}`
  for (const giveUp = Date.now() + START_MS; ; await Bun.sleep(100)) {
    if (await fetch(url).catch(() => undefined)) break
    if (child.exitCode !== null || Date.now() > giveUp) {
      child.kill()
      throw new Error(`${name} does not answer`)
    }
  }
  return {
    name,
    url,
    pid: child.pid,
    async stop() {
      child.kill()
      // A peer may wait for requests that its clients have given up.
      const late = setTimeout(() => child.kill('SIGKILL'), 3000)
      await child.exited
      clearTimeout(late)
    },
  }
}
