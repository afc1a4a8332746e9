import { describe, expect, test } from 'bun:test'
import { hasOccurrence, nextOf, sameDistance } from '../../src/recurrence/next.ts'
import { canonicalRule, readRule } from '../../src/recurrence/rule.ts'
import { canonicalZone } from '../../src/recurrence/zone.ts'
import { expected, follow, readCases } from '../recurrence/follow.ts'

/** The due dates that follow each other from a first one, as the clock of the zone shows them. */
function clocks(rule: string, first: string, zone: string, many: number): string[] {
  const found = [first]
  for (let recurrence = rule; found.length < many; ) {
    const due_date = new Date(Temporal.PlainDateTime.from(found.at(-1) ?? '').toZonedDateTime(zone).epochMilliseconds)
    const schedule = { recurrence, due_date: due_date.toISOString(), time_zone: zone, repeat_from: 'due' as const }
    const next = nextOf(schedule, Date.now())
    if (next === undefined) break
    found.push(Temporal.Instant.from(next.due_date).toZonedDateTimeISO(zone).toPlainDateTime().toString().slice(0, 16))
    recurrence = next.recurrence
  }
  return found
}

const daysAfter = (rule: string, first: string, many: number) =>
  clocks(rule, `${first}T09:00`, 'America/New_York', many).map((clock) => clock.slice(0, 10))

