import type { ProblemCode } from '../../problem.ts'
import type { EXTENSION, Extension } from './documented.ts'

/** As much of an OpenAPI 3.1 document as is touched here. */
export interface Document {
  paths: Record<string, Record<string, Operation>>
  components: Record<string, Record<string, unknown>>
}
export interface Operation {
  /** Where it is not said, that of the whole document holds: a token. */
  security?: Record<string, string[]>[]
  responses: Record<string, Response>
  requestBody?: { required?: boolean; content: Record<string, Media> }
  parameters?: (Parameter | { $ref: string })[]
  [EXTENSION]?: Extension
}
export interface Parameter {
  required: boolean
  schema: Schema
  example?: unknown
  examples?: unknown
}
export interface Response {
  description?: string
  content?: Record<string, Media>
  headers?: Record<string, unknown>
  /** The codes of a problem, from `problems`; resolved and removed here. */
  'x-codes'?: ProblemCode[]
  /** Problems that are not in the catalogue, likewise. */
  'x-examples'?: { detail: string; code: string }[]
}
export interface Media {
  schema?: Schema
  example?: unknown
  examples?: unknown
}
export interface Schema {
  [keyword: string]: unknown
  $ref?: string
  type?: string
  anyOf?: Schema[]
  enum?: unknown[]
  examples?: unknown[]
  properties?: Record<string, Schema>
  items?: Schema
  /** What `answers` has wrapped. */
  schema?: Schema
}
export type Schemas = Record<string, Schema>
