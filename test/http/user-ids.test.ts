import { describe, expect, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { newUser, taskOf } from '../kit/user.ts'

/** Opaque, case-sensitive, up to 255 characters, compared after percent-decoding. */
const ids = [
  'kX2mPqR7sT9vW1yZ3aB5cD7eF9gH1jK3',
  '1',
  '01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80',
  'ann@example.com',
  'ann+test@example.com',
  'ann/bob',
  'ann\\bob',
  '/',
  'ann bob',
  ' ann ',
  'a%b',
  'a%2Fb',
  '%25',
  'a?b#c',
  'a&b=c;d,e',
  'auth0|507f1f77bcf86cd799439011',
  'urn:user:7',
  ':id',
  '*',
  '...',
  '__proto__',
  'constructor',
  'null',
  '"quoted" \'and\' $1',
  'smörgås',
  'İstanbul',
  '用户',
  '👩🏽‍🚀',
  'x'.repeat(255),
  '😀'.repeat(255),
]

/** Pairs of ids that look alike and are different users. */
const strangers = [
  ['ann', 'Ann'],
  ['ann', 'ann '],
  ['ann', 'ann\t'],
  ['caf\u00e9', 'cafe\u0301'],
  ['ß', 'ss'],
  ['1', '01'],
  ['a%2Fb', 'a/b'],
  ['a+b', 'a b'],
  ['x'.repeat(255), 'x'.repeat(254)],
] as const

describe.each(databases)('user ids over %s', (kind) => {
  const service = useService(kind)

  for (const id of ids)
    test(`${JSON.stringify(id.slice(0, 40))} has tasks of their own`, async () => {
      const user = newUser(service(), id)
      const task = await user.create()
      expect(task.user_id).toBe(id)
      expect(await user.read(task.id)).toEqual(task)
      expect(await user.list()).toEqual([task])
      await taskOf(await user.complete(task.id))
      expect((await user.delete(task.id)).status).toBe(204)
    })

  for (const [one, other] of strangers)
    test(`${JSON.stringify(one.slice(0, 20))} is not ${JSON.stringify(other.slice(0, 20))}`, async () => {
      const [ann, bob] = [newUser(service(), `${one}`), newUser(service(), `${other}`)]
      const task = await ann.create()
      await expectProblem(await service().request(bob.id, 'GET', ann.tasks), 403, 'wrong-user')
      await expectProblem(await bob.get(task.id), 404, 'task-not-found')
      for (const { user_id } of await bob.list()) expect(user_id).toBe(other)
    })

  test('an address may encode more than it must', async () => {
    const ann = newUser(service(), 'ann-~_.x')
    const task = await ann.create()
    for (const path of ['/api/%61nn-~_.x/tasks', '/api/ann%2D%7E%5F%2Ex/tasks', '/api/%61%6E%6e-~_%2ex/tasks'])
      expect(await (await service().request(ann.id, 'GET', path)).json()).toEqual([task])
  })

  test("a path that cannot be decoded is no user's", async () => {
    for (const id of ['%', '%Z', '%ZZ', '%C3', '%FF', '%ED%A0%80', '%00', 'ann%00', 'ann%']) {
      await expectProblem(await service().request(undefined, 'GET', `/api/${id}/tasks`), 401, 'token-missing')
      await expectProblem(await service().request('ann', 'GET', `/api/${id}/tasks`), 403, 'wrong-user', {
        unseen: [id, 'URI'],
      })
    }
  })
})
