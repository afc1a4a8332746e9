import { join } from 'node:path'
import { freePort } from '../test/kit/postgres-server.ts'
import { type Programs, run } from './programs.ts'

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

/** The peers, compiled and installed below `folder` at the versions that their lock files name. */
export async function buildPeers({ go, python3 }: Programs<'go' | 'python3'>, folder: string): Promise<Contender[]> {
  const goPeer = join(folder, 'go-peer')
  const venv = join(folder, 'venv')
  await run([go, 'build', '-o', goPeer, '.'], { cwd: join(PEERS, 'go') })
  await run([python3, '-m', 'venv', venv])
  const requirements = join(PEERS, 'fastapi/requirements.txt')
  await run([join(venv, 'bin/pip'), 'install', '--quiet', '--disable-pip-version-check', '-r', requirements])
  // One worker, as the others are one process; no access log, as Doable writes none at its default level.
  const uvicorn = [
    join(venv, 'bin/uvicorn'),
    'main:app',
    '--host',
    '127.0.0.1',
    '--no-access-log',
    '--log-level',
    'warning',
  ]
  return [
    { name: 'Go', command: [goPeer] },
    { name: 'Hono', command: [process.execPath, join(PEERS, 'hono/main.ts')] },
    { name: 'FastAPI', command: uvicorn, cwd: join(PEERS, 'fastapi') },
  ]
}

/** `Bun.serve` with a fixed answer: what no service on Bun can exceed. */
export const bare: Contender = { name: 'Bun.serve', command: [process.execPath, join(PEERS, 'bare.ts')] }

/** Starts a contender and waits for its first answer, whatever that is. */
export async function start(
  { name, command, cwd }: Contender,
  databaseUrl: string,
  secret: string,
  more: Record<string, string> = {},
): Promise<Running> {
  const port = freePort()
  const child = Bun.spawn([...command, ...(name === 'FastAPI' ? ['--port', String(port)] : [])], {
    ...(cwd === undefined ? {} : { cwd }),
    env: {
      PATH: process.env['PATH'] ?? '',
      NODE_ENV: 'production',
      PYTHONDONTWRITEBYTECODE: '1',
      BUN_JSC_forceRAMSize: String(MEMORY_LIMIT),
      PORT: String(port),
      DATABASE_URL: databaseUrl,
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
