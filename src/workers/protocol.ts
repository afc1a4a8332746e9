import type { MetricObjectWithValues, MetricValue } from 'prom-client'

/** A metric with its values, as prom-client gives them for adding up. */
export type Measured = MetricObjectWithValues<MetricValue<string>>

/** What a worker is known by once it listens. */
export interface Started {
  url: string
  database: string
}

/** What a parent can ask, and what the answer is. */
interface Answers {
  metrics: Measured[]
  ready: boolean
}
type Question = keyof Answers

/** Questions carry a number, and their answers the same: two can be under way at once. */
type ToWorker = { ask: Question; id: number } | { leave: true }
type FromWorker =
  | { started: Started }
  | { id: number; answer: Answers[Question] | undefined }
  /** What was counted until the end. */
  | { lastMetrics: Measured[] }

/** How long an answer is waited for, in milliseconds. */
const ANSWER_MS = 2000

/** How long a worker that ends waits for its last message to be taken, in milliseconds. */
const LAST_WORDS_MS = 500

/** The parent's end of the channel to one worker. */
export class WorkerChannel {
  /** Its address, once it listens; rejects when it ends before. */
  readonly started: Promise<Started>
  /** What it had counted when it last said so. */
  lastMetrics: Measured[] = []
  readonly #start = Promise.withResolvers<Started>()
  readonly #waiting = new Map<number, (answer: Answers[Question] | undefined) => void>()
  #send: (message: ToWorker) => void = () => {}
  #questions = 0
  #closed = false

  constructor() {
    this.started = this.#start.promise
    // A worker that replaces another may fail while nobody waits for its start.
    this.started.catch(() => {})
  }

  /** @param send throws or does nothing once the worker is gone. */
  open(send: (message: ToWorker) => void): void {
    this.#send = send
  }

  receive(message: FromWorker): void {
    if ('started' in message) this.#start.resolve(message.started)
    else if ('lastMetrics' in message) this.lastMetrics = message.lastMetrics
    else {
      // Here, where messages are in order: the last one must not be replaced by an earlier one.
      if (Array.isArray(message.answer)) this.lastMetrics = message.answer
      this.#settle(message.id, message.answer)
    }
  }

  /** The worker has ended. */
  close(reason: Error): void {
    this.#closed = true
    this.#start.reject(reason)
    for (const id of [...this.#waiting.keys()]) this.#settle(id, undefined)
  }

  /** From now on the worker says that it is not ready, and goes on serving. */
  leave(): void {
    this.#post({ leave: true })
  }

  async isReady(): Promise<boolean> {
    return (await this.#ask('ready')) === true
  }

  /** Undefined where the worker does not answer. */
  async metrics(): Promise<Measured[] | undefined> {
    const answer = await this.#ask('metrics')
    return Array.isArray(answer) ? answer : undefined
  }

  async #ask(ask: Question): Promise<Answers[Question] | undefined> {
    if (this.#closed) return undefined
    const id = this.#questions++
    const { promise, resolve } = Promise.withResolvers<Answers[Question] | undefined>()
    this.#waiting.set(id, resolve)
    const timer = setTimeout(() => this.#settle(id, undefined), ANSWER_MS)
    this.#post({ ask, id })
    return await promise.finally(() => clearTimeout(timer))
  }

  #settle(id: number, answer: Answers[Question] | undefined): void {
    this.#waiting.get(id)?.(answer)
    this.#waiting.delete(id)
  }

  #post(message: ToWorker): void {
    try {
      this.#send(message)
    } catch {
      // It has just ended: `close` settles what was asked.
    }
  }
}

/** As much of a process as the worker's end of the channel needs. */
interface ToParent {
  on(event: 'message', listener: (message: unknown) => void): unknown
  send?: ((message: FromWorker, handle?: undefined, options?: undefined, sent?: () => void) => unknown) | undefined
}

/** What a worker answers from. */
interface WorkerState {
  leave(): void
  /** Rejects, or resolves false, while it cannot answer requests. */
  isReady(): Promise<boolean>
  metrics(): Promise<Measured[]>
}

/** The worker's end of the channel: answers until the process ends. */
export function joinParent(host: ToParent, { leave, isReady, metrics }: WorkerState) {
  const say = (message: FromWorker) => host.send?.(message)
  const answers: { [Ask in Question]: () => Promise<Answers[Ask]> } = { ready: isReady, metrics }
  host.on('message', (received) => {
    const message = received as ToWorker
    if ('leave' in message) return leave()
    const { ask, id } = message
    void answers[ask]().then(
      (answer) => say({ id, answer }),
      () => say({ id, answer: undefined }),
    )
  })
  return {
    sayStarted: (started: Started) => void say({ started }),
    /** Resolves once it is sent, or nobody takes it: the process may end then. */
    async sayLastMetrics(): Promise<void> {
      const lastMetrics = await metrics()
      const { promise, resolve } = Promise.withResolvers<void>()
      host.send?.({ lastMetrics }, undefined, undefined, resolve)
      await Promise.race([promise, Bun.sleep(LAST_WORDS_MS)])
    },
  }
}
