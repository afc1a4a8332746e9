import type { DoableError, Options } from '../../src/client/index.ts'

type Fetch = NonNullable<Options['fetch']>

/** Behaves like `fetch`, but for what is listed, request by request; undefined lets one through. */
export function trouble(...plan: (Fetch | undefined)[]) {
  const sent: { url: string; headers: Headers }[] = []
  const send: Fetch = (request) => {
    sent.push({ url: request.url, headers: request.headers })
    return (plan.shift() ?? fetch)(request)
  }
  return { sent, send }
}

/** The network is away. */
export const unreachable: Fetch = async () => {
  throw new TypeError('fetch failed')
}

/** The request is done, its answer gets lost. */
export const answerLost: Fetch = async (request) => {
  await fetch(request)
  throw new TypeError('fetch failed')
}

/** An answer that the service did not give. */
export const answer =
  (status: number, headers: Record<string, string> = {}, body: unknown = {}): Fetch =>
  async () =>
    Response.json(body, { status, headers })

/** How a refused call failed; undefined where it did not. */
export const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    ({ name, status, code }: DoableError) => ({ name, status, code }),
  )
