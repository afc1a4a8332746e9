import { afterEach, describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { useService } from '../kit/service.ts'
import { openStream, type Stream } from '../kit/stream.ts'
import { until } from '../kit/until.ts'
import { jsonOf, newUser, type User } from '../kit/user.ts'

/** How late a reminder may be. */
const LATE_MS = 2000

const inMs = (ms: number) => new Date(Date.now() + ms).toISOString()

describe.each(databases)('reminders over %s', (kind) => {
  const service = useService(kind)
  const streams: Stream[] = []
  afterEach(async () => {
    for (const stream of streams.splice(0)) await stream.close()
  })

  async function follow(user: User, query = '') {
    const stream = await openStream(service(), user.id, query)
    streams.push(stream)
    return stream
  }

  test('when the time has come, every listener is told, once', async () => {
    const [ann, bob] = [newUser(service()), newUser(service())]
    const [one, two, other] = [await follow(ann), await follow(ann), await follow(bob)]
    const remind_at = inMs(1500)
    const task = await ann.create({ remind_at: remind_at.replace('Z', '+00:00') })
    expect(task).toMatchObject({ remind_at, reminded_at: null })
    await until('it is told', () => one.reminders.length > 0 && two.reminders.length > 0, 1500 + LATE_MS + 1500)
    await Bun.sleep(1500)
    const now = await ann.read(task.id)
    expect(Date.parse(now.reminded_at ?? '') - Date.parse(remind_at)).toBeWithin(0, LATE_MS)
    expect(now).toEqual({ ...task, reminded_at: now.reminded_at, revision: task.revision + 1 })
    expect(one.reminders).toEqual([now])
    expect(two.reminders).toEqual([now])
    expect(other.reminders).toEqual([])
    expect(one.seen.map(({ task }) => task)).toEqual([task, now])
    expect((await ann.changes(`?since=${task.revision}`)).changes).toEqual([now])
  })

  test('one whose time has passed goes out at once', async () => {
    const ann = newUser(service())
    const stream = await follow(ann)
    const { id } = await ann.create({ remind_at: '2020-01-01T00:00:00Z' })
    await until('it is told', () => stream.reminders.length === 1, LATE_MS)
    expect(stream.reminders[0]?.id).toBe(id)
  })

  test('another time reminds again, the same one does not', async () => {
    const ann = newUser(service())
    const { id } = await ann.create({ remind_at: inMs(0) })
    const isTold = async () => (await ann.read(id)).reminded_at !== null
    await until('it is told', isTold, LATE_MS)
    const told = await ann.read(id)
    expect((await ann.update(id, { ...told, title: 'same time' })).reminded_at).toBe(told.reminded_at)
    const again = await ann.update(id, { remind_at: inMs(200) })
    expect(again.reminded_at).toBeNull()
    await until('it is told', isTold, 200 + LATE_MS)
    expect((await ann.update(id, { remind_at: null })).reminded_at).toBeNull()
  })

  test('a task that is completed, in the trash or without a reminder does not remind', async () => {
    const ann = newUser(service())
    const stream = await follow(ann)
    const remind_at = inMs(3000)
    const [completed, deleted, cleared, kept] = [
      await ann.create({ remind_at }),
      await ann.create({ remind_at }),
      await ann.create({ remind_at }),
      await ann.create({ remind_at }),
    ]
    await ann.complete(completed.id)
    await ann.remove(deleted.id)
    await ann.update(cleared.id, { remind_at: null })
    await until('it is told', () => stream.reminders.length > 0, 3000 + LATE_MS)
    await Bun.sleep(500)
    expect(stream.reminders.map(({ id }) => id)).toEqual([kept.id])
    // Open and at hand again, they are late.
    await ann.complete(completed.id)
    await jsonOf(await ann.send('POST', `/tasks/${deleted.id}/restore`))
    await until('it is told', () => stream.reminders.length === 3, LATE_MS)
    expect(stream.reminders.slice(1).map(({ id }) => id)).toEqual([completed.id, deleted.id])
  })

  test('the reminder of a next task, of a batch and of an import go out, too', async () => {
    const ann = newUser(service())
    const stream = await follow(ann)
    const due = Date.now() + 1000 - 86_400_000
    const task = await ann.create({
      title: 'repeats',
      recurrence: 'daily',
      due_date: new Date(due).toISOString(),
      remind_at: new Date(due - 100).toISOString(),
      completed: true,
    })
    await ann.batch([{ op: 'create', task: { title: 'batch', remind_at: inMs(300) } }])
    await ann.send('POST', '/import', [{ title: 'import', remind_at: inMs(300) }])
    await until('it is told', () => stream.reminders.length === 3, 1000 + 2 * LATE_MS)
    expect(stream.reminders.map(({ title }) => title).sort()).toEqual(['batch', 'import', 'repeats'])
    expect(stream.reminders.find(({ title }) => title === 'repeats')?.id).toBe(task.next_task_id ?? '')
  })

  test('whoever comes back is reminded of what was missed, and a newcomer of nothing old', async () => {
    const ann = newUser(service())
    const task = await ann.create({ remind_at: inMs(0) })
    await until('it is told', async () => (await ann.read(task.id)).reminded_at !== null, LATE_MS)
    const told = await ann.read(task.id)
    const back = await follow(ann, `?since=${task.revision}`)
    await until('it is told', () => back.reminders.length === 1)
    // It has changed since, which does not remind again.
    await ann.update(task.id, { title: 'Changed' })
    await until('it is told', () => back.seen.length === 2)
    const late = await follow(ann, `?since=${told.revision}`)
    await late.first(1)
    expect([back.reminders.length, late.reminders.length]).toEqual([1, 0])
  })

  test('many of one user go out, each with a revision of its own', async () => {
    const ann = newUser(service())
    const stream = await follow(ann)
    const remind_at = inMs(1500)
    const rows = Array.from({ length: 350 }, (_, i) => ({ title: `${i}`, remind_at }))
    expect((await ann.send('POST', '/import', rows)).status).toBe(200)
    await until('it is told', () => stream.reminders.length === 350, 20_000)
    const { changes } = await ann.changes()
    expect(new Set(changes.map(({ revision }) => revision)).size).toBe(350)
    expect(changes.every(({ reminded_at }) => reminded_at !== null)).toBe(true)
    expect(new Set(stream.reminders.map(({ id }) => id)).size).toBe(350)
  })
})
