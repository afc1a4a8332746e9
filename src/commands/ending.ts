import type { Logger } from 'pino'
import { flushLog } from '../log.ts'
import type { Host } from './host.ts'

/** What can be stopped. */
export interface Running {
  /** Readiness says 503 from now on; requests are still served. */
  leave(): void
  /** Ends it: bounded in time, whatever is still running. */
  stop(): Promise<void>
}

export interface EndOptions {
  /** How long SIGTERM gives load balancers to stop sending requests, in milliseconds. SIGINT gives none. */
  delayMs: number
  /** A worker ends with its parent, and leaves to it what a terminal sends to the whole group. */
  isWorker?: boolean
}

/**
 * One Ctrl-C can arrive several times: from the terminal and from each runner in between (`npx`,
 * `bun run`). Only a signal that comes this much later is a second one, in milliseconds.
 */
const SECOND_SIGNAL_MS = 1000

/**
 * Runs a service until a signal or an unexpected failure ends it: a process that has failed in
 * part is worse than a new one. A second signal during the stop ends it at once.
 *
 * @param start gets a signal that aborts when the process is about to end, stopped or not.
 * @returns the exit status: 0 after an orderly stop, 1 after a failure or a second signal.
 * @throws Error of the start.
 */
export async function runUntilEnded(
  host: Host,
  log: Logger,
  { delayMs, isWorker = false }: EndOptions,
  start: (abort: AbortSignal) => Promise<Running>,
): Promise<number> {
  const abort = new AbortController()
  /** Resolves with how long requests are to be served meanwhile. */
  const asked = Promise.withResolvers<number>()
  const again = Promise.withResolvers<boolean>()
  let askedAt: number | undefined
  let failed = false
  const end = (wait: number) => {
    askedAt ??= performance.now()
    asked.resolve(wait)
  }
  const onSignal = (signal: NodeJS.Signals) => {
    if (askedAt === undefined) {
      log.info({ signal }, 'stopping')
      end(signal === 'SIGTERM' ? delayMs : 0)
    } else if (performance.now() - askedAt > SECOND_SIGNAL_MS) {
      log.warn({ signal }, 'ending at once')
      again.resolve(false)
    }
  }
  // Before the start: the first process of a container ignores signals for which it has no handler.
  host.on('SIGTERM', onSignal)
  host.on('SIGINT', isWorker ? () => {} : onSignal)
  if (isWorker) {
    host.on('SIGHUP', () => {})
    host.on('disconnect', () => end(0))
  }
  const onFailure = (event: string) => (error: unknown) => {
    log.fatal({ event, cause: placeOf(error) }, 'ending after a failure')
    failed = true
    end(0)
  }
  host.on('uncaughtException', onFailure('uncaughtException'))
  host.on('unhandledRejection', onFailure('unhandledRejection'))

  const starting = start(abort.signal)
  // A start that is left because of a signal may still fail.
  starting.catch(() => {})
  // It may be left at any point: migrations are applied all or not at all.
  const running = await Promise.race([starting, asked.promise.then(() => undefined)])
  const wait = await asked.promise
  const inOrder = running === undefined || (await Promise.race([stop(running, wait, log), again.promise]))
  if (inOrder) log.info('stopped')
  abort.abort()
  await flushLog(log)
  return inOrder && !failed ? 0 : 1
}

/** Whether it stopped in good order. */
async function stop(running: Running, waitMs: number, log: Logger): Promise<boolean> {
  try {
    running.leave()
    await Bun.sleep(waitMs)
    await running.stop()
    return true
  } catch (error) {
    log.error({ cause: error instanceof Error ? error.message : String(error) }, 'stopped badly')
    return false
  }
}

/** The place only: messages of databases and parsers can hold what a user wrote. */
function placeOf(error: unknown): { name: string; stack: string[] } {
  const { name, stack = '' } = error instanceof Error ? error : new Error()
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line))
  return { name, stack: frames.map((line) => line.trim()) }
}