/** RFC 5545, 3.8.5.3: each begins at nine in New York, and these are the days that the RFC lists. */
const examples: [name: string, rule: string, days: string[]][] = [
  ['Daily for 10 occurrences', 'FREQ=DAILY;COUNT=10', days('1997-09', 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)],
  ['Every other day', 'FREQ=DAILY;INTERVAL=2', days('1997-09', 2, 4, 6, 8, 10, 12, 14)],
  [
    'Every 10 days, 5 occurrences',
    'FREQ=DAILY;INTERVAL=10;COUNT=5',
    [...days('1997-09', 2, 12, 22), ...days('1997-10', 2, 12)],
  ],
  [
    'Weekly for 10 occurrences',
    'FREQ=WEEKLY;COUNT=10',
    [...days('1997-09', 2, 9, 16, 23, 30), ...days('1997-10', 7, 14, 21, 28), ...days('1997-11', 4)],
  ],
  [
    'Every other week',
    'FREQ=WEEKLY;INTERVAL=2;WKST=SU',
    [...days('1997-09', 2, 16, 30), ...days('1997-10', 14, 28), ...days('1997-11', 11, 25)],
  ],
  [
    'Weekly on Tuesday and Thursday for five weeks',
    'FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH',
    [...days('1997-09', 2, 4, 9, 11, 16, 18, 23, 25, 30), ...days('1997-10', 2)],
  ],
  [
    'Every other week on Tuesday and Thursday, for 8 occurrences',
    'FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH',
    [...days('1997-09', 2, 4, 16, 18, 30), ...days('1997-10', 2, 14, 16)],
  ],
  [
    'Monthly on the first Friday for 10 occurrences',
    'FREQ=MONTHLY;COUNT=10;BYDAY=1FR',
    [
      '1997-09-05',
      '1997-10-03',
      '1997-11-07',
      '1997-12-05',
      '1998-01-02',
      '1998-02-06',
      '1998-03-06',
      '1998-04-03',
      '1998-05-01',
      '1998-06-05',
    ],
  ],
  [
    'Every other month on the first and last Sunday',
    'FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU',
    [
      '1997-09-07',
      '1997-09-28',
      '1997-11-02',
      '1997-11-30',
      '1998-01-04',
      '1998-01-25',
      '1998-03-01',
      '1998-03-29',
      '1998-05-03',
      '1998-05-31',
    ],
  ],
  [
    'Monthly on the second-to-last Monday',
    'FREQ=MONTHLY;COUNT=6;BYDAY=-2MO',
    ['1997-09-22', '1997-10-20', '1997-11-17', '1997-12-22', '1998-01-19', '1998-02-16'],
  ],
  [
    'Monthly on the third-to-the-last day',
    'FREQ=MONTHLY;BYMONTHDAY=-3',
    ['1997-09-28', '1997-10-29', '1997-11-28', '1997-12-29', '1998-01-29', '1998-02-26'],
  ],
  [
    'Monthly on the 2nd and 15th',
    'FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15',
    [
      '1997-09-02',
      '1997-09-15',
      '1997-10-02',
      '1997-10-15',
      '1997-11-02',
      '1997-11-15',
      '1997-12-02',
      '1997-12-15',
      '1998-01-02',
      '1998-01-15',
    ],
  ],
  [
    'Monthly on the first and last day',
    'FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1',
    [
      '1997-09-30',
      '1997-10-01',
      '1997-10-31',
      '1997-11-01',
      '1997-11-30',
      '1997-12-01',
      '1997-12-31',
      '1998-01-01',
      '1998-01-31',
      '1998-02-01',
    ],
  ],
  [
    'Every 18 months on the 10th thru 15th',
    'FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15',
    [...days('1997-09', 10, 11, 12, 13, 14, 15), ...days('1999-03', 10, 11, 12, 13)],
  ],
  [
    'Every Tuesday, every other month',
    'FREQ=MONTHLY;INTERVAL=2;BYDAY=TU',
    [...days('1997-09', 2, 9, 16, 23, 30), ...days('1997-11', 4, 11, 18, 25), ...days('1998-01', 6, 13, 20, 27)],
  ],
  [
    'Yearly in June and July',
    'FREQ=YEARLY;COUNT=10;BYMONTH=6,7',
    [
      '1997-06-10',
      '1997-07-10',
      '1998-06-10',
      '1998-07-10',
      '1999-06-10',
      '1999-07-10',
      '2000-06-10',
      '2000-07-10',
      '2001-06-10',
      '2001-07-10',
    ],
  ],
  [
    'Every other year in January, February and March',
    'FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3',
    [
      '1997-03-10',
      '1999-01-10',
      '1999-02-10',
      '1999-03-10',
      '2001-01-10',
      '2001-02-10',
      '2001-03-10',
      '2003-01-10',
      '2003-02-10',
      '2003-03-10',
    ],
  ],
  [
    'Every third year on the 1st, 100th and 200th day',
    'FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200',
    [
      '1997-01-01',
      '1997-04-10',
      '1997-07-19',
      '2000-01-01',
      '2000-04-09',
      '2000-07-18',
      '2003-01-01',
      '2003-04-10',
      '2003-07-19',
      '2006-01-01',
    ],
  ],
  ['Every 20th Monday of the year', 'FREQ=YEARLY;BYDAY=20MO', ['1997-05-19', '1998-05-18', '1999-05-17']],
  ['Monday of week number 20', 'FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO', ['1997-05-12', '1998-05-11', '1999-05-17']],
  [
    'Every Thursday in March',
    'FREQ=YEARLY;BYMONTH=3;BYDAY=TH',
    ['1997-03-13', '1997-03-20', '1997-03-27', '1998-03-05', '1998-03-12', '1998-03-19', '1998-03-26', '1999-03-04'],
  ],
  [
    'Every Friday the 13th',
    'FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13',
    ['1998-02-13', '1998-03-13', '1998-11-13', '1999-08-13', '2000-10-13'],
  ],
  [
    'The first Saturday that follows the first Sunday',
    'FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13',
    [
      '1997-09-13',
      '1997-10-11',
      '1997-11-08',
      '1997-12-13',
      '1998-01-10',
      '1998-02-07',
      '1998-03-07',
      '1998-04-11',
      '1998-05-09',
      '1998-06-13',
    ],
  ],
  [
    'U.S. Presidential Election day',
    'FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8',
    ['1996-11-05', '2000-11-07', '2004-11-02'],
  ],
  [
    'The third Tuesday, Wednesday or Thursday',
    'FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3',
    ['1997-09-04', '1997-10-07', '1997-11-06'],
  ],
  [
    'The second-to-last weekday of the month',
    'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2',
    ['1997-09-29', '1997-10-30', '1997-11-27', '1997-12-30', '1998-01-29', '1998-02-26', '1998-03-30'],
  ],
  [
    'The significance of WKST: Monday',
    'FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO',
    days('1997-08', 5, 10, 19, 24),
  ],
  [
    'The significance of WKST: Sunday',
    'FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU',
    days('1997-08', 5, 17, 19, 31),
  ],
  [
    'An invalid date is ignored',
    'FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5',
    ['2007-01-15', '2007-01-30', '2007-02-15', '2007-03-15', '2007-03-30'],
  ],
]

