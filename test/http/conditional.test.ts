import { beforeEach, describe, expect, test } from 'bun:test'
import type { Task } from '../../src/tasks/model.ts'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { newUser, taskOf, type User } from '../kit/user.ts'

/** Forms in which a client or a proxy sends a tag back. All of them name the task. */
const same: [name: string, write: (revision: number) => string][] = [
  ['as it was', (n) => `"${n}"`],
  ['weak', (n) => `W/"${n}"`],
  ["with a proxy's -gzip", (n) => `"${n}-gzip"`],
  ["weak, with a proxy's ;gzip", (n) => `W/"${n};gzip"`],
  ['with -br', (n) => `"${n}-br"`],
  ["weak, with a proxy's -gzip", (n) => `W/"${n}-gzip"`],
  ['in a list without spaces', (n) => `"x","${n}","y"`],
  ['in a list', (n) => `"99999", W/"${n}" , "abc"`],
  ['anything', () => '*'],
  ['anything, with space around it', () => ' * '],
]

/** Tags that do not name the task. */
const others: [name: string, write: (revision: number) => string][] = [
  ['the one before', (n) => `"${n - 1}"`],
  ['a later one', (n) => `"${n + 1}"`],
  ['without quotes', (n) => `${n}`],
  ['in single quotes', (n) => `'${n}'`],
  ['negative', (n) => `"-${n}"`],
  ['with a fraction', (n) => `"${n}.0"`],
  ['within another number', (n) => `"0${n}0"`],
  ['a word', () => '"x"'],
  ['a word without quotes', () => 'x'],
  ['with a zero too many', (n) => `"${n}0"`],
  ['of another service', () => '"33a64df551425fcc55e4d42a148795d9f25f89d4"'],
  ['of a strange encoding', (n) => `"${n}-strange"`],
  ['too long for a number', (n) => `"${'9'.repeat(40)}${n}"`],
  ['SQL', () => `"1'; drop table tasks"`],
]

