import { type Static, type TUnsafe, Type } from '@sinclair/typebox'
import { Elysia, ValidationError } from 'elysia'
import type { Logger } from 'pino'
import { catalogue, causes, type Fault, invalid, Problem, type ProblemCode } from '../problem.ts'
import { declared } from './declared.ts'
import type { Peers } from './limits.ts'
import { type TraceFields, traceOf } from './request.ts'
import { faultsIn } from './validation.ts'

const TYPE = 'application/problem+json'

/** A problem document (RFC 9457). */
export const ProblemDocument = Type.Object(
  {
    type: Type.String({
      description: 'A URN that stands for the code.',
      examples: ['urn:doable:problem:task-not-found'],
    }),
    title: Type.String({ examples: ['Task not found'] }),
    status: Type.Integer({ format: 'int32', examples: [404] }),
    detail: Type.String({ description: 'Fit to show a person.', examples: ['There is no such task.'] }),
    code: Type.String({ description: 'Stable; for programs.', examples: ['task-not-found'] }),
    request_id: Type.String({ examples: ['01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80'] }),
    message: Type.Optional(
      Type.String({ description: "`detail` once more, below `/api/auth`: Better Auth's clients show this member." }),
    ),
    errors: Type.Optional(
      Type.Array(
        Type.Object(
          {
            pointer: Type.String({ description: 'JSON Pointer (RFC 6901) to the value.', examples: ['/title'] }),
            detail: Type.String({ examples: ['must be text of 1 to 200 characters'] }),
          },
          { $id: 'Fault', description: 'One value that was refused' },
        ),
      ),
    ),
  },
  { description: 'What went wrong' },
)
export type ProblemDocument = Static<typeof ProblemDocument>

/**
 * The `response` entries of the problems that a route can answer with, for Elysia and
 * the OpenAPI document: one per status, naming its codes.
 */
export function problems<const Codes extends readonly ProblemCode[]>(...codes: Codes) {
  const byStatus = Map.groupBy(new Set(codes), (code) => catalogue[code][0])
  return Object.fromEntries([...byStatus].map(([status, names]) => [status, describeProblem(names)])) as Record<
    (typeof catalogue)[Codes[number]][0],
    TUnsafe<ProblemDocument>
  >
}

/** What any route below `/api/{user_id}` can answer with. */
export const everywhere = [
  'token-missing',
  'token-invalid',
  'token-expired',
  'wrong-user',
  'insufficient-scope',
  'validation-failed',
  'rate-limited',
  'internal-error',
  'database-unavailable',
  'keys-unavailable',
] as const

/** What a route below `/api/{user_id}` that takes a body can answer with. */
export const withBody = [...everywhere, 'malformed-json', 'body-too-large', 'unsupported-media-type'] as const

/** What a route that takes an `Idempotency-Key` can answer with. */
export const repeatable = ['idempotency-key-running', 'idempotency-key-reused', 'too-many-kept-answers'] as const

/** In the document, our own keyword `x-codes` becomes an example for each code. */
function describeProblem(codes: readonly ProblemCode[]): TUnsafe<ProblemDocument> {
  const description = codes.map((code) => `\`${code}\``).join(', ')
  return { ...declared(ProblemDocument), description, 'x-codes': codes }
}

interface BoundaryOptions {
  /** As the value of an `Allow` header; undefined where there is no such address. */
  allowedMethods(path: string): string | undefined
  /** Counts a request that no route has taken. @throws Problem `rate-limited`. */
  countUnrouted(request: Request, server: Peers | null): Promise<void>
  /** Called with the code of every refusal. */
  refused?: ((code: ProblemCode) => void) | undefined
  trace?: TraceFields | undefined
}

/**
 * The error boundary: everything thrown anywhere becomes a problem document here. The
 * log gets the cause, the client gets the safe text. Registered first: Elysia's `onError` misses
 * routes that are registered before it.
 */
