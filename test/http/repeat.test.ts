import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { ifMatch, jsonOf, NO_TASK, newUser, type Task, taskOf, type User } from '../kit/user.ts'

const DAILY = { recurrence: 'daily', due_date: '2026-11-21' }
const complete = async (user: User, id: string, completed?: boolean) =>
  taskOf(await user.complete(id, completed === undefined ? undefined : { completed }))
const nextOf = async (user: User, { next_task_id }: Task) => user.read(next_task_id ?? 'none')
const open = async (user: User) => user.list('?status=pending')
const today = () => new Date().toISOString().slice(0, 10)
const daysFrom = (day: string, days: number) => new Date(Date.parse(day) + days * 86_400_000).toISOString().slice(0, 10)

describe.each(databases)('tasks that repeat over %s', (kind) => {
  const service = useService(kind)

  test('a word is kept as the rule that it stands for, and what is not said has its default', async () => {
    const ann = newUser(service())
    expect(await ann.create(DAILY)).toMatchObject({
      recurrence: 'FREQ=DAILY',
      repeat_from: 'due',
      time_zone: 'UTC',
      series_id: null,
      next_task_id: null,
    })
    const zoned = await ann.create({
      ...DAILY,
      recurrence: 'rrule:freq=weekly;byday=mo,th',
      time_zone: 'europe/berlin',
    })
    expect(zoned).toMatchObject({ recurrence: 'FREQ=WEEKLY;BYDAY=MO,TH', time_zone: 'Europe/Berlin' })
    expect(await ann.update(zoned.id, zoned)).toEqual({
      ...zoned,
      revision: zoned.revision + 1,
      updated_at: expect.any(String),
    })
  })

  test.each([
    [{ recurrence: 'sometimes', due_date: '2026-11-21' }, ['/recurrence'], 'daily, weekly'],
    [{ recurrence: 'FREQ=HOURLY', due_date: '2026-11-21' }, ['/recurrence'], 'finer than daily'],
    [{ recurrence: `FREQ=DAILY;BYMONTH=${'1,'.repeat(130)}1`, due_date: '2026-11-21' }, ['/recurrence'], '255'],
    [{ recurrence: 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31', due_date: '2026-11-21' }, ['/recurrence'], 'no occurrence'],
    [{ recurrence: 'FREQ=DAILY;UNTIL=20200101', due_date: '2026-11-21' }, ['/recurrence'], 'no occurrence'],
    [{ recurrence: 'daily' }, ['/recurrence'], 'due_date'],
    [{ recurrence: 7, due_date: '2026-11-21' }, ['/recurrence'], 'daily, weekly'],
    [{ ...DAILY, time_zone: 'Mars/Olympus' }, ['/time_zone'], 'IANA'],
    [{ ...DAILY, time_zone: '+01:00' }, ['/time_zone'], 'IANA'],
    [{ ...DAILY, repeat_from: 'birth' }, ['/repeat_from'], 'due or completion'],
    [{ remind_at: '2026-11-21' }, ['/remind_at'], 'time like'],
    [{ remind_at: 'tomorrow' }, ['/remind_at'], 'time like'],
  ])('%j is 422 with its pointer on every way in, and changes nothing', async (fields, pointers, words) => {
    const ann = newUser(service())
    const task = await ann.create()
    const { next } = await ann.changes()
    const body = { title: 'x', ...fields }
    const inBatch = (pointer: string) => `/operations/0/task${pointer}`
    for (const answer of [
      await ann.post(body),
      await ann.post(body, { 'idempotency-key': 'k' }),
      await ann.put(task.id, body),
      await ann.patch(task.id, body),
    ]) {
      const { detail } = await expectProblem(answer, 422, 'validation-failed', { pointers })
      expect(detail).toContain(words)
    }
    for (const operation of [
      { op: 'create', task: body },
      { op: 'update', id: task.id, task: body },
    ])
      await expectProblem(await ann.send('POST', '/batch', { operations: [operation] }), 422, 'validation-failed', {
        pointers: pointers.map(inBatch),
      })
    const imported = await ann.send('POST', '/import?dry_run=true', [body])
    // A rule that gives nothing may have been put off in the service that the file comes from.
    if (words === 'no occurrence') expect(imported.status).toBe(200)
    else
      await expectProblem(imported, 422, 'validation-failed', { pointers: pointers.map((pointer) => `/0${pointer}`) })
    expect((await ann.changes()).next).toBe(next)
  })

  test('what an update leaves must have a due date, whichever of the two it changes', async () => {
    const ann = newUser(service())
    const repeating = await ann.create(DAILY)
    const plain = await ann.create()
    const refused = async (id: string, body: object, pointer: string) =>
      expectProblem(await ann.patch(id, body), 422, 'validation-failed', { pointers: [pointer] })
    await refused(repeating.id, { due_date: null }, '/due_date')
    await refused(plain.id, { recurrence: 'daily' }, '/recurrence')
    expect(await ann.read(repeating.id)).toEqual(repeating)
    expect((await ann.update(repeating.id, { due_date: null, recurrence: null })).recurrence).toBeNull()
    expect((await ann.update(plain.id, { due_date: '2026-11-21', recurrence: 'daily' })).recurrence).toBe('FREQ=DAILY')
  })

  test('a rule that is over may be sent back, and its last task may be put off', async () => {
    const ann = newUser(service())
    const task = await ann.create({ recurrence: 'FREQ=DAILY;UNTIL=20261121', due_date: '2026-11-21' })
    const later = await ann.update(task.id, { due_date: '2026-11-25' })
    expect((await ann.update(task.id, { ...later, title: 'late' })).title).toBe('late')
    expect((await complete(ann, task.id)).next_task_id).toBeNull()
  })

  test('completing one makes the next, with what belongs to it', async () => {
    const ann = newUser(service())
    const task = await ann.create({
      title: 'Water the plants',
      description: 'Balcony, too',
      priority: 'high',
      tags: ['home'],
      recurrence: 'weekly',
      due_date: '2099-10-23T07:00:00.000Z',
      remind_at: '2099-10-23T06:30:00.000Z',
      time_zone: 'Europe/Berlin',
    })
    const done = await complete(ann, task.id)
    expect(done).toMatchObject({ completed: true, series_id: task.id, revision: task.revision + 1 })
    const next = await nextOf(ann, done)
    expect(next).toEqual({
      ...task,
      id: expect.any(String),
      // Nine in Berlin, which has put its clocks back.
      due_date: '2099-10-30T08:00:00.000Z',
      remind_at: '2099-10-30T07:30:00.000Z',
      position: 2,
      series_id: task.id,
      revision: task.revision + 2,
      created_at: expect.any(String),
      updated_at: next.created_at,
    })
    expect(next.id).toBe(Bun.randomUUIDv5(task.id, task.id))
    const { changes } = await ann.changes(`?since=${task.revision}`)
    expect(changes).toEqual([done, next])
    const after = await complete(ann, next.id)
    expect(after.series_id).toBe(task.id)
    expect((await nextOf(ann, after)).due_date).toBe('2099-11-06T08:00:00.000Z')
  })

  test('each way to complete one makes the next', async () => {
    const ann = newUser(service())
    const made = async () => ann.create(DAILY)
    const [toggled, set, put, patched, batched, updated] = await Promise.all([
      made(),
      made(),
      made(),
      made(),
      made(),
      made(),
    ])
    const results: Task[] = [
      await complete(ann, toggled.id),
      await complete(ann, set.id, true),
      await ann.update(put.id, { completed: true }),
      await taskOf(await ann.patch(patched.id, { completed: true }, ifMatch(patched.revision))),
      ...(
        await ann.batch([
          { op: 'complete', id: batched.id },
          { op: 'update', id: updated.id, task: { completed: true, title: 'renamed' } },
          { op: 'create', task: { title: 'new', ...DAILY, completed: true } },
        ])
      ).map(({ task }) => task),
      await ann.create({ ...DAILY, completed: true }),
    ]
    for (const done of results) {
      expect(done.completed).toBe(true)
      expect(await nextOf(ann, done)).toMatchObject({
        title: done.title,
        due_date: '2026-11-22',
        completed: false,
        series_id: done.id,
      })
    }
    expect(await open(ann)).toHaveLength(results.length)
  })

  test('If-Match holds for completing one, and a refusal makes nothing', async () => {
    const ann = newUser(service())
    const task = await ann.create(DAILY)
    await expectProblem(await ann.complete(task.id, undefined, ifMatch(task.revision - 1)), 412, 'revision-mismatch')
    await expectProblem(await ann.complete(NO_TASK), 404, 'task-not-found')
    expect(await ann.list()).toEqual([task])
    const done = await taskOf(await ann.complete(task.id, undefined, ifMatch(task.revision)))
    expect(done.next_task_id).not.toBeNull()
  })

  test('its open parts come along, as far from the due date as they were', async () => {
    const ann = newUser(service())
    const list = await jsonOf<{ id: string }>(await ann.send('POST', '/lists', { name: 'Home' }), 201).catch(() => null)
    const task = await ann.create({ ...DAILY, recurrence: 'weekly', ...(list && { list_id: list.id }) })
    await ann.create({ title: 'one', parent_id: task.id, due_date: '2026-11-20', completed: true })
    await ann.create({ title: 'two', parent_id: task.id, remind_at: '2026-11-20T09:00:00Z', tags: ['a'] })
    const gone = await ann.create({ title: 'gone', parent_id: task.id })
    await ann.remove(gone.id)
    const done = await complete(ann, task.id)
    const next = await nextOf(ann, done)
    expect(next.list_id).toBe(task.list_id)
    const parts = (await ann.list('?sort=position')).filter(({ parent_id }) => parent_id === next.id)
    expect(parts).toMatchObject([
      { title: 'one', due_date: '2026-11-27', completed: false, completed_at: null, series_id: null },
      { title: 'two', remind_at: '2026-11-27T09:00:00.000Z', tags: ['a'] },
    ])
    // Turning back takes them along, completing again brings them back.
    await complete(ann, task.id, false)
    expect((await ann.trash()).map(({ title }) => title).sort()).toEqual(['Buy milk', 'gone', 'one', 'two'])
    await complete(ann, task.id, true)
    expect((await ann.list()).filter(({ parent_id }) => parent_id === next.id)).toHaveLength(2)
    await complete(ann, task.id, false)
    expect(await ann.trash()).toHaveLength(4)
  })

  test('from completion, the next one is behind today', async () => {
    const ann = newUser(service())
    const late = await ann.create({ recurrence: 'daily', due_date: daysFrom(today(), -10), repeat_from: 'completion' })
    const early = await ann.create({ recurrence: 'daily', due_date: daysFrom(today(), 10), repeat_from: 'completion' })
    const dayBefore = today()
    const next = await nextOf(ann, await complete(ann, late.id))
    if (today() === dayBefore) expect(next.due_date).toBe(daysFrom(today(), 1))
    expect((await nextOf(ann, await complete(ann, early.id))).due_date).toBe(daysFrom(dayBefore, 11))
  })

  test('COUNT says how many are left, and the last has no next', async () => {
    const ann = newUser(service())
    let task = await ann.create({ recurrence: 'FREQ=DAILY;COUNT=3', due_date: '2026-11-21' })
    for (const [count, day] of [
      [2, '2026-11-22'],
      [1, '2026-11-23'],
    ] as const) {
      task = await nextOf(ann, await complete(ann, task.id))
      expect(task).toMatchObject({ recurrence: `FREQ=DAILY;COUNT=${count}`, due_date: day })
    }
    expect((await complete(ann, task.id)).next_task_id).toBeNull()
    expect(await open(ann)).toEqual([])
  })

  test('completing again makes no second, and turning back moves an untouched next one to the trash', async () => {
    const ann = newUser(service())
    const task = await ann.create(DAILY)
    const done = await complete(ann, task.id)
    const again = await complete(ann, task.id, true)
    expect(again.next_task_id).toBe(done.next_task_id)
    expect(await open(ann)).toHaveLength(1)
    const back = await complete(ann, task.id, false)
    expect(back.next_task_id).toBeNull()
    expect((await open(ann)).map(({ id }) => id)).toEqual([task.id])
    expect((await ann.trash()).map(({ id }) => id)).toEqual([done.next_task_id ?? ''])
    // What has changed meanwhile goes into the next one.
    await ann.update(task.id, { title: 'Renamed', due_date: '2026-12-24' })
    const third = await complete(ann, task.id)
    expect(third.next_task_id).toBe(done.next_task_id)
    expect(await nextOf(ann, third)).toMatchObject({ title: 'Renamed', due_date: '2026-12-25', completed: false })
    expect(await ann.trash()).toEqual([])
  })

  test('a next one that was changed stays when its predecessor is turned back', async () => {
    const ann = newUser(service())
    const task = await ann.create(DAILY)
    const done = await complete(ann, task.id)
    await ann.update(done.next_task_id ?? '', { title: 'Changed' })
    const back = await complete(ann, task.id, false)
    expect(back.next_task_id).toBe(done.next_task_id)
    expect(await open(ann)).toHaveLength(2)
    await complete(ann, task.id)
    expect((await open(ann)).map(({ title }) => title)).toEqual(['Changed'])
  })

  test('a next one that is gone for good is made anew', async () => {
    const ann = newUser(service())
    const task = await ann.create(DAILY)
    const done = await complete(ann, task.id)
    await complete(ann, task.id, false)
    await ann.send('DELETE', `/trash/${done.next_task_id}`)
    const again = await complete(ann, task.id)
    expect(await nextOf(ann, again)).toMatchObject({ title: 'Buy milk', due_date: '2026-11-22', series_id: task.id })
  })

  test('deleting a task ends its series, and so does taking its rule away', async () => {
    const ann = newUser(service())
    const [deleted, plain] = [await ann.create(DAILY), await ann.create(DAILY)]
    await ann.remove(deleted.id)
    await ann.update(plain.id, { recurrence: null })
    expect((await complete(ann, plain.id)).next_task_id).toBeNull()
    expect(await ann.list()).toHaveLength(1)
    const changed = await ann.create(DAILY)
    const done = await ann.update(changed.id, { recurrence: 'yearly', completed: true })
    expect((await nextOf(ann, done)).due_date).toBe('2027-11-21')
  })

  test('two devices that complete one at once make one next task', async () => {
    const ann = newUser(service())
    for (let round = 0; round < 5; round++) {
      const { id } = await ann.create({ ...DAILY, repeat_from: 'completion' })
      const answers = await Promise.all(Array.from({ length: 4 }, () => complete(ann, id, true)))
      expect(new Set(answers.map(({ next_task_id }) => next_task_id)).size).toBe(1)
      expect(await open(ann)).toHaveLength(round + 1)
    }
  })

  test('a device that was offline makes the same next task', async () => {
    const ann = newUser(service())
    const [first, second] = [await ann.create(DAILY), await ann.create(DAILY)]
    const idOf = ({ id }: Task) => Bun.randomUUIDv5(id, id)
    // Its next task comes before its completion, and behind another's.
    const early = await ann.create({ id: idOf(first), title: 'made offline', ...DAILY, due_date: '2026-11-22' })
    expect((await complete(ann, first.id)).next_task_id).toBe(early.id)
    expect((await ann.read(early.id)).title).toBe('made offline')
    const done = await complete(ann, second.id)
    await expectProblem(await ann.post({ id: idOf(second), title: 'made offline' }), 409, 'task-exists')
    expect((await complete(ann, second.id, true)).next_task_id).toBe(done.next_task_id)
    expect(await open(ann)).toHaveLength(2)
  })

  test('a hundred random completions and returns leave exactly one that is open', async () => {
    const ann = newUser(service())
    const task = await ann.create({ ...DAILY, recurrence: 'FREQ=DAILY;COUNT=300' })
    await ann.create({ title: 'part', parent_id: task.id })
    let isCompleted = false
    for (let step = 0; step < 100; step++) {
      const wanted = [true, false, undefined][Math.floor(Math.random() * 3)]
      isCompleted = wanted ?? !isCompleted
      const way = Math.floor(Math.random() * 3)
      if (way === 0 || wanted === undefined) await complete(ann, task.id, wanted)
      else if (way === 1) await ann.update(task.id, { completed: wanted })
      else await ann.batch([{ op: 'complete', id: task.id, completed: wanted }])
      const whole = (await open(ann)).filter(({ parent_id }) => parent_id === null)
      expect(whole.map(({ id, due_date }) => [id, due_date])).toEqual([
        isCompleted ? [Bun.randomUUIDv5(task.id, task.id), '2026-11-22'] : [task.id, '2026-11-21'],
      ])
      expect(await ann.list()).toHaveLength(isCompleted ? 4 : 2)
    }
  })

  test('an import makes no next task, and brings a series back as it was', async () => {
    const ann = newUser(service())
    const task = await ann.create({
      ...DAILY,
      remind_at: '2099-11-21T08:00:00Z',
      repeat_from: 'completion',
      time_zone: 'Asia/Tokyo',
    })
    await complete(ann, task.id)
    const before = await ann.list('?sort=position')
    for (const format of ['json', 'csv']) {
      const file = await (await ann.send('GET', `/export?format=${format}`)).text()
      await ann.send('DELETE', `?confirm=${ann.id}`)
      const type = { 'content-type': format === 'json' ? 'application/json' : 'text/csv' }
      const body = format === 'json' ? JSON.parse(file) : file
      const imported = await ann.send('POST', '/import', body, type)
      expect(await jsonOf<object>(imported)).toMatchObject({ imported: 2, skipped: 0 })
      const after = await ann.list('?sort=position')
      const plain = (tasks: Task[]) => tasks.map(({ revision, ...rest }) => rest)
      expect(plain(after)).toEqual(plain(before))
    }
  })
})
