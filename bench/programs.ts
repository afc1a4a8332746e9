import { join } from 'node:path'

/** What the bench needs beside this repository, and where to get it. */
const NEEDED = {
  wrk: 'the load generator: apt install wrk',
  oha: 'the generator for fixed rates: cargo install oha --locked',
  go: 'compiles the Go peer: https://go.dev/dl',
  python3: 'runs the FastAPI peer: apt install python3 python3-venv',
  pgbench: 'the floor: apt install postgresql-contrib (Debian keeps it in /usr/lib/postgresql/*/bin)',
} as const

export type Programs = Record<keyof typeof NEEDED, string>

/**
 * Finds every program that the bench needs.
 *
 * @throws Error naming all that are missing: a table without one of the peers would mislead.
 */
export async function findPrograms(): Promise<Programs> {
  const found: Partial<Programs> = {}
  const missing: string[] = []
  for (const [name, what] of Object.entries(NEEDED) as [keyof Programs, string][]) {
    const path = Bun.which(name) ?? (name === 'pgbench' ? await debianPgbench() : null)
    if (path === null) missing.push(`  - ${name}, ${what}`)
    else found[name] = path
  }
  const venv = found.python3 && Bun.spawnSync([found.python3, '-c', 'import ensurepip, venv'], { stderr: 'ignore' })
  if (venv && venv.exitCode !== 0) missing.push('  - the venv module of python3: apt install python3-venv')
  if (missing.length > 0) throw new Error(`The bench cannot start. Missing:\n${missing.join('\n')}`)
  return found as Programs
}

async function debianPgbench(): Promise<string | null> {
  const root = '/usr/lib/postgresql'
  const found = await Array.fromAsync(new Bun.Glob('*/bin/pgbench').scan({ cwd: root })).catch(() => [])
  const newest = found.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)).at(-1)
  return newest === undefined ? null : join(root, newest)
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
