import { chmod, copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Ended, type Program, runProgram, type Setting, startProgram } from '../kit/program.ts'

/** The compiled program under test. */
export const PROGRAM = resolve(process.env['DOABLE_BINARY'] ?? 'dist/doable')
if (!(await Bun.file(PROGRAM).exists())) throw new Error(`${PROGRAM} is not there: bun run test:binary builds it first`)

/** A user who owns nothing. Root may write where a directory's mode forbids it, so a test as root proves nothing. */
export const NOBODY = 65534

export type Place = Omit<Setting, 'command'> & {
  /** Defaults to the program where it was built. */
  program?: string
}

const settingOf = ({ program = PROGRAM, ...rest }: Place): Setting => ({ ...rest, command: [program] })

/** Starts the program, or another in its place, with no environment but the given. */
export const start = (args: string[], place: Place): Program => startProgram(args, settingOf(place))

/** Runs it to its end. */
export const run = (args: string[], place: Place): Promise<Ended> => runProgram(args, settingOf(place))

/** Runs lines of a document as they stand, but for stopping at the first that fails. Gives what they print. */
export async function runInShell(lines: string): Promise<string> {
  const env = { PATH: process.env['PATH'] ?? '' }
  const { code, stdout, stderr } = await run(['-eo', 'pipefail', '-c', lines], { cwd: '.', env, program: 'bash' })
  if (code !== 0 || stderr !== '') throw new Error(`the shell ended with ${code}: ${stderr}`)
  return stdout
}

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
