import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { useService } from '../kit/service.ts'
import { newUser } from '../kit/user.ts'

describe.each(databases)('lists of tasks that repeat or remind over %s', (kind) => {
  const service = useService(kind)

  test('a filter tells what reminds before a time, and what repeats', async () => {
    const ann = newUser(service())
    await ann.create({ title: 'plain' })
    await ann.create({ title: 'soon', remind_at: '2100-01-01T00:00:00Z' })
    await ann.create({ title: 'later', remind_at: '2100-01-02T00:00:00Z', due_date: '2100-01-02', recurrence: 'daily' })
    expect(await ann.titles('?remind_before=2100-01-01T01:00:00%2B00:30')).toEqual(['soon'])
    expect(await ann.titles('?recurring=true')).toEqual(['later'])
    expect(await ann.titles('?recurring=false&sort=title')).toEqual(['plain', 'soon'])
    for (const query of ['?remind_before=soon', '?recurring=maybe'])
      expect((await ann.send('GET', `/tasks${query}`)).status).toBe(422)
  })
})
