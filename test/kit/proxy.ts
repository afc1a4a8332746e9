import { connect, createServer, type Socket } from 'node:net'
import { freePort } from './postgres-server.ts'

/** A TCP proxy on the loopback that can be made to fail, and that sees all bytes. */
export interface Network {
  readonly port: number
  /** `address` by way of the proxy. */
  through(address: string): string
  /** Each chunk waits so long, in both directions. */
  delay(ms: number): void
  /** Takes connections and bytes, and passes nothing on: what it swallows is lost for good. */
  swallow(): void
  /** Ends every connection under way and refuses new ones. */
  refuse(): Promise<void>
  /** Resets every connection; new ones work. */
  cut(): void
  /** Resets one connection as soon as the server has been sent something on it that contains `text`. */
  cutAfter(text: string): void
  /** Resets one connection in the middle of an answer, once so many bytes of it have been passed on. */
  cutAnswerAfter(bytes: number): void
  /** Ends every failure that is set. */
  restore(): Promise<void>
  close(): Promise<void>
  /** Connections taken so far, those still open, and those that `cut` and its like have cut so far. */
  readonly count: { taken: number; open: number; cut: number }
  /** What clients have sent, with everything else passed on untouched. */
  onClientData: ((chunk: Buffer, client: Socket) => 'pass' | 'drop') | undefined
}

export async function startProxy(target: { port: number }): Promise<Network> {
  let delayMs = 0
  let swallowing = false
  let trigger: string | undefined
  let answerLeft = Number.POSITIVE_INFINITY
  const pairs = new Map<Socket, { upstream: Socket; lost: boolean }>()
  const count = { taken: 0, open: 0, cut: 0 }

  const server = createServer((client) => {
    count.taken++
    count.open++
    client.on('error', () => {})
    client.setNoDelay(true)
    const upstream = connect(target.port, '127.0.0.1')
    const pair = { upstream, lost: false }
    pairs.set(client, pair)
    upstream.setNoDelay(true)
    upstream.on('error', () => client.destroy())
    const passTo = (to: Socket) => {
      let before = Promise.resolve()
      let waiting = 0
      return (chunk: Buffer) => {
        // A connection that has lost bytes stays useless, as behind a firewall that has forgotten it.
        if (swallowing) pair.lost = true
        if (pair.lost) return
        if (delayMs === 0 && waiting === 0) return void to.write(chunk)
        waiting++
        const due = Bun.sleep(delayMs)
        // Bytes never overtake each other.
        before = before
          .then(() => due)
          .then(() => {
            waiting--
            if (!to.destroyed) to.write(chunk)
          })
      }
    }
    const passUp = passTo(upstream)
    client.on('data', (chunk) => {
      if (proxy.onClientData?.(chunk, client) === 'drop') return
      passUp(chunk)
      if (trigger === undefined || !chunk.includes(trigger)) return
      trigger = undefined
      // The server has the statement, and its answer is dropped.
      pair.lost = true
      count.cut++
      client.resetAndDestroy()
    })
    const passDown = passTo(client)
    upstream.on('data', (chunk) => {
      const part = chunk.subarray(0, answerLeft)
      answerLeft -= part.length
      passDown(part)
      if (answerLeft > 0) return
      answerLeft = Number.POSITIVE_INFINITY
      pair.lost = true
      count.cut++
      // Not a reset: the client must get what was passed on before.
      client.end()
    })
    client.on('close', () => {
      count.open--
      pairs.delete(client)
      upstream.end()
    })
    upstream.on('close', () => {
      if (!pair.lost) client.destroy()
    })
  })
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', () => resolve())
    })
  const port = freePort()
  await listen(port)

  const proxy: Network = {
    port,
    count,
    onClientData: undefined,
    through(address) {
      const url = new URL(address)
      url.port = String(port)
      return url.href
    },
    delay(ms) {
      delayMs = ms
    },
    swallow() {
      swallowing = true
    },
    async refuse() {
      const closed = new Promise((resolve) => server.close(resolve))
      proxy.cut()
      await closed
    },
    cut() {
      count.cut += pairs.size
      for (const client of pairs.keys()) client.resetAndDestroy()
    },
    cutAnswerAfter(bytes) {
      answerLeft = bytes
    },
    cutAfter(text) {
      trigger = text
    },
    async restore() {
      delayMs = 0
      swallowing = false
      trigger = undefined
      answerLeft = Number.POSITIVE_INFINITY
      proxy.onClientData = undefined
      if (!server.listening) await listen(port)
    },
    async close() {
      if (server.listening) await proxy.refuse()
    },
  }
  return proxy
}
