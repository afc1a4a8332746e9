/**
 * The load of `load.ts`, in a process of its own, so that it does not delay the one that measures. Reads its orders
 * as JSON from standard input, and prints what came of them as JSON: a line once all connections are open, then one
 * with the result.
 */
import { secretTokens } from '../kit/tokens.ts'
import { type Answer, Connection } from './connection.ts'
import { type Ask, live } from './life.ts'

export interface Orders {
  readonly url: string
  /** Signs the users' tokens. */
  readonly secret: string
  readonly connections: number
  /** Users, at least as many as connections. */
  readonly users: number
  readonly seconds: number
  /** Requests a second that come due whatever the answers do; none: as fast as answers come. */
  readonly rate?: number
}

export interface Outcome {
  /** Requests that were answered rightly while it was measured. */
  readonly requests: number
  /** From the first that was due to the last answer. */
  readonly seconds: number
  /** Errors by message, with their counts. */
  readonly errors: Record<string, number>
  /** With a rate: milliseconds from when a request was due to its answer. */
  readonly latency?: { readonly p50: number; readonly p99: number; readonly max: number }
}

/** Connections that are opened at once: the queue of those that wait to be accepted is short. */
const OPENED_AT_ONCE = 100

/** Users start at so many different points of their cycle, three requests apart, so that they do not run in step. */
const PHASES = 13

/** What each does before it is measured: erases what there was, and makes the first task. */
const FIRST = 2

/** Kinds of errors that are told apart; the rest are counted as one. */
const KINDS = 20

/** Pause after an error, so that a service that is down is not asked in a tight loop. */
const PAUSE_MS = 100

const orders = (await Bun.stdin.json()) as Orders
const url = new URL(orders.url)
const tokens = await secretTokens(orders.secret)
const errors: Record<string, number> = {}

function note(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  const kind = message in errors || Object.keys(errors).length < KINDS ? message : 'others'
  errors[kind] = (errors[kind] ?? 0) + 1
}

/** One user's requests: each depends on the answer to the one before it. */
class User {
  readonly #name: string
  readonly #head: string
  readonly #phase: number
  #life: Generator<Ask, never, Answer>
  #next: Ask

  constructor(name: string, token: string, phase: number) {
    this.#name = name
    this.#phase = phase
    this.#head = ` HTTP/1.1\r\nHost: ${url.host}\r\nAuthorization: Bearer ${token}\r\n`
    this.#life = live(name, phase)
    this.#next = this.#life.next().value
  }

  /** Whether the answer was there, and right. */
  async ask(connection: Connection): Promise<boolean> {
    const { method, path, body, headers = {} } = this.#next
    const text = body === undefined ? '' : JSON.stringify(body)
    const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    if (body !== undefined)
      fields.push(`Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n`)
    try {
      const answer = await connection.send(`${method} ${path}${this.#head}${fields.join('')}\r\n${text}`)
      this.#next = this.#life.next(answer).value
      return true
    } catch (error) {
      note(new Error(`${method} ${path.replace(/[0-9a-f-]{36}/, ':id').replaceAll(this.#name, ':user')}: ${error}`))
      // Starts over: the first request erases the user.
      this.#life = live(this.#name, this.#phase)
      this.#next = this.#life.next().value
      await Bun.sleep(PAUSE_MS)
      return false
    }
  }
}

async function openAll(connections: readonly Connection[], users: readonly User[]): Promise<void> {
  for (let from = 0; from < connections.length; from += OPENED_AT_ONCE)
    await Promise.all(
      connections.slice(from, from + OPENED_AT_ONCE).map(async (connection, i) => {
        for (let step = 0; step < FIRST; step++) await users[from + i]?.ask(connection)
      }),
    )
}

/**
 * Requests come due at a steady rate, on each connection in turn. One whose connection still waits for an answer
 * waits as well, and its latency counts from when it was due: a stall is felt by all that come due in it.
 */
async function sendSteadily(connections: readonly Connection[], users: readonly User[], rate: number) {
  const total = Math.round(rate * orders.seconds)
  const latencies = new Float64Array(total)
  const turns = connections.map(() => Promise.resolve())
  let answered = 0
  const start = performance.now()
  for (let sent = 0; sent < total; await Bun.sleep(1)) {
    const due = Math.min(total, Math.ceil(((performance.now() - start) * rate) / 1000))
    for (; sent < due; sent++) {
      const since = start + (sent * 1000) / rate
      const at = sent % connections.length
      const [connection, user] = [connections[at], users[at]]
      if (!connection || !user) continue
      turns[at] = (turns[at] ?? Promise.resolve()).then(async () => {
        if (await user.ask(connection)) latencies[answered++] = performance.now() - since
      })
    }
  }
  await Promise.all(turns)
  const seconds = (performance.now() - start) / 1000
  const sorted = latencies.subarray(0, answered).sort()
  const at = (part: number) => sorted[Math.min(answered - 1, Math.floor(answered * part))] ?? 0
  return { requests: answered, seconds, errors, latency: { p50: at(0.5), p99: at(0.99), max: at(1) } }
}

/** Each connection asks again as soon as it is answered, for one of its users after the other. */
async function sendAll(connections: readonly Connection[], users: readonly User[]) {
  let answered = 0
  const start = performance.now()
  const end = start + orders.seconds * 1000
  await Promise.all(
    connections.map(async (connection, first) => {
      for (
        let at = first;
        performance.now() < end;
        at = at + connections.length < users.length ? at + connections.length : first
      )
        if (await users[at]?.ask(connection)) answered++
    }),
  )
  return { requests: answered, seconds: (performance.now() - start) / 1000, errors }
}

const users = await Promise.all(
  Array.from({ length: orders.users }, async (_, at) => {
    const name = `load-${at}`
    return new User(name, await tokens.sign(name, orders.seconds + 3600), at % PHASES)
  }),
)
const connections = Array.from({ length: orders.connections }, () => {
  return new Connection(url, () => note('the service closed a connection'))
})
await openAll(connections, users)
process.stdout.write('"open"\n')
const outcome: Outcome =
  orders.rate === undefined ? await sendAll(connections, users) : await sendSteadily(connections, users, orders.rate)
for (const connection of connections) connection.close()
process.stdout.write(`${JSON.stringify(outcome)}\n`)
