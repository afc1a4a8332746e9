import type { TaskFields } from 'doable/client'

/** The rules that can be chosen (RFC 5545, 3.3.10), in the form in which the service gives them back. */
export const RULES = {
  'FREQ=DAILY': 'Every day',
  'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR': 'Every weekday',
  'FREQ=WEEKLY': 'Every week',
  'FREQ=MONTHLY': 'Every month',
  'FREQ=YEARLY': 'Every year',
} as const

/** A rule as people say it. Other programs may have set one that cannot be chosen here. */
export function nameOfRule(rule: string): string {
  return rule in RULES ? RULES[rule as keyof typeof RULES] : 'By a rule'
}

export type Times = Pick<TaskFields, 'due_date' | 'recurrence' | 'remind_at' | 'time_zone'>

/** With another rule. What repeats has a due date, and days are those of the reader. */
export function withRule(times: Times, recurrence: string | null, today: string): Times {
  if (recurrence === null) return { ...times, recurrence }
  const time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  return { ...times, recurrence, time_zone, due_date: times.due_date ?? today }
}

/** With another due date: without one nothing repeats. */
export function withDue(times: Times, due_date: string | null): Times {
  return due_date === null && times.recurrence ? { ...times, due_date, recurrence: null } : { ...times, due_date }
}

/** A moment as `datetime-local` takes it, in the reader's time. */
export function localTime(moment: string | null): string {
  if (moment === null) return ''
  const at = new Date(moment)
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
