import pino, { type Logger } from 'pino'
import { version } from '../package.json'
import { LineOutput } from './line-output.ts'

/** How long the last lines before an exit are waited for, in milliseconds. */
const FLUSH_MS = 1000

const STDOUT = 1

/**
 * JSON lines on standard output. A reader that stalls does not stall the service: lines wait for
 * it up to a bound, beyond which they are dropped and counted. Before the process ends, wait for
 * `flushLog`. Never give it a token, a secret or a task's text.
 *
 * @param fields stand in every line.
 */
export function createLog(level: string, fields: Record<string, unknown> = {}): Logger {
  const output = new LineOutput(
    () => Bun.file(STDOUT).writer(),
    (dropped) => log.warn({ dropped }, 'log lines were dropped: their reader stalled'),
  )
  const log = pino(
    {
      level,
      base: { service: 'doable', version, ...fields },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  )
  return log
}

/** Resolves when every line written is out, or its reader has taken none for a second. */
export async function flushLog(log: Logger): Promise<void> {
  await Promise.race([new Promise<void>((done) => log.flush(() => done())), Bun.sleep(FLUSH_MS)])
}
