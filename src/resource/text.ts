import { Kind, type TSchema, Type, TypeRegistry } from '@sinclair/typebox'

interface TextOptions {
  minLength?: number
  maxLength: number
  /** For the document: the check itself refuses blank text by its length once it is trimmed. */
  pattern?: string
  description?: string
  examples?: string[]
  /** The sentence a client is shown. */
  error: string
}

/** PostgreSQL stores neither NUL nor a lone surrogate; both are refused, not replaced. */
function isStorable(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0') && value.isWellFormed()
}

/** Code points, as JSON Schema counts (TypeBox's own strings count UTF-16 units). */
function fits(text: string, { minLength = 0, maxLength }: TextOptions): boolean {
  // There are never more code points than UTF-16 units, and at least half as many.
  if (text.length < minLength || text.length > 2 * maxLength) return false
  return text.length <= maxLength || [...text].length <= maxLength
}

/** White space as Unicode has it: JavaScript's own trim() also takes U+FEFF away, which is no white space there. */
const OUTER_SPACE = /^[^\S\uFEFF]+|[^\S\uFEFF]+$/g

/** Whether a character of ASCII is none of white space. */
const isVisible = (code: number) => code > 0x20 && code < 0x7f

/** A text without its outer white space. */
export function trimmed(text: string): string {
  // Most texts have none; the pattern looks at every character.
  if (isVisible(text.charCodeAt(0)) && isVisible(text.charCodeAt(text.length - 1))) return text
  return text.replace(OUTER_SPACE, '')
}

TypeRegistry.Set<TextOptions & TSchema>('Text', (schema, value) => isStorable(value) && fits(value, schema))
TypeRegistry.Set<TextOptions & TSchema>('Line', (schema, value) => isStorable(value) && fits(trimmed(value), schema))

/** For the document: once trimmed, something must be left. Anchored, since Python matches from the start of a text. */
export const NOT_BLANK = '^\\s*\\S'

/** A string that counts as it is sent. */
export const Text = (options: TextOptions) => Type.Unsafe<string>({ ...options, type: 'string', [Kind]: 'Text' })

/** A string that counts, and is stored, without its outer white space. */
export const Line = (options: TextOptions) => Type.Unsafe<string>({ ...options, type: 'string', [Kind]: 'Line' })
