import { join } from 'node:path'
import type { Statement } from './floor.ts'
import type { Volume } from './loads.ts'
import { cpuOf, memoryOf } from './usage.ts'

/** What the process of `peers/pglite.ts` is told. */
export interface EngineAsked {
  readonly load: string
  readonly callers: number
  readonly seconds: number
}

/** What it is started with, as JSON. */
export interface EngineSetup {
  /** PostgreSQL's own directory. */
  readonly files: string
  readonly volume: Volume
  readonly statements: Readonly<Record<string, Statement>>
}

/** What it says: that it is open, or what it has done. */
export type EngineAnswer = 'open' | { readonly requests: number; readonly seconds: number }

export interface EngineSample {
  readonly rate: number
  /** A request, in milliseconds. */
  readonly cpu: number
  readonly memory: number
}

export interface Engine {
  measure(asked: EngineAsked): Promise<EngineSample>
  stop(): Promise<void>
}

/** Starts PGlite alone, in a process of its own. @throws Error when it ends by itself. */
export async function startEngine(setup: EngineSetup): Promise<Engine> {
  let answered = Promise.withResolvers<EngineAnswer>()
  const program = join(import.meta.dir, 'peers/pglite.ts')
  const child = Bun.spawn([process.execPath, program, JSON.stringify(setup)], {
    env: { PATH: process.env['PATH'] ?? '', NODE_ENV: 'production' },
    stdout: 'ignore',
    stderr: 'inherit',
    // The program says nothing else.
    ipc: (answer: EngineAnswer) => answered.resolve(answer),
    onExit: () => answered.reject(new Error('PGlite alone has ended')),
  })
  // It may end when nobody waits for it, by `stop`.
  answered.promise.catch(() => {})
  await answered.promise
  return {
    async measure(asked) {
      answered = Promise.withResolvers()
      answered.promise.catch(() => {})
      const before = await cpuOf(child.pid)
      child.send(asked)
      const answer = await answered.promise
      if (answer === 'open') throw new Error('PGlite alone has opened twice')
      const { requests, seconds } = answer
      const cpu = (((await cpuOf(child.pid)) - before) / requests) * 1000
      return { rate: requests / seconds, cpu, memory: await memoryOf(child.pid) }
    },
    async stop() {
      child.kill()
      await child.exited
    },
  }
}