export function problemBoundary(
  log: Logger,
  { allowedMethods, countUnrouted, refused = () => {}, trace = traceOf }: BoundaryOptions,
) {
  const toProblem = (error: unknown, request: Request, path: string): Problem => {
    const own = findProblem(error)
    if (own) return own
    if (error instanceof ValidationError && error.type !== 'response') return invalid(faultsOf(error))
    const { code } = error as { code?: unknown }
    if (code === 'NOT_FOUND') return nothingThere(request, path, allowedMethods(path))
    if (code === 'PARSE') return new Problem('malformed-request', 'The request cannot be read.', { cause: error })
    return failure(error)
  }

  return new Elysia({ name: 'problems' }).onError(
    { as: 'global' },
    async ({ error, code, request, set, path, server }) => {
      const spent =
        code === 'NOT_FOUND' ? await countUnrouted(request, server).catch((thrown: unknown) => thrown) : undefined
      const problem = toProblem(spent ?? error, request, path)
      refused(problem.code)
      const requestId = String(set.headers['x-request-id'] ?? '')
      logProblem(log, problem, { request_id: requestId, ...trace(request) })
      set.status = problem.status
      const document: ProblemDocument = {
        type: `urn:doable:problem:${problem.code}`,
        title: problem.title,
        status: problem.status,
        detail: problem.message,
        code: problem.code,
        request_id: requestId,
        ...(path.startsWith('/api/auth/') ? { message: problem.message } : {}),
        ...(problem.errors ? { errors: problem.errors.map(({ pointer, detail }) => ({ pointer, detail })) } : {}),
      }
      return new Response(JSON.stringify(document), {
        status: problem.status,
        headers: { ...problem.headers, 'content-type': TYPE, 'cache-control': 'no-store' },
      })
    },
  )
}

/** A path that was probably meant to be a user's tasks, but lacks the user. */
const LIKE_TASKS = /^(?!\/api\/[^/]+\/tasks).*\/(tasks?|todos?)(\/|$)/i

function nothingThere(request: Request, path: string, allow: string | undefined): Problem {
  const hint = LIKE_TASKS.test(path)
    ? ' The tasks of a user are at /api/{user_id}/tasks, with the user of the token as user_id.'
    : ''
  if (allow === undefined) return new Problem('not-found', `There is nothing at this address.${hint}`)
  const method = knownMethod(request.method)
  return new Problem('method-not-allowed', `This address does not take ${method}: it takes ${allow}.${hint}`, {
    headers: { allow },
  })
}

/** The first Problem in the chain of causes: drivers and libraries wrap what is thrown inside them. */
function findProblem(error: unknown): Problem | undefined {
  return causes(error).find((cause) => cause instanceof Problem)
}

const failure = (cause: unknown) =>
  new Problem('internal-error', 'Something went wrong on our side. It has been logged.', { cause })

/** What to tell a client of anything that was thrown. */
export const problemIn = (error: unknown): Problem => findProblem(error) ?? failure(error)

/** Logs a refusal with its cause, by its status at `error`, `warn` or `debug`. */
export function logProblem(log: Logger, { status, code, cause }: Problem, fields: object): void {
  const line = { ...fields, code, cause: describeCause(cause) }
  if (status >= 500) log[status === 503 ? 'warn' : 'error'](line, 'request failed')
  else log.debug(line, 'request refused')
}

function knownMethod(method: string): string {
  return /^[A-Z]{1,10}$/.test(method) ? method : 'this method'
}

function faultsOf(error: ValidationError): Fault[] {
  // Elysia's type allows for schemas of other libraries; ours are all TypeBox's.
  const { validator } = error as unknown as { validator: { Errors(value: unknown): Parameters<typeof faultsIn>[0] } }
  return faultsIn(validator.Errors(error.value))
}

/**
 * What the log may hold of a cause. Messages and parameters of database errors can carry
 * a task's text, so of those only the codes and names are kept.
 */
function describeCause(cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause === undefined ? undefined : typeof cause
  const { code, constraint_name, constraint, table_name, table, routine, query } = cause as unknown as Record<
    string,
    unknown
  >
  const fromDatabase = query !== undefined || routine !== undefined
  return {
    name: cause.name,
    code,
    constraint: constraint_name ?? constraint,
    table: table_name ?? table,
    ...(fromDatabase
      ? {}
      : { message: cause instanceof ValidationError ? cause.type : cause.message, stack: frames(cause) }),
    cause: describeCause(cause.cause),
  }
}

/** The stack without its first line, which repeats the message. */
function frames(error: Error): string[] {
  return (error.stack ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at '))
    .slice(0, 8)
}
