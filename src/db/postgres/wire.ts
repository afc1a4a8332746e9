import { connect, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { Refusal } from '../errors.ts'
import type { ConnectionTarget } from './address.ts'

/** A connection's socket, and what tells that the server has gone silent on it. */
export interface Wire extends Socket {
  /** When the server last said anything on it, in `performance.now()` milliseconds. */
  heard: number
  /** Whether it got through its start-up and can take statements. */
  ready: boolean
}

/** SSLRequest (PostgreSQL manual, 54.7): length 8, code 80877103. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

const TLS_YES = 0x53
const TLS_NO = 0x4e
const READY_FOR_QUERY = 0x5a

/**
 * Opens a socket to the server for postgres.js, TLS included, within `timeoutMs` milliseconds.
 * Never rejects, since postgres.js would lose one of its connections for good: after a failure
 * the socket emits the error.
 *
 * A close by the server is an error, too: after a clean one during the start-up, postgres.js
 * would connect again without pause or end.
 *
 * @param wires holds the socket until it closes.
 */
export async function openWire(target: ConnectionTarget, timeoutMs: number, wires: Set<Wire>): Promise<Duplex> {
  const socket = target.path === undefined ? connect(target.port, target.host) : connect(target.path)
  const raw = watch(socket, wires)
  const timer = setTimeout(() => raw.destroy(connectionError('CONNECT_TIMEOUT', 'no connection', timeoutMs)), timeoutMs)
  try {
    await settled(raw, 'connect')
    raw.setNoDelay(true)
    const wire = target.tls === false ? raw : await secure(raw, target.tls, wires)
    wire.on('data', (chunk: Buffer) => {
      wire.heard = performance.now()
      // ReadyForQuery ends the start-up, and nothing follows it.
      if (!wire.ready) wire.ready = chunk.at(-6) === READY_FOR_QUERY
    })
    wire.once('end', () => wire.destroy(connectionError('CONNECTION_CLOSED', 'the server closed the connection')))
    endSoon(wire)
    return wire
  } catch (error) {
    raw.destroy()
    return deadSocket(error)
  } finally {
    clearTimeout(timer)
  }
}

export function connectionError(code: string, text: string, ms?: number): Error {
  return Object.assign(new Error(ms === undefined ? text : `${text} within ${ms} ms`), { code })
}

async function secure(raw: Wire, tls: 'prefer' | ConnectionOptions, wires: Set<Wire>): Promise<Wire> {
  raw.write(SSL_REQUEST)
  const answer = (await settled(raw, 'data')) as Buffer
  // More than one byte: somebody in between has added plain text, to be read as the server's (CVE-2021-23222).
  if (answer.length !== 1 || (answer[0] !== TLS_YES && answer[0] !== TLS_NO))
    throw new Refusal('the server does not speak PostgreSQL')
  if (answer[0] === TLS_NO) {
    if (tls === 'prefer') return raw
    throw new Refusal('the server does not offer TLS. If the network between is trusted, say sslmode=disable')
  }
  const options = tls === 'prefer' ? { rejectUnauthorized: false } : tls
  const secured = watch(connectTls({ ...options, socket: raw }), wires)
  secured.once('close', () => raw.destroy())
  try {
    await settled(secured, 'secureConnect')
    return secured
  } catch (error) {
    throw explainTls(error as Error & { code?: string })
  }
}

/** Codes of a handshake that failed because its connection did. */
const LOST = /^(CONNECT|ECONN|EPIPE|ETIMEDOUT)/

function explainTls(error: Error & { code?: string }): Error {
  const { code = '', message } = error
  if (LOST.test(code)) return error
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return new Refusal(`the server's certificate is for another host: ${message}`)
  return new Refusal(
    `the server's certificate is not accepted: ${message}. ` +
      'A certificate authority of your own is named by sslrootcert=/path/to/ca.pem',
  )
}

function watch(socket: Socket, wires: Set<Wire>): Wire {
  const wire: Wire = Object.assign(socket, { heard: performance.now(), ready: false })
  wires.add(wire)
  // An `error` event without a listener would end the process.
  wire.on('error', () => {})
  wire.once('close', () => wires.delete(wire))
  return wire
}

/** The first `event`, or the error or close that comes before it. */
function settled(socket: Socket, event: 'connect' | 'data' | 'secureConnect'): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const closed = () => reject(connectionError('CONNECTION_CLOSED', 'the server closed the connection'))
    const done = (value: unknown) => {
      socket.off('error', reject).off('close', closed)
      resolve(value)
    }
    socket.once(event, done).once('error', reject).once('close', closed)
  })
}

/** How long a connection may take to close, in milliseconds: on a dead network it would take a quarter of an hour. */
const CLOSE_MS = 1000

function endSoon(wire: Wire): void {
  const end = wire.end.bind(wire) as (...args: unknown[]) => Wire
  wire.end = (...args: unknown[]) => {
    const timer = setTimeout(() => wire.destroy(), CLOSE_MS)
    wire.once('close', () => clearTimeout(timer))
    return end(...args)
  }
}

/** Discards what is written to it, and emits the error once postgres.js has attached its listeners. */
function deadSocket(error: unknown): Duplex {
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  setTimeout(() => socket.destroy(error as Error))
  return socket
}
