import type { ProblemDocument } from './types.ts'

/** A refusal by the service. `message` is fit to show a person; programs go by `code`. */
export class DoableError extends Error {
  override readonly name = 'DoableError'
  readonly status: number
  readonly code: string
  readonly errors: { pointer: string; detail: string }[]
  readonly requestId: string | undefined

  constructor({ status, code, detail, errors = [], request_id }: Partial<ProblemDocument>) {
    super(detail ?? `The service answered ${status}.`)
    this.status = status ?? 0
    this.code = code ?? 'unknown'
    this.errors = errors
    this.requestId = request_id
  }
}

/** The refusal in an answer; a proxy's, which is no problem document, keeps at least its status. */
export async function refusalIn(response: Response): Promise<DoableError> {
  const document = (await response.json().catch(() => ({}))) as Partial<ProblemDocument>
  return new DoableError({ ...document, status: response.status })
}
