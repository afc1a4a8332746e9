import pino, { type Logger } from 'pino'
import { version } from '../package.json'

/**
 * JSON lines on standard output, written at once: a line that says why the process ended
 * must be out before it has. Never give it a token, a secret or a task's text.
 */
export function createLog(level: string): Logger {
  return pino(
    {
      level,
      base: { service: 'doable', version },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ fd: 1, sync: true }),
  )
}
