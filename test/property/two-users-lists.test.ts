import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { databases } from '../kit/boot.ts'
import { listsOf } from '../kit/lists.ts'
import { useService } from '../kit/service.ts'
import { newUser, type User } from '../kit/user.ts'
import { ListsModel, type Step } from './lists-model.ts'
import { begin, expectSound, Ids, move, send } from './lists-steps.ts'

/** No run begins after this. fast-check's own limit would also abandon the one under way. */
const TIME_MS = 8000

const moveBy = fc.record({ by: fc.nat({ max: 1 }), given: move })

/** Does the step on the service and on the model, and compares the answers. */
async function perform(user: User, model: ListsModel, step: Step): Promise<void> {
  const expected = model.run(step)
  const answer = await send(user, step)
  expect([step, answer.status]).toEqual([step, expected])
}

/** That the user has what the model has, and nothing of anybody else. */
async function expectSame(user: User, model: ListsModel): Promise<void> {
  const { changes, lists } = await user.changes()
  expect(new Set([...changes, ...lists].map(({ user_id }) => user_id).filter((id) => id !== user.id))).toEqual(
    new Set(),
  )
  const inOrder = <Row extends { revision: number }>(rows: Map<string, Row>) =>
    [...rows].toSorted(([, a], [, b]) => a.revision - b.revision)
  expect(
    changes.map(({ id, title, list_id, parent_id, completed }) => [id, title, list_id, parent_id, completed]),
  ).toEqual(inOrder(model.tasks).map(([id, { name, list, parent, completed }]) => [id, name, list, parent, completed]))
  expect(lists.map(({ id, name }) => [id, name])).toEqual(inOrder(model.lists).map(([id, { name }]) => [id, name]))
  expect(new Set((await listsOf(user).all()).map(({ id }) => id))).toEqual(
    new Set([...model.lists].filter(([, { place }]) => place === 'hand').map(([id]) => id)),
  )
  await expectSound(user)
}

describe.each(databases)('lists and parts of two users over %s', (kind) => {
  const service = useService(kind)

  // One of them has the rows from the beginning. What the other makes under the same ids is another row, and what
  // the other has not made is not there: neither to change nor to refer to.
  test('with the same ids behave as two models', async () => {
    const end = Date.now() + TIME_MS
    await fc.assert(
      fc.asyncProperty(fc.array(moveBy, { minLength: 10, maxLength: 60, size: 'max' }), async (moves) => {
        if (Date.now() > end) return
        const users = [newUser(service()), newUser(service())] as const
        const models = [new ListsModel(), new ListsModel()] as const
        const ids = new Ids()
        await begin(users[0], ids, models[0])
        for (const { by, given } of moves) {
          const who = by === 0 ? 0 : 1
          await perform(users[who], models[who], ids.stepOf(given))
        }
        for (const who of [0, 1] as const) await expectSame(users[who], models[who])
      }),
      { numRuns: 60 },
    )
  })
})
