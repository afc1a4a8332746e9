import type { Socket } from 'bun'

export interface Answer {
  readonly status: number
  readonly etag: string | undefined
  readonly body: string
}

interface Wait {
  resolve(answer: Answer): void
  reject(error: Error): void
}

const NOTHING = Buffer.alloc(0)

/** The longest that an answer is waited for. */
const PATIENCE_MS = 30_000

/** How long a connection may rest: the service closes it after 30 s, Elysia's default, by a clock that ticks every 4 s. */
export const IDLE_S = 25

/**
 * One connection that stays open from request to request, one request at a time: `fetch` keeps a pool of its own
 * and would not hold thousands. Reads answers of a known length only, as the service gives them.
 */
export class Connection {
  readonly #url: URL
  readonly #closed: () => void
  readonly #idleMs: number
  #socket: Socket | undefined
  #wait: Wait | undefined
  #received: Buffer = NOTHING
  #unsent: Buffer = NOTHING
  #ended = false
  /** When the last request was sent: the service's time counts from later, however late its answer is seen. */
  #asked = 0

  /** @param closed is told when the other side ends it although it has not rested for `idleMs`. */
  constructor(url: URL, closed: () => void, idleMs = IDLE_S * 1000) {
    this.#url = url
    this.#closed = closed
    this.#idleMs = idleMs
  }

  /**
   * Opens it where it is not open, or has rested so long that it may be closed any moment.
   *
   * @throws Error when it is lost, refused or not answered in time.
   */
  async send(request: string): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const timer = setTimeout(() => this.#lose(new Error('no answer')), PATIENCE_MS)
    this.#wait = { resolve, reject }
    try {
      if (this.#hasRested()) this.#drop()
      const socket = this.#socket ?? (await this.#open())
      this.#asked = performance.now()
      this.#unsent = Buffer.from(request)
      this.#write(socket)
      return await promise
    } finally {
      clearTimeout(timer)
      this.#wait = undefined
    }
  }

  close(): void {
    this.#ended = true
    this.#socket?.end()
  }

  #open(): Promise<Socket> {
    return Bun.connect({
      hostname: this.#url.hostname,
      port: Number(this.#url.port),
      socket: {
        open: (socket) => {
          this.#socket = socket
          this.#asked = performance.now()
        },
        drain: (socket) => this.#write(socket),
        data: (_, chunk) => this.#read(chunk),
        error: (socket, error) => this.#lose(error, socket),
        close: (socket) => this.#lose(new Error('the connection was closed'), socket),
      },
    })
  }

  #write(socket: Socket): void {
    if (this.#unsent.length > 0) this.#unsent = this.#unsent.subarray(Math.max(0, socket.write(this.#unsent)))
  }

  #read(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#received, chunk])
    const end = this.#received.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = this.#received.toString('latin1', 0, end)
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1])
    // Neither has a body (RFC 9110, 15.3.5 and 15.4.5).
    const given = status === 204 || status === 304 ? '0' : /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    const start = end + 4
    const length = start + Number(given)
    if (given === undefined) this.#lose(new Error(`an answer of unknown length: ${head}`))
    else if (this.#received.length > length) this.#lose(new Error('more than one answer'))
    else if (this.#received.length === length) {
      const body = this.#received.toString('utf8', start, length)
      this.#received = NOTHING
      this.#wait?.resolve({ status, etag: /\r\netag: *(\S+)/i.exec(head)?.[1], body })
    }
  }

  #hasRested(): boolean {
    return performance.now() - this.#asked >= this.#idleMs
  }

  #drop(): void {
    const socket = this.#socket
    this.#socket = undefined
    this.#received = NOTHING
    this.#unsent = NOTHING
    socket?.terminate()
  }

  #lose(error: Error, socket = this.#socket): void {
    // One that was dropped: there may be another already.
    if (socket !== this.#socket) return
    this.#drop()
    if (!this.#ended && socket !== undefined && !this.#hasRested()) this.#closed()
    this.#wait?.reject(error)
  }
}
