import { Type } from '@sinclair/typebox'
import { canonicalDate } from '../resource/dates.ts'
import { Instant } from '../resource/schemas.ts'

const error = 'must be a time like 2026-11-24T18:30:00Z, or null'

/** A time of a record, which may lack it. */
export const optionalInstant = Type.Optional(Type.Union([Instant(), Type.Null()], { error }))

/** The stored form of such a time. */
export function instantOf(text: string | null | undefined): string | undefined {
  return text == null ? undefined : canonicalDate(text)
}

/** What a record is. No `enum`: generators for Go would name its values as they name the schemas of the two. */
export const KindOf = <Word extends 'task' | 'list'>(word: Word) =>
  Type.Unsafe<Word>(Type.String({ pattern: `^${word}$`, examples: [word], error: 'must be task or list' }))
