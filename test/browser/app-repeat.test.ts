import { expect, test } from 'bun:test'
import { until } from '../kit/until.ts'
import { expectAccessible, expectFits, TIMEOUT_MS, titles, useTaskApplication, visit } from './task-app.ts'

const app = useTaskApplication()

test(
  'a task that repeats gets a due date, keeps the clock of the reader, and comes again when it is done',
  async () => {
    const { page, doable, complaints } = await visit(app.browser, app.target, { timezoneId: 'Europe/Lisbon' })
    const today = String(await page.evaluate('new Date().toLocaleDateString("sv")'))
    await page.getByRole('textbox', { name: 'New task' }).fill('Water the plants')
    await page.getByRole('combobox', { name: 'Repeat' }).selectOption('Every day')
    expect(await page.getByRole('textbox', { name: 'Due date' }).inputValue()).toBe(today)
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByRole('button', { name: /^Edit Water the plants.*Every day/ }).waitFor()
    await until('it is made', async () => (await doable.page()).total === 1)
    const [task] = await Array.fromAsync(doable.list())
    expect(task).toMatchObject({ recurrence: 'FREQ=DAILY', time_zone: 'Europe/Lisbon', due_date: today })
    await page.getByRole('checkbox', { name: 'Done: Water the plants' }).click()
    await page.getByRole('button', { name: /^Edit Water the plants.*due Tomorrow/ }).waitFor()
    expect(await doable.get(task?.id ?? '')).toMatchObject({ completed: true })
    await page.getByRole('button', { name: 'Undo' }).click()
    await until('one of them is open', async () => (await doable.page({ status: 'pending' })).total === 1)
    await until('one is shown', async () => (await titles(page)).length === 1)
    expect(complaints).toEqual([])
  },
  TIMEOUT_MS,
)

test(
  'every rule that can be chosen comes back as it was chosen, others are kept, and no due date is no rule',
  async () => {
    const { page, doable } = await visit(app.browser, app.target)
    const task = await doable.create({
      title: 'Pay the rent',
      due_date: '2027-01-01',
      recurrence: 'FREQ=MONTHLY;INTERVAL=2',
    })
    await page.getByRole('button', { name: 'Edit Pay the rent' }).click()
    const rule = page.getByRole('form').getByRole('combobox', { name: 'Repeat' })
    expect(await rule.locator('option:checked').textContent()).toBe('By a rule')
    await expectAccessible(page)
    await expectFits(page)
    await page.getByRole('button', { name: 'Done', exact: true }).click()
    for (const name of ['Every day', 'Every weekday', 'Every week', 'Every month', 'Every year']) {
      const { revision } = await doable.get(task.id)
      await page.getByRole('button', { name: 'Edit Pay the rent' }).click()
      await rule.selectOption(name)
      await page.getByRole('button', { name: 'Done', exact: true }).click()
      await until(`${name} is saved`, async () => (await doable.get(task.id)).revision > revision)
      await page.getByRole('button', { name: new RegExp(`^Edit Pay the rent.*${name}`) }).waitFor()
      await page.getByRole('button', { name: 'Edit Pay the rent' }).click()
      expect(await rule.locator('option:checked').textContent()).toBe(name)
      await page.getByRole('button', { name: 'Cancel' }).click()
    }
    await page.getByRole('button', { name: 'Edit Pay the rent' }).click()
    await page.getByRole('form').getByRole('textbox', { name: 'Due date' }).fill('')
    await page.getByRole('button', { name: 'Done', exact: true }).click()
    await until('both are gone', async () => (await doable.get(task.id)).recurrence === null)
    expect((await doable.get(task.id)).due_date).toBeNull()
  },
  TIMEOUT_MS,
)

test(
  'a reminder is set in the reader’s time',
  async () => {
    const { page, doable } = await visit(app.browser, app.target, { timezoneId: 'America/New_York' })
    const task = await doable.create({ title: 'Call Ada' })
    await page.getByRole('button', { name: 'Edit Call Ada' }).click()
    const editor = page.getByRole('form', { name: 'Edit Call Ada' })
    await editor.getByRole('button', { name: 'Remind me' }).click()
    await editor.getByLabel('Remind me at').fill('2099-07-01T09:00')
    await expectAccessible(page)
    await editor.getByRole('button', { name: 'Done', exact: true }).click()
    await until('it is saved', async () => (await doable.get(task.id)).remind_at === '2099-07-01T13:00:00.000Z')
    await page.getByRole('button', { name: 'Edit Call Ada' }).click()
    expect(await editor.getByLabel('Remind me at').inputValue()).toBe('2099-07-01T09:00')
  },
  TIMEOUT_MS,
)

test(
  'a reminder that has come is said in the window, and by the browser',
  async () => {
    const { page, context, doable } = await visit(app.browser, app.target)
    await context.grantPermissions(['notifications'])
    // Headless Chromium shows none: written down instead.
    await page.evaluate(`globalThis.shown = []
      globalThis.Notification = class { static permission = 'granted'; constructor(title) { shown.push(title) } }`)
    await doable.create({ title: 'Take the cake out', remind_at: new Date(Date.now() + 1500).toISOString() })
    await page.getByRole('checkbox', { name: 'Done: Take the cake out' }).waitFor()
    await page.getByRole('status').getByText('Reminder: Take the cake out').waitFor()
    expect(await page.evaluate('shown')).toEqual(['Take the cake out'])
  },
  TIMEOUT_MS,
)
