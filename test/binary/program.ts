import { spawn } from 'node:child_process'
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** The compiled program under test. */
export const PROGRAM = resolve(process.env['DOABLE_BINARY'] ?? 'dist/doable')
if (!(await Bun.file(PROGRAM).exists())) throw new Error(`${PROGRAM} is not there: bun run test:binary builds it first`)

/** Someone who owns nothing: root may write where a directory forbids it, and would prove nothing. */
export const NOBODY = 65534

export interface Place {
  cwd: string
  env?: Record<string, string>
  /** Defaults to the program where it was built. */
  program?: string
  uid?: number
}

export interface Ended {
  /** Undefined: ended by a signal. */
  code: number | undefined
  out: string
  err: string
}

export interface Running {
  readonly pid: number
  /** Resolves to the address once it listens; rejects with what was said when it ended before. */
  readonly url: Promise<string>
  readonly ended: Promise<Ended>
}

/** Starts the program, or what stands around it, with nothing of our own environment. */
export function start(args: string[], { cwd, env = {}, program = PROGRAM, uid }: Place): Running {
  const child = spawn(program, args, {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid !== undefined && { uid, gid: uid }),
  })
  let out = ''
  let err = ''
  const listening = Promise.withResolvers<string>()
  // A run that is not meant to listen is only asked how it ended.
  listening.promise.catch(() => {})
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  child.stdout.on('data', (chunk) => {
    out += chunk
    const url = /"url":"([^"]+)"/.exec(out)?.[1]
    if (url !== undefined) listening.resolve(url)
  })
  const ended = new Promise<Ended>((done, failed) => {
    child.once('error', failed)
    child.once('close', (code) => {
      listening.reject(new Error(`ended with ${code} before it listened:\n${out}${err}`))
      done({ code: code ?? undefined, out, err })
    })
  })
  return { pid: child.pid ?? 0, url: listening.promise, ended }
}

/** Runs a command to its end. */
export const run = (args: string[], place: Place): Promise<Ended> => start(args, place).ended

/** A temporary folder that anyone may enter, removed at the end of the scope. */
export async function newFolder() {
  const path = await mkdtemp(join(tmpdir(), 'doable-binary-'))
  await chmod(path, 0o755)
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** A copy of the program alone, at a path that anyone may enter. */
export async function copyProgram(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  const copy = join(folder, 'doable')
  await copyFile(PROGRAM, copy)
  await chmod(copy, 0o755)
  return copy
}

/** Everything below a folder: names, kinds, modes, times and contents. */
export async function snapshot(folder: string): Promise<Record<string, string>> {
  const names = await readdir(folder, { recursive: true })
  const entries = ['.', ...names.sort()].map(async (name) => {
    const file = Bun.file(join(folder, name))
    const stat = await file.stat()
    const content = stat.isFile() ? Bun.hash(await file.bytes()) : ''
    return [name, `${stat.mode.toString(8)} ${stat.mtimeMs} ${content}`] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}
