import { describe, expect, test } from 'bun:test'
import { type CountedList, createDoable, type List, type Options, type Task } from '../../src/client/index.ts'
import { databases } from '../kit/boot.ts'
import { useService } from '../kit/service.ts'
import { answerLost, refusal, trouble } from './trouble.ts'

describe.each(databases)('lists by the client over %s', (kind) => {
  const service = useService(kind)

  function newUser(options: Partial<Options> = {}) {
    const userId = `user-${crypto.randomUUID()}`
    return createDoable({ url: service().url, userId, token: () => service().tokens.sign(userId, 3600), ...options })
  }

  test('makes, reads, changes, removes, restores and purges a list', async () => {
    const doable = newUser()
    const made = await doable.lists.create({ name: ' Groceries ' })
    expect(await doable.lists.get(made.id)).toEqual({ ...made, pending: 0, completed: 0 })
    const task = await doable.create({ title: 'Buy milk', list_id: made.id })
    const renamed = await doable.lists.update(made.id, { name: 'Shop' }, { ifUnchanged: made })
    const stale = { name: 'DoableError', status: 412, code: 'revision-mismatch' }
    expect(await refusal(doable.lists.update(made.id, { name: 'x' }, { ifUnchanged: made }))).toEqual(stale)
    expect(await doable.lists.all()).toEqual([{ ...renamed, pending: 1, completed: 0 }])
    expect(await Array.fromAsync(doable.list({ list_id: made.id }))).toEqual([task])
    await doable.lists.remove(made.id, { ifUnchanged: renamed })
    expect((await doable.lists.trash()).map(({ id }: CountedList) => id)).toEqual([made.id])
    expect((await doable.lists.restore(made.id)).deleted_at).toBeNull()
    expect((await doable.get(task.id)).list_id).toBe(made.id)
    await doable.lists.remove(made.id)
    await doable.lists.purge(made.id)
    const missing = { name: 'DoableError', status: 404, code: 'list-not-found' }
    expect(await refusal(doable.lists.get(made.id))).toEqual(missing)
    expect(await refusal(doable.lists.restore(made.id))).toEqual(missing)
  })

  test('makes a list once, though an answer gets lost', async () => {
    const { send } = trouble(answerLost)
    const doable = newUser({ fetch: send })
    await doable.lists.create({ name: 'x' })
    expect(await doable.lists.all()).toHaveLength(1)
  })

  test('a batch gives each operation its own kind of result', async () => {
    const doable = newUser()
    const id = crypto.randomUUID()
    const [list] = await doable.batch([{ op: 'create_list', id, list: { name: 'x' } }])
    const name: string | undefined = list?.list.name
    const [task] = await doable.batch([{ op: 'create', task: { title: 'y', list_id: id } }])
    const title: string | undefined = task?.task.title
    expect([name, title]).toEqual(['x', 'y'])
  })

  test('watch gives lists to their own callback, in their place between the tasks', async () => {
    const doable = newUser()
    const list = await doable.lists.create({ name: 'x' })
    const task = await doable.create({ title: 'in it', list_id: list.id })
    const told: (List | Task)[] = []
    const watched = doable.watch({
      since: list.revision - 1,
      onList: async (changed) => {
        await Bun.sleep(5)
        told.push(changed)
      },
    })
    told.push((await watched.next()).value as Task)
    await doable.lists.remove(list.id)
    told.push((await watched.next()).value as Task)
    await watched.return()
    expect(told.map(({ id, deleted_at }) => [id, deleted_at !== null])).toEqual([
      [list.id, false],
      [task.id, false],
      [list.id, true],
      [task.id, true],
    ])
    // Who does not ask for lists is given tasks alone.
    const tasks = doable.watch({ since: list.revision - 1 })
    expect((await tasks.next()).value).toMatchObject({ id: task.id })
    await tasks.return()
    const { lists, changes } = await doable.changes()
    expect([lists.length, changes.length]).toEqual([1, 1])
  })
})
