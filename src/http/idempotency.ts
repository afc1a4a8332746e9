import type { Db } from '../db/database.ts'
import type { Owner, Work } from '../db/work.ts'
import { invalid, Problem } from '../problem.ts'
import { findAnswer, type KeptAnswer, keepAnswer, type RequestKey } from './kept-answers.ts'

/** How long a repeat waits for the first request to end before it is told to come back, in milliseconds. */
const WAIT_MS = 3000

/** What a POST makes, before it becomes a response. */
export interface Made<Body> {
  status: number
  headers?: Record<string, string>
  body: Body
}

/** Not Elysia's whole context: given that, Elysia would parse the body before authentication. */
interface Context {
  request: Request
  user: { id: string }
  set: { status?: number | string; headers: Record<string, string | number> }
}

export type Once = ReturnType<typeof createOnce>
export type Repeat = ReturnType<typeof createRepeat>

/**
 * Does work once for a key: the first answer is kept for 24 hours, in the transaction of the work
 * itself, and given to every repeat. Refused work has changed nothing, and its answer is not kept.
 */
export function createRepeat(work: Work) {
  /**
   * @param id the key and what it belongs to, beside the user.
   * @param payload what the repeat must send again.
   * @throws Problem `idempotency-key-reused`, `idempotency-key-running`, `too-many-kept-answers`.
   */
  return async function repeat<Body>(
    user: string,
    id: RequestKey,
    payload: unknown,
    make: (db: Db, owner: Owner) => Promise<Made<Body>>,
  ): Promise<{ kept: KeptAnswer } | { kept?: undefined; made: Made<Body> }> {
    const fingerprint = new Bun.CryptoHasher('sha256').update(JSON.stringify(payload)).digest('hex')
    const outcome = await work.transact(
      user,
      async (tx, owner) => {
        const kept = await findAnswer(tx, owner, id)
        if (kept) return { kept }
        const made = await make(tx, owner)
        await keepAnswer(tx, owner, id, {
          fingerprint,
          status: made.status,
          headers: made.headers ?? {},
          body: JSON.stringify(made.body),
        })
        return { made }
      },
      { waitMs: WAIT_MS, late: stillRunning },
    )
    if (outcome.kept && outcome.kept.fingerprint !== fingerprint)
      throw new Problem('idempotency-key-reused', 'This Idempotency-Key has been used for another request.', {
        errors: [{ pointer: '/Idempotency-Key', detail: 'has been used for another request' }],
      })
    return outcome
  }
}

/** `Idempotency-Key` (IETF draft httpapi-idempotency-key-header): what `createRepeat` says, for a route. */
export function createOnce(work: Work) {
  const repeat = createRepeat(work)
  /**
   * @param route the pattern of the path; a key belongs to user, method and route.
   * @param payload what the repeat must send again, beside the address.
   * @param make runs in a transaction when there is a key to keep, or when it is to be `atomic`.
   */
  return async function once<Body>(
    { request, user, set }: Context,
    route: string,
    payload: unknown,
    make: (db: Db, owner: Owner) => Promise<Made<Body>>,
    { atomic = false } = {},
  ): Promise<Body> {
    const key = readKey(request)
    if (key === undefined) return answer(await (atomic ? work.transact(user.id, make) : work.write(user.id, make)), set)
    const { pathname, search } = new URL(request.url)
    const id = { method: request.method, route, key }
    const outcome = await repeat(user.id, id, [pathname, search, payload ?? null], make)
    return outcome.kept ? replay(outcome.kept) : answer(outcome.made, set)
  }
}

function answer<Body>({ status, headers, body }: Made<Body>, set: Context['set']): Body {
  set.status = status
  Object.assign(set.headers, headers)
  return body
}

// `never`: Elysia passes a Response through, but its types know only the declared answers of a promise.
function replay({ status, headers, body }: KeptAnswer): never {
  return new Response(body, {
    status,
    headers: { ...headers, 'content-type': 'application/json', 'idempotency-replayed': 'true' },
  }) as never
}

function readKey(request: Request): string | undefined {
  const key = request.headers.get('idempotency-key')
  if (key === null) return undefined
  if (!/^[\x20-\x7e]{1,255}$/.test(key))
    throw invalid([{ pointer: '/Idempotency-Key', detail: 'must be 1 to 255 printable ASCII characters' }])
  return key
}

function stillRunning(cause: unknown): Problem {
  return new Problem('idempotency-key-running', 'The first request with this Idempotency-Key is still running.', {
    headers: { 'retry-after': '1' },
    cause,
  })
}