describe.each(databases)('conditional requests over %s', (kind) => {
  const service = useService(kind)
  let user: User
  let task: Task
  beforeEach(async () => {
    user = newUser(service())
    await user.create({ title: 'first', completed: true })
    task = await user.create({ title: 'second', completed: true })
  })

  test('every answer that is one task carries its revision as ETag', async () => {
    const answers = [
      await user.send('GET', `/tasks/${task.id}`),
      await user.send('PUT', `/tasks/${task.id}`, { title: 'x' }),
      await user.send('PATCH', `/tasks/${task.id}`, { title: 'y' }),
      await user.send('PATCH', `/tasks/${task.id}/complete`),
      await user.send('POST', '/tasks', { title: 'z' }),
    ]
    await user.remove(task.id)
    answers.push(await user.send('POST', `/tasks/${task.id}/restore`))
    for (const answer of answers) {
      const { revision } = (await answer.json()) as Task
      expect(answer.headers.get('etag')).toBe(`"${revision}"`)
    }
  })

  const reads: [name: string, path: () => string, revision: () => number][] = [
    ['a task', () => `/tasks/${task.id}`, () => task.revision],
    ['the list', () => '/tasks?sort=title', () => task.revision],
    ['the trash', () => '/trash', () => task.revision],
  ]
  for (const [name, path, revision] of reads) {
    test(`${name} is 304 without a body under a tag that names it, however written`, async () => {
      for (const [, write] of same)
        for (const method of ['GET', 'HEAD']) {
          const answer = await user.send(method, path(), undefined, { 'if-none-match': write(revision()) })
          expect(answer.status).toBe(304)
          expect(answer.headers.get('etag')).toBe(`"${revision()}"`)
          expect(answer.headers.get('cache-control')).toBe('private, no-cache')
          expect(answer.headers.has('x-request-id')).toBe(true)
          expect(answer.headers.has('content-type')).toBe(false)
          expect(await answer.text()).toBe('')
        }
    })

    test(`${name} comes whole under any other tag`, async () => {
      for (const [, write] of others) {
        const answer = await user.send('GET', path(), undefined, { 'if-none-match': write(revision()) })
        expect(answer.status).toBe(200)
        expect(answer.headers.get('etag')).toBe(`"${revision()}"`)
      }
    })
  }

  test("the list's tag changes with every write of the user and with nobody else's", async () => {
    const tag = async () => (await user.send('GET', '/tasks')).headers.get('etag')
    const seen = [await tag()]
    await newUser(service()).create({ title: "somebody else's" })
    expect(await tag()).toBe(seen[0] ?? '')
    await user.update(task.id, { title: 'x' })
    seen.push(await tag())
    await user.remove(task.id)
    seen.push(await tag())
    await user.send('POST', `/tasks/${task.id}/restore`)
    seen.push(await tag())
    expect(seen).toEqual([0, 1, 2, 3].map((writes) => `"${task.revision + writes}"`))
  })

  test('the list of a user who has never written is at revision 0', async () => {
    const nobody = newUser(service())
    expect((await nobody.send('GET', '/tasks')).headers.get('etag')).toBe('"0"')
    expect((await nobody.send('GET', '/tasks', undefined, { 'if-none-match': '"0"' })).status).toBe(304)
  })

  test('a bad query is refused, whatever the tag', async () => {
    const answer = await user.send('GET', '/tasks?sort=x', undefined, { 'if-none-match': '*' })
    expect(answer.status).toBe(422)
  })

  /** Writes on one task; `trashed` ones on a task in the trash. */
  const writes: [name: string, method: string, path: (id: string) => string, body: unknown, trashed: boolean][] = [
    ['PUT', 'PUT', (id) => `/tasks/${id}`, { title: 'changed' }, false],
    ['PATCH', 'PATCH', (id) => `/tasks/${id}`, { title: 'changed' }, false],
    ['complete', 'PATCH', (id) => `/tasks/${id}/complete`, { completed: false }, false],
    ['toggle', 'PATCH', (id) => `/tasks/${id}/complete`, undefined, false],
    ['DELETE', 'DELETE', (id) => `/tasks/${id}`, undefined, false],
    ['restore', 'POST', (id) => `/tasks/${id}/restore`, undefined, true],
    ['purge', 'DELETE', (id) => `/trash/${id}`, undefined, true],
  ]
  for (const [name, method, path, body, trashed] of writes) {
    const prepare = async () => {
      const { id } = await user.create({ title: 'to change' })
      if (trashed) await user.remove(id)
      const [latest] = (await user.changes('')).changes.slice(-1)
      return { id, revision: latest?.revision ?? 0 }
    }

    test(`${name} goes through under a tag that names the task, however written`, async () => {
      for (const [, write] of same) {
        const { id, revision } = await prepare()
        const answer = await user.send(method, path(id), body, { 'if-match': write(revision) })
        expect([200, 204]).toContain(answer.status)
      }
    })

    test(`${name} is 412 under any other tag, and changes nothing`, async () => {
      const { id, revision } = await prepare()
      for (const [, write] of others) {
        const answer = await user.send(method, path(id), body, { 'if-match': write(revision) })
        await expectProblem(answer, 412, 'revision-mismatch', { unseen: ['drop'] })
      }
      expect((await user.changes()).next).toBe(revision)
    })

    test(`${name} is 404 where there is nothing, whatever the tag`, async () => {
      for (const tag of ['*', '"1"', '"x"']) {
        const answer = await user.send(method, path(crypto.randomUUID()), body, { 'if-match': tag })
        await expectProblem(answer, 404, 'task-not-found')
      }
    })
  }

  test('the tag of an answer is good for the next write, and only for that', async () => {
    let tag = `"${task.revision}"`
    for (const title of ['a', 'b', 'c']) {
      const answer = await user.put(task.id, { title }, { 'if-match': tag })
      await expectProblem(await user.put(task.id, { title: 'late' }, { 'if-match': tag }), 412, 'revision-mismatch')
      tag = answer.headers.get('etag') ?? ''
      expect((await taskOf(answer)).title).toBe(title)
    }
  })
})