function days(month: string, ...dates: number[]): string[] {
  return dates.map((date) => `${month}-${String(date).padStart(2, '0')}`)
}

describe('a rule', () => {
  test.each(examples)('gives what RFC 5545 says: %s', (_, rule, dates) => {
    const isOver = /COUNT|UNTIL/.test(rule)
    expect(daysAfter(rule, dates[0] ?? '', dates.length + (isOver ? 1 : 0))).toEqual(dates)
  })

  test('with times of a day gives each: every 20 minutes from 9:00 to 16:40', () => {
    const rule = 'FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40'
    const found = clocks(rule, '1997-09-02T09:00', 'America/New_York', 25)
    expect(found.slice(0, 4).map((clock) => clock.slice(11))).toEqual(['09:00', '09:20', '09:40', '10:00'])
    expect(found.slice(-2)).toEqual(['1997-09-02T16:40', '1997-09-03T09:00'])
  })

  test('gives the dates that python-dateutil gives', async () => {
    const lines = await Bun.file(`${import.meta.dir}/../recurrence/occurrences.jsonl`).text()
    const cases = readCases(lines)
    expect(cases).toHaveLength(250)
    for (const found of cases) expect([found.rule, follow(found)]).toEqual([found.rule, expected(found)])
  })

  test('is kept as it was sent, in capital letters, and a word as the rule it stands for', () => {
    expect(['daily', 'Weekly', 'monthly', 'yearly'].map(canonicalRule)).toEqual([
      'FREQ=DAILY',
      'FREQ=WEEKLY',
      'FREQ=MONTHLY',
      'FREQ=YEARLY',
    ])
    expect(canonicalRule(' RRULE:freq=weekly;byday=mo,th ')).toBe('FREQ=WEEKLY;BYDAY=MO,TH')
  })

  test.each([
    ['never', /daily, weekly/],
    ['', /daily, weekly/],
    ['FREQ=SOMETIMES', /daily, weekly/],
    ['BYDAY=MO', /daily, weekly/],
    ['FREQ=DAILY;DTSTART=20260101', /daily, weekly/],
    ['FREQ=DAILY\nFREQ=WEEKLY', /daily, weekly/],
    ['FREQ=HOURLY', /finer than daily/],
    ['FREQ=MINUTELY;INTERVAL=1440', /finer than daily/],
    ['FREQ=SECONDLY', /finer than daily/],
    [`FREQ=DAILY;BYMONTH=${'1,'.repeat(121)}1`, /at most 255 characters/],
    ['FREQ=DAILY;FREQ=WEEKLY', /twice/],
    ['FREQ=DAILY;COUNT=0', /COUNT/],
    ['FREQ=DAILY;INTERVAL=0', /INTERVAL/],
    ['FREQ=DAILY;INTERVAL=-1', /INTERVAL/],
    ['FREQ=DAILY;COUNT=3;UNTIL=20270101', /both COUNT and UNTIL/],
    ['FREQ=DAILY;UNTIL=20260230', /UNTIL/],
    ['FREQ=DAILY;BYMONTH=13', /BYMONTH/],
    ['FREQ=MONTHLY;BYMONTHDAY=32', /BYMONTHDAY/],
    ['FREQ=MONTHLY;BYMONTHDAY=0', /BYMONTHDAY/],
    ['FREQ=WEEKLY;BYDAY=XX', /BYDAY/],
    ['FREQ=WEEKLY;BYDAY=1MO', /number the days/],
    ['FREQ=YEARLY;BYDAY=54MO', /53/],
    ['FREQ=WEEKLY;BYMONTHDAY=1', /BYMONTHDAY/],
    ['FREQ=MONTHLY;BYWEEKNO=1', /BYWEEKNO/],
    ['FREQ=MONTHLY;BYYEARDAY=1', /BYYEARDAY/],
    ['FREQ=DAILY;BYHOUR=24', /BYHOUR/],
    ['FREQ=DAILY;WKST=1MO', /WKST/],
    ['FREQ=DAILY;BYSETPOS=1', /BYSETPOS/],
  ])('that cannot be is refused in words: %s', (rule, reason) => {
    expect(() => readRule(rule)).toThrow(reason)
  })

  test.each([
    'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31',
    'FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30',
    'FREQ=DAILY;INTERVAL=7;BYDAY=TU',
    'FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO',
    'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=50',
    'FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=50',
    'FREQ=YEARLY;BYWEEKNO=1;BYYEARDAY=200,201,202;BYDAY=MO,TU,WE,TH,FR,SA,SU',
    `FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31;BYHOUR=${numbers(23)};BYMINUTE=${numbers(30)};BYSECOND=${numbers(9)};BYSETPOS=366`,
    `FREQ=YEARLY;BYMONTHDAY=${numbers(31)};BYDAY=MO,TU,WE,TH,FR,SA,SU;BYYEARDAY=1,2,3;BYWEEKNO=20`,
  ])('that never occurs is found out, and soon: %s', (rule) => {
    // The year is odd, and no year of such a rule is a leap year.
    const before = process.cpuUsage()
    expect(hasOccurrence(readRule(rule), '2027-03-29T09:00:00.000Z', 'Europe/Berlin')).toBe(false)
    const { user } = process.cpuUsage(before)
    expect(user / 1000).toBeLessThan(2000)
  })

  test('that occurs once in 40 years is found', () => {
    const rule = readRule('FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO')
    expect(hasOccurrence(rule, '2072-03-01', 'UTC')).toBe(true)
    expect(daysAfter('FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO', '2072-02-29', 2)).toEqual([
      '2072-02-29',
      '2112-02-29',
    ])
  })

  test('ends with the year 9999', () => {
    expect(daysAfter('FREQ=YEARLY', '9998-05-01', 5)).toEqual(['9998-05-01', '9999-05-01'])
  })
})

