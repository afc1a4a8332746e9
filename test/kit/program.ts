import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { SECRET } from './tokens.ts'

const binary = process.env['DOABLE_BINARY']

/** `doable`: the binary that `DOABLE_BINARY` names, or else the source. */
export const DOABLE =
  binary === undefined ? [process.execPath, join(import.meta.dir, '../../src/main.ts')] : [resolve(binary)]

type Env = Record<string, string>

export interface Setting {
  cwd: string
  /** The whole environment: nothing of the test's own is passed on. */
  env?: Env
  /** What runs instead of `doable`. */
  command?: readonly string[]
  /** User and group. Defaults to the test's own. */
  uid?: number
}

export interface Program {
  readonly pid: number
  /** Everything written so far. */
  readonly output: { readonly stdout: string; readonly stderr: string }
  /** The address in the first `"url":"…"` of its output. Rejects with the output when it ends before. */
  readonly url: Promise<string>
  /** The exit status, or null after a signal, once all output has been read. */
  readonly ended: Promise<number | null>
  /** Sends a signal, and waits for nothing. */
  signal(signal: NodeJS.Signals): void
  /** Sends SIGTERM or the given signal, and gives the exit status. */
  end(signal?: NodeJS.Signals): Promise<number | null>
}

/** Starts `doable`, or another command, with these arguments. */
export function startProgram(args: readonly string[], { cwd, env = {}, command = DOABLE, uid }: Setting): Program {
  const [file = '', ...first] = command
  const child = spawn(file, [...first, ...args], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid !== undefined && { uid, gid: uid }),
  })
  const output = { stdout: '', stderr: '' }
  const listening = Promise.withResolvers<string>()
  // Without this, a program that does not listen would cause an unhandled rejection.
  listening.promise.catch(() => {})
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    output.stderr += chunk
  })
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    output.stdout += chunk
    const url = /"url":"([^"]+)"/.exec(output.stdout)?.[1]
    if (url !== undefined) listening.resolve(url)
  })
  const ended = new Promise<number | null>((done, failed) => {
    child.once('error', failed)
    child.once('close', (code) => {
      listening.reject(new Error(`${file} ended with ${code} before it listened:\n${output.stdout}${output.stderr}`))
      done(code)
    })
  })
  return {
    get pid() {
      if (child.pid === undefined) throw new Error(`${file} could not be started`)
      return child.pid
    },
    output,
    url: listening.promise,
    ended,
    signal: (signal) => void child.kill(signal),
    end(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
  }
}

export interface Ended {
  /** Null after a signal. */
  code: number | null
  stdout: string
  stderr: string
}

/** Runs a program to its end. */
export async function runProgram(args: readonly string[], setting: Setting): Promise<Ended> {
  const { ended, output } = startProgram(args, setting)
  return { code: await ended, ...output }
}

/** A temporary folder in which `doable` runs, so that it meets no `.env` and no database of the checkout. */
export interface Place extends AsyncDisposable {
  readonly dir: string
  /** Runs a command to its end. */
  run(args: string[], env?: Env): Promise<Ended>
  /** Starts a command on a free port, and waits for nothing. */
  start(args: string[], env?: Env): Program
  /** Starts `serve` on a free port, and waits until it listens. */
  serve(env?: Env, args?: string[]): Promise<Served>
}

/** A program that listens. */
export type Served = Omit<Program, 'url'> & { readonly url: string }

export async function newPlace(): Promise<Place> {
  const dir = await mkdtemp(join(tmpdir(), 'doable-run-'))
  const programs: Program[] = []
  const start = (args: string[], env: Env = {}) => {
    const all = {
      PATH: process.env['PATH'] ?? '',
      DATA_DIR: join(dir, 'data'),
      PORT: '0',
      SHUTDOWN_DELAY_MS: '0',
      ...env,
    }
    const program = startProgram(args, { cwd: dir, env: all })
    programs.push(program)
    return program
  }
  return {
    dir,
    start,
    async run(args, env) {
      const { ended, output } = start(args, env)
      return { code: await ended, ...output }
    },
    async serve(env, args = ['serve']) {
      const program = start(args, env)
      return { ...program, url: await program.url }
    },
    async [Symbol.asyncDispose]() {
      // A program that has ended ignores the signal.
      for (const program of programs) await program.end('SIGKILL')
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Runs `doable` to its end in a place of its own, with the tests' secret. */
export async function runToEnd(args: string[], env: Env = {}): Promise<Ended> {
  await using place = await newPlace()
  // Without `await` the place would be disposed of while the program runs.
  return await place.run(args, { BETTER_AUTH_SECRET: SECRET, ...env })
}
