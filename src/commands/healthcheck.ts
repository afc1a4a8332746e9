import { readConfig } from '../config.ts'
import { type Host, readArgs } from './host.ts'

/** @throws Error when the service does not answer within 3 s, or badly. */
export async function healthcheck(args: string[], host: Host): Promise<number> {
  readArgs(args, 0)
  const { host: name, port } = readConfig(host.env, { secret: false })
  const address = name === '0.0.0.0' ? '127.0.0.1' : name === '::' ? '[::1]' : name.includes(':') ? `[${name}]` : name
  const response = await fetch(`http://${address}:${port}/health`, { signal: AbortSignal.timeout(3000) })
  if (!response.ok) throw new Error(`the service answered ${response.status}`)
  return 0
}
