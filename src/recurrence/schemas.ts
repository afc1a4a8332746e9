import { Kind, type TSchema, Type, TypeRegistry } from '@sinclair/typebox'
import { MAX_LENGTH, RuleFault, readRule } from './rule.ts'
import { canonicalZone } from './zone.ts'

/** Why a rule is refused; undefined for one that can be read. */
function faultOf(value: unknown): string | undefined {
  try {
    readRule(typeof value === 'string' ? value : '')
    return undefined
  } catch (error) {
    if (error instanceof RuleFault) return error.message
    throw error
  }
}

TypeRegistry.Set('Recurrence', (_, value) => typeof value === 'string' && faultOf(value) === undefined)
TypeRegistry.Set('TimeZone', (_, value) => typeof value === 'string' && canonicalZone(value) !== undefined)

/** A rule by which a task repeats; `rule.ts` has its canonical form. */
export const Recurrence: TSchema & { static: string } = Type.Unsafe<string>({
  [Kind]: 'Recurrence',
  type: 'string',
  maxLength: MAX_LENGTH,
  description:
    'By which rule the task repeats: an RFC 5545 RRULE from daily to yearly, or `daily`, `weekly`, `monthly`, `yearly`, which come back as the rules that they stand for. Needs a `due_date`. COUNT says how many tasks are left, this one included.',
  examples: ['FREQ=WEEKLY;BYDAY=MO,TH'],
  error: (value: unknown) => faultOf(value) ?? 'must be text or null',
})

export const RepeatFrom = Type.Union([Type.Literal('due'), Type.Literal('completion')], {
  description: 'Behind what the next due date lies: behind this one, or behind today, too.',
  error: 'must be due or completion',
  examples: ['due'],
})

/** An IANA time zone; `zone.ts` has its canonical form. */
export const TimeZone = Type.Unsafe<string>({
  [Kind]: 'TimeZone',
  type: 'string',
  description: 'The IANA time zone in which days and wall-clock times of `recurrence` are reckoned.',
  examples: ['Europe/Berlin'],
  error: 'must be the name of an IANA time zone, like Europe/Berlin',
})
