import { statfs } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** What the benches need beside this repository, and where to get it. */
const NEEDED = {
  wrk: 'the load generator: apt install wrk',
  oha: 'the generator for fixed rates: cargo install oha --locked',
  go: 'compiles the Go peers: https://go.dev/dl',
  python3: 'runs the FastAPI peers: apt install python3 python3-venv',
  pgbench: 'the floor: apt install postgresql-contrib (Debian keeps it in /usr/lib/postgresql/*/bin)',
  pgbouncer: 'the pooler, 1.21 or newer: apt install pgbouncer (Debian 13), or from its source',
} as const

export type Program = keyof typeof NEEDED
export type Programs<Name extends Program = Program> = Readonly<Record<Name, string>>

/** What a program must be able to do, where being there is not enough, and what to say when it cannot. */
const CHECKS: Partial<Record<Program, (path: string) => string | undefined>> = {
  python3: (path) =>
    Bun.spawnSync([path, '-c', 'import ensurepip, venv'], { stderr: 'ignore' }).exitCode === 0
      ? undefined
      : 'the venv module of python3: apt install python3-venv',
  // The first that carries prepared statements through transaction mode, as Neon's pooler does.
  pgbouncer(path) {
    const version = /PgBouncer (\d+)\.(\d+)/.exec(Bun.spawnSync([path, '--version']).stdout.toString())
    const [major, minor] = [Number(version?.[1]), Number(version?.[2])]
    if (major > 1 || (major === 1 && minor >= 21)) return undefined
    return `pgbouncer, ${NEEDED.pgbouncer}; ${path} is ${version?.[0] ?? 'none'}`
  },
}

/**
 * Finds programs by `PATH`, and where Debian keeps those that it leaves out of a user's.
 *
 * @throws Error naming all that are missing: a table without one of its columns would mislead.
 */
export async function findPrograms<Name extends Program>(names: readonly Name[], path?: string) {
  const PATH = path ?? (await searchPath())
  const found: Partial<Record<Name, string>> = {}
  const missing: string[] = []
  for (const name of names) {
    const at = Bun.which(name, { PATH })
    const fault = at === null ? `${name}, ${NEEDED[name]}` : CHECKS[name]?.(at)
    if (fault !== undefined) missing.push(`  - ${fault}`)
    else if (at !== null) found[name] = at
  }
  if (missing.length > 0) throw new Error(`The bench cannot start. Missing:\n${missing.join('\n')}`)
  return found as Programs<Name>
}

async function searchPath(): Promise<string> {
  const root = '/usr/lib/postgresql'
  const found = await Array.fromAsync(new Bun.Glob('*/bin/pgbench').scan({ cwd: root })).catch(() => [])
  const newest = found.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)).at(-1)
  const debian = newest === undefined ? [] : [join(root, newest, '..')]
  return [process.env['PATH'] ?? '', '/usr/sbin', ...debian].join(delimiter)
}

/** @throws Error when a folder's disk has less room than that. */
export async function checkRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const gigabytes = (value: number) => `${Math.ceil(value / 1e9)} GB`
  if (bavail * bsize < bytes)
    throw new Error(
      `The bench cannot start. ${folder} has ${gigabytes(bavail * bsize)} of room, ${gigabytes(bytes)} are needed.`,
    )
}

/** Runs a program to its end and gives back what it printed. @throws Error with its output when it fails or takes longer than `seconds`. */
export async function run(
  command: string[],
  { cwd, env = {}, seconds = 300 }: { cwd?: string; env?: Record<string, string>; seconds?: number } = {},
): Promise<string> {
  const child = Bun.spawn(command, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...env },
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: seconds * 1000,
  })
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${output}\n${errors}`)
  return output
}
