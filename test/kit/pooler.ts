import type { Socket } from 'node:net'
import { newDatabase } from './postgres-server.ts'
import { startProxy } from './proxy.ts'

/** Answers a start-up as PgBouncer does when it brings a parameter that it does not take. */
export function refuseParameter(client: Socket, parameter: string): 'drop' {
  const fields = `SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: ${parameter}\0\0`
  const message = Buffer.alloc(5 + fields.length)
  message.write('E')
  message.writeUInt32BE(4 + fields.length, 1)
  message.write(fields, 5)
  client.end(message)
  return 'drop'
}

/** A stand-in for a pooler, before a database of its own. */
export interface StandIn extends AsyncDisposable {
  /** The database by way of the pooler. */
  readonly url: string
  /** The database's own address. */
  readonly direct: string
  /** Connections that are open. */
  readonly open: () => number
}

/**
 * Refuses start-up parameters, and gives prepared statements names of its own if it is to keep them.
 *
 * @param drops what of the clients' messages is to be lost.
 */
export async function standInPooler({
  keeps,
  drops = () => false,
}: {
  keeps: boolean
  drops?: (text: string) => boolean
}): Promise<StandIn> {
  const direct = await newDatabase()
  const network = await startProxy({ port: Number(new URL(direct).port) })
  network.onClientData = (chunk, client) => {
    const text = chunk.toString('latin1')
    if (drops(text)) return 'drop'
    const [parameter] = /doable\.session|statement_timeout/.exec(text) ?? []
    // Only a start-up has no letter before its length.
    if (chunk[0] === 0) return parameter === undefined ? 'pass' : refuseParameter(client, parameter)
    if (keeps) rename(chunk)
    return 'pass'
  }
  return {
    url: network.through(direct),
    direct,
    open: () => network.count.open,
    [Symbol.asyncDispose]: () => network.close(),
  }
}

/** The names' first letter becomes a capital, which the driver has none of. */
function rename(messages: Buffer): void {
  for (let at = 0; at < messages.length; at += 1 + messages.readUInt32BE(at + 1)) {
    const name = nameIn(messages, at)
    if (name !== undefined && messages[name] !== 0) messages.write('K', name)
  }
}

/** Where the name of a statement begins in the message that begins there (PostgreSQL manual, 54.7). */
function nameIn(messages: Buffer, at: number): number | undefined {
  const content = at + 5
  switch (String.fromCharCode(messages[at] ?? 0)) {
    case 'P': // Parse
      return content
    case 'B': // Bind, after the portal's name
      return messages.indexOf(0, content) + 1
    case 'D': // Describe, of a statement or a portal
    case 'C': // Close
      return messages[content] === 0x53 ? content + 1 : undefined
    default:
      return undefined
  }
}
