import type { Logger } from 'pino'
import { createWorkersMetrics } from '../http/metrics.ts'
import { WorkerChannel } from './protocol.ts'
import { Totals } from './totals.ts'

/** A worker that dies is replaced after so long, twice as long each time, in milliseconds. */
const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 5000

/** After this long up, a crash restarts the back-off at its beginning, in milliseconds. */
const SETTLED_MS = 30_000

/** A worker that has not stopped after so long is killed, in milliseconds: above the bound of its own stop. */
const STOP_MS = 23_000

/** How long the last message of a worker that has ended may still be under way, in milliseconds. */
const LAST_WORDS_MS = 100

interface Worker {
  readonly child: Bun.Subprocess
  readonly since: number
  readonly channel: WorkerChannel
}

export interface WorkersOptions {
  count: number
  /** What a worker is started by; its place among the workers is added as the last argument. */
  command: string[]
  log: Logger
  /** Kills whatever workers there are. */
  abort: AbortSignal
}

/**
 * Runs `count` processes on one port: each listens itself and the kernel deals out the
 * connections (SO_REUSEPORT). One that dies is replaced.
 *
 * @throws Error when the first ones do not start. None is left running then.
 */
export async function startWorkers({ count, command, log, abort }: WorkersOptions) {
  /** The worker of each place: one that died stays until it is replaced. */
  const slots: Worker[] = []
  /** Every worker whose counts are not in the totals yet. */
  const alive = new Set<Worker>()
  const totals = new Totals()
  const own = createWorkersMetrics(count)
  let leaving = false
  let stopping = false
  let waitMs = FIRST_WAIT_MS

  function start(slot: number): Worker {
    const channel = new WorkerChannel()
    const child = Bun.spawn([...command, String(slot)], {
      stdin: 'ignore',
      stdout: 'inherit',
      stderr: 'inherit',
      ipc: (message) => channel.receive(message),
      signal: abort,
      killSignal: 'SIGKILL',
    })
    channel.open((message) => child.send(message))
    const worker = { child, since: performance.now(), channel }
    alive.add(worker)
    void channel.started.then(
      () => leaving && channel.leave(),
      () => {},
    )
    void child.exited.then(async (code) => {
      channel.close(new Error(`a worker ended with ${code} before it listened`))
      await Bun.sleep(LAST_WORDS_MS)
      alive.delete(worker)
      totals.keep(channel.lastMetrics)
    })
    return worker
  }

  async function end({ child }: Worker): Promise<void> {
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await child.exited
    clearTimeout(timer)
  }

  /** Replaces the worker of a slot whenever it dies by itself. */
  function replaceWhenDead(slot: number): void {
    const worker = slots[slot]
    void worker?.child.exited.then(async (code) => {
      if (stopping || slots[slot] !== worker) return
      waitMs = performance.now() - worker.since > SETTLED_MS ? FIRST_WAIT_MS : Math.min(2 * waitMs, LONGEST_WAIT_MS)
      own.died()
      const { pid, signalCode: signal } = worker.child
      log.error({ worker: slot, pid, code, signal, wait_ms: waitMs }, 'a worker died')
      await Bun.sleep(waitMs)
      if (stopping || slots[slot] !== worker) return
      fill(slot, start(slot))
    })
  }

  function fill(slot: number, worker: Worker): void {
    slots[slot] = worker
    replaceWhenDead(slot)
  }

  for (let slot = 0; slot < count; slot++) slots.push(start(slot))
  const first = await Promise.all(slots.map(({ channel }) => channel.started)).catch(async (error: unknown) => {
    stopping = true
    await Promise.all([...alive].map(end))
    throw error
  })
  for (const slot of slots.keys()) replaceWhenDead(slot)

  let rolling: Promise<void> = Promise.resolve()
  async function roll(): Promise<void> {
    for (const [slot, old] of slots.entries()) {
      if (leaving) return
      const fresh = start(slot)
      const started = await fresh.channel.started.catch((error: unknown) => error)
      if (leaving) return
      if (started instanceof Error) {
        log.error({ worker: slot, cause: started.message }, 'the old workers stay')
        return
      }
      fill(slot, fresh)
      await end(old)
    }
    log.info('restarted')
  }

  const leave = () => {
    leaving = true
    for (const { channel } of alive) channel.leave()
  }

  return {
    url: first[0]?.url ?? '',
    database: first[0]?.database ?? '',
    /** Replaces one after the other, each by a worker that listens already. */
    restart(): Promise<void> {
      rolling = rolling.then(roll)
      return rolling
    },
    /** What all workers have counted, those that have ended included. */
    async metrics(): Promise<{ type: string; text: string }> {
      const counted = await own.values()
      const ask = async (worker: Worker) => ({ worker, now: await worker.channel.metrics() })
      const answers = await Promise.all([...alive].map(ask))
      // Whoever has ended meanwhile is in the totals already.
      const current = answers.filter(({ worker }) => alive.has(worker))
      return await totals.print(
        current.map(({ worker, now }) => ({ now, last: worker.channel.lastMetrics })),
        counted,
      )
    },
    /** Whether any worker can answer requests, as it says itself. */
    async isReady(): Promise<boolean> {
      if (leaving) return false
      return (await Promise.all(slots.map(({ channel }) => channel.isReady()))).includes(true)
    },
    /** Every worker says that it is not ready, and goes on serving. */
    leave,
    async stop(): Promise<void> {
      leave()
      stopping = true
      await Promise.all([...alive].map(end))
    },
  }
}
