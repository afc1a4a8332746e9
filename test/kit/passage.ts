import { connect, createServer, type Socket } from 'node:net'

export type Passage = Awaited<ReturnType<typeof openPassage>>

/**
 * Passes TCP connections on to a loopback port, and can cut them.
 *
 * @param watch sees all that clients send.
 */
export async function openPassage(port: number, watch: (bytes: Buffer) => void = () => {}) {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket, peer: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => {
      sockets.delete(socket)
      peer.destroy()
    })
  }
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    keep(client, upstream)
    keep(upstream, client)
    client.on('data', (bytes: Buffer) => {
      watch(bytes)
      upstream.write(bytes)
    })
    upstream.on('data', (bytes: Buffer) => client.write(bytes))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: address.port,
    /** Ends every connection, as a broken network would. */
    cut,
    async stop() {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
