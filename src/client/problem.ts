import type { ProblemDocument } from './types.ts'

/** A refusal by the service. `message` is fit to show a person; programs go by `code`. */
export class DoableError extends Error {
  override readonly name = 'DoableError'
  /** The HTTP status. */
  readonly status: number
  /** Stable, such as `task-not-found`; `unknown` where a proxy answered in the service's place. */
  readonly code: string
  /** The faults of a 422, each with a JSON Pointer (RFC 6901) into what was sent. */
  readonly errors: { pointer: string; detail: string }[]
  /** What the service's log calls the request. */
  readonly requestId: string | undefined

  constructor({ status, code, detail, errors = [], request_id }: Partial<ProblemDocument>) {
    super(detail ?? `The service answered ${status}.`)
    this.status = status ?? 0
    this.code = code ?? 'unknown'
    this.errors = errors
    this.requestId = request_id
  }
}

/** The refusal in an answer; one that is no problem document, such as a proxy's, keeps its status. */
export async function refusalIn(response: Response): Promise<DoableError> {
  const document: unknown = await response.json().catch(() => undefined)
  const fields = typeof document === 'object' && document !== null ? document : {}
  return new DoableError({ ...fields, status: response.status })
}
