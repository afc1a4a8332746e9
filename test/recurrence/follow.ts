import { nextOf } from '../../src/recurrence/next.ts'

/** A line of `occurrences.py`. */
export interface Case {
  rule: string
  zone: string
  /** Due dates in their order; the first is the due date of the first task. */
  dates: string[]
  /** Whether the rule is over behind the last of them. */
  over: boolean
}

export function readCases(lines: string): Case[] {
  return lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

/** The due dates of the tasks that completing one after the other makes, each from the rule of the one before. */
export function follow({ rule, zone, dates, over }: Case): string[] {
  const [first = ''] = dates
  const found = [first]
  for (let at = { recurrence: rule, due_date: first }; found.length < dates.length + (over ? 1 : 0); ) {
    const next = nextOf({ ...at, time_zone: zone, repeat_from: 'due' }, Date.now())
    found.push(next?.due_date ?? 'over')
    if (next === undefined) break
    at = next
  }
  return found
}

/** What `follow` should give. */
export const expected = ({ dates, over }: Case): string[] => (over ? [...dates, 'over'] : dates)