function numbers(last: number): string {
  return Array.from({ length: last }, (_, i) => i + 1).join(',')
}

describe('the next due date', () => {
  const next = (recurrence: string, due_date: string, time_zone = 'UTC') =>
    nextOf({ recurrence, due_date, time_zone, repeat_from: 'due' }, 0)?.due_date

  test('of nine o’clock is at nine o’clock when the clocks change, in both hemispheres', () => {
    expect(next('FREQ=DAILY', '2026-03-28T08:00:00.000Z', 'Europe/Berlin')).toBe('2026-03-29T07:00:00.000Z')
    expect(next('FREQ=DAILY', '2026-10-24T07:00:00.000Z', 'Europe/Berlin')).toBe('2026-10-25T08:00:00.000Z')
    expect(next('FREQ=WEEKLY', '2026-10-02T23:00:00.000Z', 'Australia/Sydney')).toBe('2026-10-09T22:00:00.000Z')
  })

  test('is not at a time that the clocks skip', () => {
    expect(next('FREQ=DAILY', '2026-03-28T01:30:00.000Z', 'Europe/Berlin')).toBe('2026-03-30T00:30:00.000Z')
  })

  test('of a month’s 31st is in the next month that has one', () => {
    expect(next('FREQ=MONTHLY', '2026-01-31')).toBe('2026-03-31')
    expect(next('FREQ=YEARLY', '2028-02-29')).toBe('2032-02-29')
  })

  test('of a day is a day, whatever times the rule has', () => {
    expect(next('FREQ=DAILY;BYHOUR=9,17', '2026-11-21', 'Asia/Tokyo')).toBe('2026-11-22')
  })

  test('keeps the milliseconds of a time', () => {
    expect(next('FREQ=DAILY', '2026-11-21T09:30:15.125Z')).toBe('2026-11-22T09:30:15.125Z')
  })

  test('from completion is behind today in the task’s own zone', () => {
    const from = (due_date: string, now: string, time_zone: string) =>
      nextOf({ recurrence: 'FREQ=DAILY', due_date, time_zone, repeat_from: 'completion' }, Date.parse(now))?.due_date
    // Already the 22nd in Tokyo, still the 21st in New York.
    expect(from('2026-11-10', '2026-11-21T20:00:00Z', 'Asia/Tokyo')).toBe('2026-11-23')
    expect(from('2026-11-10', '2026-11-21T20:00:00Z', 'America/New_York')).toBe('2026-11-22')
    expect(from('2026-11-10T14:00:00.000Z', '2026-11-21T20:00:00Z', 'America/New_York')).toBe(
      '2026-11-22T14:00:00.000Z',
    )
    // Completed before it was due.
    expect(from('2026-12-24', '2026-11-21T20:00:00Z', 'UTC')).toBe('2026-12-25')
  })

  test('from completion stays in the rule’s own step', () => {
    const schedule = { recurrence: 'FREQ=DAILY;INTERVAL=3', due_date: '2026-11-01', time_zone: 'UTC' }
    expect(nextOf({ ...schedule, repeat_from: 'completion' }, Date.parse('2026-11-06T12:00:00Z'))?.due_date).toBe(
      '2026-11-07',
    )
  })

  test('counts COUNT down, so that it holds for the whole series', () => {
    const schedule = { due_date: '2026-11-21', time_zone: 'UTC', repeat_from: 'due' as const }
    expect(nextOf({ ...schedule, recurrence: 'FREQ=DAILY;COUNT=3' }, 0)?.recurrence).toBe('FREQ=DAILY;COUNT=2')
    expect(nextOf({ ...schedule, recurrence: 'FREQ=DAILY;COUNT=1' }, 0)).toBeUndefined()
  })

  test('is on the day of UNTIL, and not behind it, in the task’s own zone', () => {
    expect(next('FREQ=DAILY;UNTIL=20261122', '2026-11-21')).toBe('2026-11-22')
    expect(next('FREQ=DAILY;UNTIL=20261121', '2026-11-21')).toBeUndefined()
    expect(next('FREQ=DAILY;UNTIL=20261122', '2026-11-22T03:00:00.000Z', 'America/New_York')).toBe(
      '2026-11-23T03:00:00.000Z',
    )
    expect(next('FREQ=DAILY;UNTIL=20261122T090000', '2026-11-21T14:00:00.000Z', 'America/New_York')).toBe(
      '2026-11-22T14:00:00.000Z',
    )
    expect(next('FREQ=DAILY;UNTIL=20261122T090000Z', '2026-11-21T14:00:00.000Z', 'America/New_York')).toBeUndefined()
  })
})

