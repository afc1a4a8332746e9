import type { TSchema } from '@sinclair/typebox'
import type { headers, parameters } from './headers.ts'

/** A body in one media type: a schema, and an example that it accepts. */
export interface Form {
  schema: object
  example: unknown
}

/** What the document says of an operation beyond its schemas. */
export interface Documented {
  operationId: string
  summary: string
  description?: string
  /** `[]`: open to everybody. Without it the token is asked for. */
  security?: Record<string, string[]>[]
  /** Header fields by the status of the answer. Those of 401, 415, 429 and 503 are added by status. */
  responseHeaders?: Record<number, (keyof typeof headers)[]>
  requestHeaders?: (keyof typeof parameters)[]
  /** The schema of a body that the handler itself checks. */
  body?: TSchema
  /** Whether a request without a body is taken as well. */
  optionalBody?: boolean
  /** Media types of the body beside JSON, by the same schema. */
  mediaTypes?: string[]
  /** Bodies of answers in other forms than JSON, by status and media type; `null` takes JSON away. */
  content?: Record<number, Record<string, Form | null>>
  /** Bodies of requests in other forms, by media type. */
  requestContent?: Record<string, Form>
}

/** Where `documented` leaves for `finishDocument` what the swagger plugin has no name for. */
export const EXTENSION = 'x-doable'

export type Extension = Omit<Documented, 'operationId' | 'summary' | 'description' | 'security'>

/** The `detail` option of a route. Its keys are checked by the compiler, unlike an extension's. */
export function documented({ operationId, summary, description, security, ...extension }: Documented) {
  return {
    operationId,
    summary,
    ...(description !== undefined && { description }),
    ...(security !== undefined && { security }),
    [EXTENSION]: extension,
  }
}
