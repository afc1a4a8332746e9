import { LRUCache } from 'lru-cache'
import type { Logger } from 'pino'
import type { MailSettings } from '../../settings/mail.ts'
import type { Deliver, Mail } from './transport.ts'

/** How long after each failure a mail is tried again, in milliseconds. After the last one it is given up. */
const RETRIES_MS = [2000, 15_000, 60_000]

/** Mails that are sent at a time. */
const AT_ONCE = 4

/** Mails that may wait. More are dropped: a server that is away must not fill the memory. */
const MAX_WAITING = 1000

/** The longest that one attempt counts, in milliseconds. */
const ATTEMPT_MS = 60_000

/** How long a stop waits for the mails that are being sent, in milliseconds. */
const CLOSE_MS = 3000

/** Mails that one address gets in an hour, whoever asks for them: nobody can flood a mailbox. */
const MAX_TO_ONE = 10
const HOUR_MS = 60 * 60_000
const MAX_ADDRESSES = 10_000

export interface Mailer {
  /** Takes a mail, and returns at once: no request waits for the server. */
  send(mail: Mail): void
  /** Sends what it has, for 3 s at most. Nothing is tried again. */
  close(): Promise<void>
}

export interface MailerOptions {
  retriesMs?: readonly number[]
  /** Loads what sends mails. Called at the first mail. */
  open?: (settings: MailSettings) => Promise<Deliver>
}

interface Job {
  mail: Mail
  attempt: number
}

// A start does not pay for a library that its first mail may never need.
const openLater = async (settings: MailSettings) => (await import('./transport.ts')).openTransport(settings)

/**
 * Sends mails from a queue in memory, which ends with the process. Failures are warnings in the log,
 * without the address, and are known to nobody else.
 */
export function createMailer(
  settings: MailSettings,
  log: Logger,
  { retriesMs = RETRIES_MS, open = openLater }: MailerOptions = {},
): Mailer {
  const waiting: Job[] = []
  const running = new Set<Promise<void>>()
  const timers = new Map<NodeJS.Timeout, Job>()
  const sent = new LRUCache<string, number>({ max: MAX_ADDRESSES, ttl: HOUR_MS })
  const server = `${settings.host}:${settings.port}`
  let deliver: Promise<Deliver> | undefined
  let isClosing = false

  function next(): void {
    while (running.size < AT_ONCE) {
      const job = waiting.shift()
      if (job === undefined) return
      const run = attempt(job).finally(() => {
        running.delete(run)
        next()
      })
      running.add(run)
    }
  }

  async function attempt(job: Job): Promise<void> {
    try {
      deliver ??= open(settings)
      await withinTime((await deliver)(job.mail))
      log.debug({ attempt: job.attempt }, 'a mail was sent')
    } catch (error) {
      const wait = isFinal(error) || isClosing ? undefined : retriesMs[job.attempt - 1]
      const fields = { server, attempt: job.attempt, ...describe(error) }
      if (wait === undefined) {
        log.warn(fields, 'a mail was not sent, and is given up')
        return
      }
      log.warn({ ...fields, retry_in_ms: wait }, 'a mail was not sent, and is tried again')
      const timer = setTimeout(() => {
        timers.delete(timer)
        take({ ...job, attempt: job.attempt + 1 })
      }, wait)
      timers.set(timer, job)
    }
  }

  function take(job: Job): void {
    if (waiting.length + timers.size < MAX_WAITING) {
      waiting.push(job)
      next()
    } else log.warn({ server, waiting: MAX_WAITING }, 'a mail was dropped: too many wait for the server')
  }

  return {
    send(mail) {
      const count = sent.get(mail.to) ?? 0
      if (count < MAX_TO_ONE) {
        sent.set(mail.to, count + 1, { noUpdateTTL: true })
        take({ mail, attempt: 1 })
      } else log.warn('a mail was dropped: its address has had ten within an hour')
    },
    async close() {
      isClosing = true
      for (const timer of timers.keys()) clearTimeout(timer)
      const giveUp = Date.now() + CLOSE_MS
      while (running.size > 0 && Date.now() < giveUp)
        await Promise.race([...running, Bun.sleep(Math.max(0, giveUp - Date.now()))])
      const unsent = waiting.length + running.size + timers.size
      waiting.length = 0
      if (unsent > 0) log.warn({ server, unsent }, 'stopping with mails that were not sent')
    },
  }
}

async function withinTime(attempt: Promise<void>): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(Object.assign(new Error('it took too long'), { code: 'ETIMEDOUT' })),
    ATTEMPT_MS,
  )
  try {
    await Promise.race([attempt, late])
  } finally {
    clearTimeout(timer)
  }
}

interface SmtpError {
  code?: string
  command?: string
  response?: string
  responseCode?: number
}

/** A reply of 5xx stays so: the same mail must not be sent again (RFC 5321, 4.2.1). */
function isFinal(error: unknown): boolean {
  return ((error as SmtpError).responseCode ?? 0) >= 500
}

/** What the log may hold. The server's own text can repeat the address or the user: of it, only the codes (RFC 3463). */
function describe(error: unknown): object {
  const { code, command, response, responseCode } = error as SmtpError
  if (response === undefined) return { code, command, cause: error instanceof Error ? error.message : undefined }
  return { code, command, status: responseCode, enhanced: /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1] }
}
