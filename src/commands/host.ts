import { type ParseArgsConfig, parseArgs } from 'node:util'
import type { Env } from '../config.ts'

/** The process that a command runs in, as `main` hands it on: `main` alone names it and ends it. */
export interface Host {
  readonly env: Env
  readonly stdout: Output
  readonly stderr: Output
  on: NodeJS.Process['on']
  /** To the parent; undefined in a process that was started without a channel to one. */
  send?: NodeJS.Process['send']
}

interface Output {
  write(text: string, written: () => void): unknown
}

/** A command gets its arguments without its name, and gives the exit status. */
export type Command = (args: string[], host: Host) => Promise<number>

/** A wrong command line: printed with the usage, exit status 2. */
export class UsageError extends Error {}

/** Resolves when the text is with the kernel: the process may end then. */
export function print(output: Output, text: string): Promise<void> {
  return new Promise((written) => output.write(text, () => written()))
}

/** @throws UsageError for unknown options and for more than `count` arguments. */
export function readArgs(args: string[], count: number, options: NonNullable<ParseArgsConfig['options']> = {}) {
  try {
    const parsed = parseArgs({ args, options, allowPositionals: true, strict: true })
    if (parsed.positionals.length > count) throw new UsageError(`unexpected argument: ${parsed.positionals[count]}`)
    return parsed
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(error instanceof Error ? error.message : String(error))
  }
}
