import { beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { databases } from '../kit/boot.ts'
import { listsOf } from '../kit/lists.ts'
import { useService } from '../kit/service.ts'
import { newUser, type User } from '../kit/user.ts'

const RUNS = 150

const zone = fc.constantFrom('Z', 'z', '+00:00', '-03:30', '+14:00')
const instantFrom = (min: string) =>
  fc
    .tuple(
      fc.date({ min: new Date(min), max: new Date('9998-12-30'), noInvalidDate: true }),
      fc.constantFrom('', '.5', '.25', '.123456789'),
      zone,
    )
    .map(([date, fraction, offset]) => `${date.toISOString().slice(0, 19)}${fraction}${offset}`)
const day = fc.date({ noInvalidDate: true, min: new Date('0001-01-01'), max: new Date('9999-12-31') })
const dueDate = fc.option(
  fc.oneof(
    instantFrom('0001-01-03'),
    day.map((date) => date.toISOString().slice(0, 10)),
  ),
)

/** Values of each field that clients write, in forms that are not always the one that is stored. */
const fieldsOf = (lists: readonly string[]) => ({
  title: fc.constantFrom('Plain', '  outer space\t', '\uFEFF', 'quotes " and \\ and {}', 'ünï 🧀'),
  description: fc.option(fc.constantFrom('', ' kept ', '{a,"b"}', 'null')),
  completed: fc.boolean(),
  priority: fc.constantFrom('low', 'medium', 'high'),
  due_date: dueDate,
  tags: fc.uniqueArray(fc.constantFrom('home', ' a,b ', '"', '\\', '{}', 'null', 'é'), { maxLength: 4 }),
  position: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(-0, 0, 1e300, 0.1)),
  list_id: fc.option(fc.constantFrom(...lists)),
  repeat_from: fc.constantFrom('due', 'completion'),
  time_zone: fc.constantFrom('UTC', 'europe/berlin', 'Asia/Kolkata'),
  // Not in the past: such a task would be changed at once.
  remind_at: fc.option(instantFrom('2100-01-01')),
})

/** Each field is sent in half of the cases: most clients leave out most of them. */
const sent = (fields: Record<string, fc.Arbitrary<unknown>>) =>
  fc.tuple(fc.record(fields), fc.subarray(Object.keys(fields))).map(([all, names]) => ({
    title: all['title'],
    ...Object.fromEntries(names.map((name) => [name, all[name]])),
  }))

describe.each(databases)('a new task over %s', (kind) => {
  const service = useService(kind)
  let ann: User
  let lists: string[]
  beforeAll(async () => {
    ann = newUser(service())
    const { id } = await listsOf(ann).create({ name: 'Any' })
    lists = [id, id.toUpperCase()]
  })

  test('is answered as whoever reads it finds it', async () => {
    await fc.assert(
      fc.asyncProperty(sent(fieldsOf(lists)), async (fields) => {
        const made = await ann.create(fields)
        expect(await ann.read(made.id)).toEqual(made)
      }),
      { numRuns: RUNS },
    )
  })

  test('has its members in the order in which they are read', async () => {
    const made = await ann.create({ title: 'Order' })
    expect(Object.keys(made)).toEqual(Object.keys(await ann.read(made.id)))
  })
})
