import { expect, test } from 'bun:test'
import { until } from '../kit/until.ts'
import { add, expectAccessible, expectFits, TIMEOUT_MS, titles, useTaskApplication, visit } from './task-app.ts'

const app = useTaskApplication()

test(
  'lists are made, shown with their counts, renamed, deleted with their tasks, and brought back',
  async () => {
    const { page, doable, complaints } = await visit(app.browser, app.target)
    await page.getByRole('textbox', { name: 'New list' }).fill('Groceries')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Groceries' }).waitFor()
    for (const title of ['Milk', 'Bread']) await add(page, title)
    await page.getByRole('link', { name: /^Groceries 2 open/ }).waitFor()
    await until('both are made', async () => (await doable.page()).total === 2)
    const [list] = await doable.lists.all()
    expect(list).toMatchObject({ name: 'Groceries', pending: 2 })
    await page.getByRole('button', { name: 'Rename the list Groceries' }).click()
    await page.getByRole('textbox', { name: 'Name of the list' }).fill('Market')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Market' }).waitFor()
    await until('it is renamed', async () => (await doable.lists.all())[0]?.name === 'Market')
    await expectAccessible(page)
    await expectFits(page)
    await page.getByRole('button', { name: 'Delete the list Market' }).click()
    await page.getByRole('heading', { name: 'All tasks' }).waitFor()
    await page.getByText('Add your first task above.').waitFor()
    await until('it is deleted', async () => (await doable.lists.all()).length === 0)
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.getByRole('link', { name: /^Market 2 open/ }).click()
    await until('its tasks are back', async () => (await titles(page)).join() === 'Bread,Milk')
    expect(complaints).toEqual([])
  },
  TIMEOUT_MS,
)

test(
  'a task is moved to another list, and lists of other devices are followed',
  async () => {
    const { page, doable } = await visit(app.browser, app.target)
    const task = await doable.create({ title: 'Book train' })
    const travel = await doable.lists.create({ name: 'Travel' })
    await page.getByRole('link', { name: 'Travel' }).waitFor()
    await page.getByRole('button', { name: 'Edit Book train' }).click()
    await page.getByRole('form').getByRole('combobox', { name: 'List' }).selectOption('Travel')
    await page.getByRole('button', { name: 'Done', exact: true }).click()
    await page.getByRole('button', { name: 'Edit Book train , in the list Travel' }).waitFor()
    await until('it is there', async () => (await doable.get(task.id)).list_id === travel.id)
    await page.getByRole('link', { name: /^Travel 1 open/ }).click()
    await until('it is shown', async () => (await titles(page)).join() === 'Book train')
    await doable.lists.remove(travel.id)
    await page.getByRole('heading', { name: 'A list that is gone' }).waitFor()
    await page.getByRole('checkbox', { name: 'Done: Book train' }).waitFor({ state: 'hidden' })
  },
  TIMEOUT_MS,
)

test(
  'a task has parts, which are done one by one and stand with their task alone',
  async () => {
    const { page, doable } = await visit(app.browser, app.target)
    const task = await doable.create({ title: 'Paint the room' })
    await page.getByRole('button', { name: 'Edit Paint the room' }).click()
    const parts = page.getByRole('list', { name: 'Parts' })
    for (const title of ['Buy paint', 'Move the shelf']) {
      await parts.getByRole('textbox', { name: 'Add a part' }).fill(title)
      await page.keyboard.press('Enter')
    }
    await parts.getByRole('checkbox', { name: 'Done: Buy paint' }).click()
    await expectAccessible(page)
    await page.getByRole('button', { name: 'Done', exact: true }).click()
    await page.getByRole('button', { name: 'Edit Paint the room , 1/2 parts done' }).waitFor()
    expect(await titles(page)).toEqual(['Paint the room'])
    await until('they are made', async () => (await doable.page({ parent_id: task.id })).total === 2)
    await until('one is done', async () => (await doable.page({ parent_id: task.id, status: 'completed' })).total === 1)
    await page.getByRole('button', { name: 'Edit Paint the room' }).click()
    await parts.getByRole('button', { name: 'Delete the part Move the shelf' }).click()
    await until('it is deleted', async () => (await doable.page({ parent_id: task.id })).total === 1)
    await page.getByRole('button', { name: 'Undo' }).click()
    await until('it is back', async () => (await doable.page({ parent_id: task.id })).total === 2)
  },
  TIMEOUT_MS,
)

test(
  'a list made offline and the tasks in it are sent in their order',
  async () => {
    const { page, context, doable } = await visit(app.browser, app.target)
    await context.setOffline(true)
    await page.getByText('You are offline.').waitFor()
    await page.getByRole('textbox', { name: 'New list' }).fill('Trip')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Trip' }).waitFor()
    await add(page, 'Pack')
    await page.getByText('2 changes wait to be sent.').waitFor()
    await context.setOffline(false)
    await until('both are made', async () => (await doable.page()).total === 1)
    const [list] = await doable.lists.all()
    expect(list).toMatchObject({ name: 'Trip', pending: 1 })
  },
  TIMEOUT_MS,
)
