import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const binary = process.env['DOABLE_BINARY']
const program =
  binary === undefined ? [process.execPath, join(import.meta.dir, '../../src/main.ts')] : [resolve(binary)]

type Env = Record<string, string>

/** Where a program runs: a folder of its own, so that no `.env` and no database of the checkout is met. */
export interface Place extends AsyncDisposable {
  readonly dir: string
  /** Runs a command to its end. */
  run(args: string[], env?: Env): Promise<{ code: number; stdout: string; stderr: string }>
  /** Starts `serve` on a free port and waits until it listens. */
  serve(env?: Env, args?: string[]): Promise<Served>
}

export interface Served {
  readonly url: string
  /** Everything written so far. */
  readonly output: { stdout: string; stderr: string }
  readonly pid: number
  /** Its exit status, when it has ended. */
  readonly ended: Promise<number>
  /** Sends a signal, and waits for nothing. */
  signal(signal: 'SIGHUP' | 'SIGKILL'): void
  /** Sends the signal, and gives the exit status. */
  end(signal?: 'SIGTERM' | 'SIGINT'): Promise<number>
}

/** A temporary folder to run the program in: the source, or the binary that `DOABLE_BINARY` names. */
export async function newPlace(): Promise<Place> {
  const dir = await mkdtemp(join(tmpdir(), 'doable-run-'))
  const children = new Set<Bun.Subprocess<'ignore', 'pipe', 'pipe'>>()

  const spawn = (args: string[], env: Env) => {
    const child = Bun.spawn([...program, ...args], {
      cwd: dir,
      env: { PATH: process.env['PATH'] ?? '', DATA_DIR: join(dir, 'data'), PORT: '0', ...env },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    children.add(child)
    const output = { stdout: '', stderr: '' }
    const read = async (name: 'stdout' | 'stderr') => {
      const decoder = new TextDecoder()
      for await (const chunk of child[name]) output[name] += decoder.decode(chunk, { stream: true })
    }
    const ended = Promise.all([child.exited, read('stdout'), read('stderr')]).then(([code]) => {
      children.delete(child)
      return code
    })
    return { child, output, ended }
  }

  return {
    dir,
    async run(args, env = {}) {
      const { output, ended } = spawn(args, env)
      return { code: await ended, ...output }
    },
    async serve(env = {}, args = ['serve']) {
      const { child, output, ended } = spawn(args, env)
      for (;;) {
        const url = /"url":"([^"]+)"/.exec(output.stdout)?.[1]
        if (url !== undefined)
          return {
            url,
            output,
            pid: child.pid,
            ended,
            signal: (signal) => child.kill(signal),
            end(signal = 'SIGTERM') {
              child.kill(signal)
              return ended
            },
          }
        if (child.exitCode !== null) throw new Error(`it ended with ${await ended}: ${output.stderr}`)
        await Bun.sleep(20)
      }
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) {
        child.kill('SIGKILL')
        await child.exited
      }
      await rm(dir, { recursive: true, force: true })
    },
  }
}
