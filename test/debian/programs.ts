import { Glob } from 'bun'

/**
 * The folder of Debian's newest PostgreSQL. `pg_dump` must not be older than the server that it asks, so that a test
 * with Debian's `pg_dump` needs Debian's server, too.
 *
 * @throws Error when the package `postgresql` is not installed.
 */
export async function findPostgresPrograms(): Promise<string> {
  const found = await Array.fromAsync(new Glob('*/bin/initdb').scan('/usr/lib/postgresql'))
  const version = Math.max(...found.map((path) => Number.parseInt(path, 10)))
  if (!Number.isFinite(version)) throw new Error("Debian's package postgresql is not installed")
  return `/usr/lib/postgresql/${version}/bin`
}

/** How a run of a program ended. */
export interface Ended {
  code: number
  out: string
  err: string
}

/** Runs a program to its end. */
export async function run(command: string[], env: Record<string, string> = {}, cwd = '/'): Promise<Ended> {
  const child = Bun.spawn(command, {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { code, out, err }
}
