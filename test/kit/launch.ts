import { join, resolve } from 'node:path'
import { SECRET } from './boot.ts'

/** How a run of the program ended. */
export interface Ended {
  code: number | null
  output: string
  ms: number
}

const source = [process.execPath, join(import.meta.dir, '../../src/main.ts')]
const command = process.env['DOABLE_BINARY'] ? [resolve(process.env['DOABLE_BINARY'])] : source

/** Starts `doable` as an operator would. Its output is collected. */
export function launch(args: string[], env: Record<string, string>) {
  const started = performance.now()
  const child = Bun.spawn([...command, ...args], {
    env: {
      PATH: process.env['PATH'] ?? '',
      BETTER_AUTH_SECRET: SECRET,
      PORT: '0',
      // Nothing of the folder that the tests run in may count.
      DATA_DIR: '/nonexistent',
      ...env,
    },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  let output = ''
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    const decoder = new TextDecoder()
    for await (const chunk of stream) output += decoder.decode(chunk, { stream: true })
  }
  const all = Promise.all([read(child.stdout), read(child.stderr), child.exited])
  return {
    pid: child.pid,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    output: () => output,
    ended: all.then((): Ended => ({ code: child.exitCode, output, ms: performance.now() - started })),
    /** The address that the log names, once it listens. */
    async url(): Promise<string> {
      for (;;) {
        const url = /"url":"([^"]+)"/.exec(output)?.[1]
        if (url !== undefined) return url
        if (child.exitCode !== null) throw new Error(`the program ended before it listened:\n${output}`)
        await Bun.sleep(10)
      }
    },
  }
}

/** Runs it to its end. */
export function runToEnd(args: string[], env: Record<string, string>): Promise<Ended> {
  return launch(args, env).ended
}
