/**
 * Every refusal of the service: stable code → HTTP status and title. The status of an error is
 * decided in this table and nowhere else.
 */
export const catalogue = {
  'malformed-json': [400, 'Malformed JSON'],
  'malformed-request': [400, 'Malformed request'],
  'token-missing': [401, 'Authentication required'],
  'token-invalid': [401, 'Invalid token'],
  'token-expired': [401, 'Expired token'],
  'wrong-user': [403, 'Forbidden'],
  'insufficient-scope': [403, 'Insufficient scope'],
  'invalid-origin': [403, 'Origin not allowed'],
  'quota-exceeded': [403, 'Quota exceeded'],
  'too-many-lists': [403, 'Too many lists'],
  'session-not-fresh': [403, 'Fresh session required'],
  'not-found': [404, 'Not found'],
  'task-not-found': [404, 'Task not found'],
  'list-not-found': [404, 'List not found'],
  'access-not-found': [404, 'Access not found'],
  'method-not-allowed': [405, 'Method not allowed'],
  'body-too-slow': [408, 'Request timeout'],
  'task-exists': [409, 'Task exists'],
  'list-exists': [409, 'List exists'],
  'idempotency-key-running': [409, 'Request still running'],
  'history-gone': [410, 'History gone'],
  'revision-mismatch': [412, 'Precondition failed'],
  'body-too-large': [413, 'Content too large'],
  'unsupported-media-type': [415, 'Unsupported media type'],
  'uri-too-long': [414, 'URI too long'],
  'validation-failed': [422, 'Validation failed'],
  'idempotency-key-reused': [422, 'Idempotency-Key reused'],
  'rate-limited': [429, 'Too many requests'],
  'too-many-streams': [429, 'Too many event streams'],
  'too-many-imports': [429, 'Too many imports'],
  'too-many-kept-answers': [429, 'Too many kept answers'],
  'internal-error': [500, 'Internal server error'],
  'not-ready': [503, 'Not ready'],
  'database-unavailable': [503, 'Database unavailable'],
  'keys-unavailable': [503, 'Signing keys unavailable'],
} as const

export type ProblemCode = keyof typeof catalogue

/** One fault of a request; `pointer` is a JSON Pointer (RFC 6901) into what was sent. */
export interface Fault {
  pointer: string
  /** What is wrong with the value, without its name: `must be true or false`. */
  detail: string
  /** The whole sentence, where name and `detail` make none or the name is the client's own text. Never sent as such. */
  sentence?: string
}

interface ProblemOptions {
  /** Fault list of a 422. */
  errors?: Fault[]
  /** Header fields that belong to the answer, such as `Retry-After`. */
  headers?: Record<string, string>
  /** What went wrong underneath: for the log, never for the client. */
  cause?: unknown
}

/** A refusal: thrown anywhere, turned into a problem document (RFC 9457) at the boundary. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  readonly title: string
  readonly errors: Fault[] | undefined
  readonly headers: Record<string, string>

  /** @param detail a sentence fit to show a person; it must not echo what the client sent. */
  constructor(
    readonly code: ProblemCode,
    detail: string,
    { errors, headers = {}, cause }: ProblemOptions = {},
  ) {
    super(detail, { cause })
    const [status, title] = catalogue[code]
    this.status = status
    this.title = title
    this.errors = errors
    this.headers = headers
  }
}

/** A 422 that names each fault, and says the first one in its `detail`. */
export function invalid(errors: Fault[], detail = sentenceOf(errors[0])): Problem {
  return new Problem('validation-failed', detail, { errors })
}

/** A fault as a sentence: `tags must be …`, `operations[3] must be …`, or, at the root, `The body must be …`. */
function sentenceOf(fault: Fault | undefined): string {
  if (fault === undefined) return 'The request has invalid values.'
  const names = fault.pointer.split('/').slice(1)
  const name = names.reduce((before, part) => (/^\d+$/.test(part) ? `${before}[${part}]` : part), '')
  return fault.sentence ?? `${name || 'The body'} ${fault.detail}.`
}

/** A refusal of a part of the body, with pointers into the whole body. */
export function inside(pointer: string, problem: Problem): Problem {
  const errors = problem.errors?.map((fault) => ({ ...fault, pointer: pointer + fault.pointer }))
  const { headers, cause } = problem
  return new Problem(problem.code, problem.message, {
    errors: errors ?? [{ pointer, detail: problem.message }],
    headers,
    cause,
  })
}

/** An error and its causes, outermost first: drivers and libraries wrap what they throw. */
export function* causes(error: unknown): Generator<Error, undefined> {
  for (let at = error; at instanceof Error; at = at.cause) yield at
}
