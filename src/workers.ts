import type { Logger } from 'pino'
import { AggregatorRegistry, type MetricObject } from 'prom-client'

/** A worker that dies is replaced after so long, twice as long each time, in milliseconds. */
const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 5000

/** Whoever has lived for so long had a good start: its death is not the last one's sequel. */
const SETTLED_MS = 30_000

/** Longer than a worker's own stop may take. */
const STOP_MS = 20_000

/** How long metrics are waited for. */
const ANSWER_MS = 2000

/** What a worker tells its parent. */
export type FromWorker = { ready: { url: string; database: string } } | { metrics: MetricObject[] }

/** What a parent asks of its worker. */
export type ToWorker = 'metrics'

interface Worker {
  readonly child: Bun.Subprocess
  readonly since: number
  /** Its address, once it listens; rejects when it ends before. */
  readonly ready: Promise<{ url: string; database: string }>
  metrics(): Promise<MetricObject[]>
}

export type Workers = Awaited<ReturnType<typeof startWorkers>>

/**
 * Runs `count` processes on one port: each listens itself and the kernel deals out the
 * connections (SO_REUSEPORT). One that dies is replaced.
 *
 * @param command what a worker is started by.
 * @throws Error when the first ones do not start. None is left then.
 */
export async function startWorkers(count: number, command: string[], log: Logger) {
  const slots: Worker[] = []
  let stopping = false
  let waitMs = FIRST_WAIT_MS

  function start(): Worker {
    const { promise: ready, resolve, reject } = Promise.withResolvers<{ url: string; database: string }>()
    let answer: ((metrics: MetricObject[]) => void) | undefined
    const child = Bun.spawn(command, {
      stdin: 'ignore',
      stdout: 'inherit',
      stderr: 'inherit',
      ipc(message: FromWorker) {
        if ('ready' in message) resolve(message.ready)
        else answer?.(message.metrics)
      },
    })
    void child.exited.then((code) => reject(new Error(`a worker ended with ${code} before it listened`)))
    // Whether anybody waits for it or not.
    ready.catch(() => {})
    return {
      child,
      since: performance.now(),
      ready,
      async metrics() {
        const { promise, resolve: take } = Promise.withResolvers<MetricObject[]>()
        answer = take
        child.send('metrics' satisfies ToWorker)
        return Promise.race([promise, Bun.sleep(ANSWER_MS).then(() => [])])
      },
    }
  }

  async function end({ child }: Worker): Promise<void> {
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await child.exited
    clearTimeout(timer)
  }

  /** Replaces the worker of a slot whenever it dies by itself. */
  function look(slot: number): void {
    const worker = slots[slot]
    void worker?.child.exited.then(async (code) => {
      if (stopping || slots[slot] !== worker) return
      waitMs = performance.now() - worker.since > SETTLED_MS ? FIRST_WAIT_MS : Math.min(2 * waitMs, LONGEST_WAIT_MS)
      log.error({ pid: worker.child.pid, code, signal: worker.child.signalCode, wait_ms: waitMs }, 'a worker died')
      await Bun.sleep(waitMs)
      if (stopping || slots[slot] !== worker) return
      slots[slot] = start()
      look(slot)
    })
  }

  for (let slot = 0; slot < count; slot++) slots.push(start())
  const first = await Promise.all(slots.map(({ ready }) => ready)).catch(async (error: unknown) => {
    stopping = true
    await Promise.all(slots.map(end))
    throw error
  })
  for (const slot of slots.keys()) look(slot)

  let rolling: Promise<void> = Promise.resolve()
  async function roll(): Promise<void> {
    for (const [slot, old] of slots.entries()) {
      if (stopping) return
      const fresh = start()
      const ready = await fresh.ready.catch((error: unknown) => error)
      if (ready instanceof Error) {
        log.error({ cause: ready.message }, 'the old workers stay')
        return
      }
      slots[slot] = fresh
      look(slot)
      await end(old)
    }
    log.info('restarted')
  }

  return {
    url: first[0]?.url ?? '',
    database: first[0]?.database ?? '',
    /** One after the other: each is replaced by one that listens already. */
    restart(): Promise<void> {
      rolling = rolling.then(roll)
      return rolling
    },
    /** What all workers have counted, added up. */
    async metrics(): Promise<{ type: string; text: string }> {
      const all = await Promise.all(slots.map((worker) => worker.metrics().catch(() => [])))
      const registry = AggregatorRegistry.aggregate(all.filter((metrics) => metrics.length > 0))
      return { type: registry.contentType, text: await registry.metrics() }
    },
    /** Whether any worker is there. */
    isReady: async () => !stopping && slots.some(({ child }) => child.exitCode === null),
    async stop(): Promise<void> {
      stopping = true
      await rolling
      await Promise.all(slots.map(end))
    },
  }
}
