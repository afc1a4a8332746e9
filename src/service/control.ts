import { chmod, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'

/** Linux and macOS take no longer names of sockets, in bytes. */
const MAX_PATH = 103

/** How long a command waits for the service, in milliseconds. */
const WAIT_MS = 10_000

const pathIn = (dataDir: string) => join(resolve(dataDir), 'control')

/** Makes a link for the account with this address; undefined where there is none. */
type MakeLink = (email: string) => Promise<string | undefined>

/**
 * Listens on a Unix socket in the data directory for what an operator asks of the running service, which alone can
 * use the embedded database. Whoever may open the socket could read the database, too: no password is asked for.
 *
 * @param log is told when the socket cannot be made: the service goes on without it.
 */
export async function startControl(
  dataDir: string,
  makeLink: MakeLink,
  log: { warn(fields: object, message: string): void },
): Promise<{ stop(): Promise<void> }> {
  const path = pathIn(dataDir)
  try {
    if (Buffer.byteLength(path) > MAX_PATH) throw new Error(`its path has more than ${MAX_PATH} bytes`)
    // A killed process leaves its socket. The lock on the directory says that nobody listens there.
    await rm(path, { force: true })
    const server = Bun.serve({
      unix: path,
      routes: {
        '/reset-link': {
          POST: async (request) => {
            const link = await makeLink(await request.text())
            return link === undefined ? new Response(null, { status: 404 }) : new Response(link)
          },
        },
      },
      fetch: () => new Response(null, { status: 405 }),
      error: () => new Response(null, { status: 500 }),
    })
    await chmod(path, 0o600)
    return {
      async stop() {
        await server.stop(true)
        await rm(path, { force: true })
      },
    }
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error)
    log.warn({ path, cause }, 'no socket for reset-password: while the service runs, that command will not work')
    return { stop: async () => {} }
  }
}

/**
 * Has the service that uses the data directory make a link.
 *
 * @returns undefined where no account has the address.
 * @throws Error with a sentence for the operator when no service answers there.
 */
export async function askControl(dataDir: string, email: string): Promise<string | undefined> {
  const unix = pathIn(dataDir)
  const signal = AbortSignal.timeout(WAIT_MS)
  const answer = await fetch('http://localhost/reset-link', { unix, method: 'POST', body: email, signal }).catch(
    (cause: Error) => {
      throw new Error(
        `the embedded database is in use, and its service does not answer at ${unix}. Stop it, and try again.`,
        { cause },
      )
    },
  )
  if (answer.status === 404) return undefined
  if (!answer.ok) throw new Error('the running service could not make a link: its log may say why')
  return await answer.text()
}