describe('a reminder', () => {
  test('keeps its distance from the due date', () => {
    const [from, to] = ['2026-11-21T09:00:00.000Z', '2026-11-28T09:00:00.000Z']
    expect(sameDistance('2026-11-21T08:30:00.000Z', from, to, 'UTC')).toBe('2026-11-28T08:30:00.000Z')
  })

  test('on the day before stays at its own time when the clocks change', () => {
    // Nine in the morning on the 28th, and on the 29th, when Berlin has put its clocks forward.
    const [from, to] = ['2026-03-28T08:00:00.000Z', '2026-03-29T07:00:00.000Z']
    expect(sameDistance('2026-03-27T08:00:00.000Z', from, to, 'Europe/Berlin')).toBe('2026-03-28T08:00:00.000Z')
  })

  test('at nine on a day that is due is at nine on the next', () => {
    expect(sameDistance('2026-03-28T08:00:00.000Z', '2026-03-28', '2026-03-29', 'Europe/Berlin')).toBe(
      '2026-03-29T07:00:00.000Z',
    )
  })
})

test('a zone is known by its IANA name in any case, and an offset is none', () => {
  expect(canonicalZone('europe/berlin')).toBe('Europe/Berlin')
  expect(canonicalZone('UTC')).toBe('UTC')
  for (const name of ['Mars/Olympus', '+01:00', '', 'UTC\0', 'Europe/Berlin ', 'x'.repeat(200)])
    expect(canonicalZone(name)).toBeUndefined()
})
