import { describe, expect, test } from 'bun:test'
import { DueDate } from '../../src/tasks/fields.ts'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { newUser, taskOf } from '../kit/user.ts'

/** A day stays as it is; a time comes back in UTC with milliseconds. */
const taken: [sent: string | null, kept: string | null][] = [
  [null, null],
  ['2026-11-24', '2026-11-24'],
  ['2024-02-29', '2024-02-29'],
  ['2000-02-29', '2000-02-29'],
  ['0001-01-01', '0001-01-01'],
  ['9999-12-31', '9999-12-31'],
  ['2026-11-24T17:30:00Z', '2026-11-24T17:30:00.000Z'],
  ['2026-11-24t17:30:00z', '2026-11-24T17:30:00.000Z'],
  ['2026-11-24T17:30:00+01:00', '2026-11-24T16:30:00.000Z'],
  ['2026-11-24T00:30:00+01:00', '2026-11-23T23:30:00.000Z'],
  ['2026-12-31T23:30:00-05:30', '2027-01-01T05:00:00.000Z'],
  ['2026-11-24T17:30:00-00:00', '2026-11-24T17:30:00.000Z'],
  ['2026-11-24T17:30:00+23:59', '2026-11-23T17:31:00.000Z'],
  ['2026-11-24T17:30:00.5Z', '2026-11-24T17:30:00.500Z'],
  ['2026-11-24T17:30:00.123456789Z', '2026-11-24T17:30:00.123Z'],
  ['2026-11-24T17:30:00.9999Z', '2026-11-24T17:30:00.999Z'],
  ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
]

const refused: unknown[] = [
  '',
  'tomorrow',
  ' 2026-11-24',
  '2026-11-24 ',
  '2026-11-24\n',
  '2026-11-24\0',
  '2026-02-29',
  '1900-02-29',
  '2026-02-30',
  '2026-04-31',
  '2026-13-01',
  '2026-00-10',
  '2026-11-00',
  '2026-1-2',
  '26-11-24',
  '20261124',
  '10000-01-01',
  '+002026-11-24',
  '-0001-11-24',
  '24.11.2026',
  '２０２６-11-24',
  '2026-W48-2',
  '2026-11-24T17:30:00',
  '2026-11-24T17:30Z',
  '2026-11-24T24:00:00Z',
  '2026-11-24T23:60:00Z',
  '2026-11-24T23:59:61Z',
  '2026-11-24T17:30:00+24:00',
  '2026-11-24T17:30:00+01:60',
  '2026-11-24T17:30:00+0100',
  '2026-11-24T17:30:00.Z',
  '2026-02-30T00:00:00Z',
  '9999-12-31T23:59:59-01:00',
  '0000-01-01T00:00:00+01:00',
  1795215555751,
  true,
  ['2026-11-24'],
  { day: '2026-11-24' },
]

/** No pattern can tell these from good ones. */
const beyondPatterns = [
  '2026-02-29',
  '1900-02-29',
  '2026-02-30',
  '2026-04-31',
  '2026-02-30T00:00:00Z',
  '9999-12-31T23:59:59-01:00',
  '0000-01-01T00:00:00+01:00',
]

test('the pattern in the document takes what is taken, and of what is refused only impossible days', () => {
  const pattern = new RegExp(DueDate['pattern'] as string, 'u')
  const matches = (text: unknown) => typeof text === 'string' && pattern.test(text)
  expect(taken.flatMap(([sent]) => (sent === null || matches(sent) ? [] : [sent]))).toEqual([])
  expect(refused.filter(matches)).toEqual(beyondPatterns)
})

describe.each(databases)('due_date over %s', (kind) => {
  const service = useService(kind)

  for (const [sent, kept] of taken)
    test(`${sent} is kept as ${kept}`, async () => {
      const ann = newUser(service())
      const task = await ann.create({ due_date: sent })
      const other = await ann.create({ due_date: '2020-01-01' })
      const changed = await taskOf(await ann.put(other.id, { due_date: sent }))
      for (const { due_date } of [task, await ann.read(task.id), changed]) expect(due_date).toBe(kept)
      const again = await taskOf(await ann.put(task.id, { due_date: kept }))
      expect(again.due_date).toBe(kept)
    })

  for (const sent of refused)
    test(`${JSON.stringify(sent)} is 422`, async () => {
      const ann = newUser(service())
      const task = await ann.create({ due_date: '2026-11-24' })
      const faults = { pointers: ['/due_date'] }
      await expectProblem(await ann.post({ title: 'x', due_date: sent }), 422, 'validation-failed', faults)
      await expectProblem(await ann.put(task.id, { due_date: sent }), 422, 'validation-failed', faults)
      expect(await ann.list()).toEqual([task])
    })
})
