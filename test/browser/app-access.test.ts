import { describe, expect, test } from 'bun:test'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { until } from '../kit/until.ts'
import {
  add,
  expectAccessible,
  expectFits,
  newContext,
  picture,
  TIMEOUT_MS,
  titles,
  useTaskApplication,
  type Visitor,
  visit,
} from './task-app.ts'

const app = useTaskApplication()

const narrow: BrowserContextOptions = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }
const looks: [name: string, options: BrowserContextOptions][] = [
  ['light and wide', { colorScheme: 'light' }],
  ['dark and wide', { colorScheme: 'dark' }],
  ['light, 360 px wide', { colorScheme: 'light', ...narrow }],
  ['dark, 360 px wide', { colorScheme: 'dark', ...narrow }],
  ['light, 2560 px wide', { colorScheme: 'light', viewport: { width: 2560, height: 1300 } }],
]

/** A list as somebody may have it on an ordinary day. */
async function fill({ page, doable }: Visitor): Promise<void> {
  const today = String(await page.evaluate('new Date().toLocaleDateString("sv")'))
  const day = (days: number) => new Date(Date.parse(today) + days * 86_400_000).toISOString().slice(0, 10)
  const [home, work] = [await doable.lists.create({ name: 'Home' }), await doable.lists.create({ name: 'Work' })]
  await doable.lists.create({ name: 'Summer in Lisbon' })
  const report = crypto.randomUUID()
  await doable.batch([
    { op: 'create', task: { title: 'Read “The Sense of Style”', tags: ['books'] } },
    { op: 'create', task: { title: 'Water the plants', priority: 'low', list_id: home.id, due_date: day(2) } },
    { op: 'create', task: { title: 'Book the train to Lisbon', due_date: day(6), tags: ['travel'] } },
    { op: 'create', task: { title: 'Call the dentist', due_date: `${day(1)}T09:30:00Z` } },
    { op: 'create', task: { title: 'Buy milk and bread', due_date: today, list_id: home.id, tags: ['errand'] } },
    {
      op: 'create',
      id: report,
      task: {
        title: 'Finish the quarterly report',
        description: 'Figures are in the shared folder.\nGrace reads it first.',
        priority: 'high',
        due_date: today,
        list_id: work.id,
      },
    },
    { op: 'create', task: { title: 'Collect the figures', parent_id: report, completed: true } },
    { op: 'create', task: { title: 'Write the summary', parent_id: report } },
    { op: 'create', task: { title: 'Send the invoice to Lovelace Ltd', due_date: day(-3), list_id: work.id } },
    { op: 'create', task: { title: 'Renew the passport', completed: true, tags: ['travel'] } },
    {
      op: 'create',
      task: { title: 'Averyveryveryverylongwordwithoutanyspaceinitthatmustnotmaketheprogramscrollsideways' },
    },
  ])
  await page.getByRole('checkbox', { name: 'Done: Read “The Sense of Style”' }).waitFor()
}

describe.each(looks)('%s', (_, options) => {
  const check = async (page: Page) => {
    await expectAccessible(page)
    await expectFits(page)
  }
  const isNarrow = 'isMobile' in options

  test(
    'signing in and up have no fault that axe-core finds, and fit',
    async () => {
      const page = await (await newContext(app.browser, options)).newPage()
      await page.goto(app.target.url)
      await page.getByRole('heading', { name: 'Sign in' }).waitFor()
      await check(page)
      await page.getByLabel('E-mail').fill('nobody@example.com')
      await page.getByLabel('Password').fill('incorrect horse')
      await page.keyboard.press('Enter')
      await page.getByText('Invalid email or password').waitFor()
      await check(page)
      await page.getByRole('button', { name: 'Create an account' }).click()
      await page.getByRole('heading', { name: 'Create your account' }).waitFor()
      await check(page)
    },
    TIMEOUT_MS,
  )

  test(
    'every view, the editor, notices and refusals have no fault that axe-core finds, and fit',
    async () => {
      const visitor = await visit(app.browser, app.target, options)
      const { page, context } = visitor
      await check(page)
      await fill(visitor)
      await check(page)
      const open = async (name: RegExp) => {
        if (isNarrow) await page.getByRole('button', { name: 'Menu' }).click()
        await page.getByRole('link', { name }).click()
        if (isNarrow) await page.getByRole('button', { name: 'Close the menu' }).waitFor({ state: 'hidden' })
      }
      for (const name of [/^Today/, /^Upcoming/, /^Completed/, /^travel/]) {
        await open(name)
        await check(page)
      }
      await open(/^All tasks/)
      await page.getByRole('textbox', { name: 'New task' }).fill('Plan the party tomorrow #home !high')
      await check(page)
      await page.getByRole('textbox', { name: 'New task' }).fill('')
      await page.getByRole('button', { name: 'Edit Finish the quarterly report' }).click()
      await check(page)
      await page.keyboard.press('Escape')
      await page.getByRole('checkbox', { name: 'Done: Buy milk and bread' }).click()
      await page.getByRole('button', { name: 'Undo' }).waitFor()
      await page.getByRole('button', { name: '2 completed' }).click()
      await check(page)
      await add(page, 'too long '.repeat(30))
      await page.getByRole('region', { name: 'Not saved' }).waitFor()
      await check(page)
      if (isNarrow) {
        await page.getByRole('button', { name: 'Menu' }).click()
        await page.getByRole('link', { name: /^Today/ }).waitFor()
        await check(page)
        await page.keyboard.press('Escape')
      }
      await context.setOffline(true)
      await page.getByText('You are offline.').waitFor()
      await check(page)
      await context.setOffline(false)
      const refuse = { status: 401, json: { status: 401, code: 'token-expired', detail: 'The token has expired.' } }
      await context.request.post(`${app.target.url}/api/auth/sign-out`, { data: {} })
      await page.route(`${app.target.url}/api/*/tasks`, (route) => route.fulfill(refuse))
      await add(page, 'Nobody is signed in')
      await page.getByRole('dialog', { name: 'Please sign in again' }).waitFor()
      await check(page)
    },
    TIMEOUT_MS,
  )
})

test(
  'everything can be done by keyboard alone, and the focus never gets lost',
  async () => {
    const { page, doable } = await visit(app.browser, app.target)
    const focused = () =>
      page.evaluate('document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent')
    const focus = (wanted: string) =>
      until(`the focus is on ${wanted}`, async () => String(await focused()).startsWith(wanted))
    await page.evaluate('document.activeElement.blur()')
    await page.keyboard.press('Tab')
    await focus('To the tasks')
    await page.getByRole('textbox', { name: 'New task' }).focus()
    for (const title of ['Third', 'Second', 'First']) {
      await page.keyboard.insertText(title)
      await page.keyboard.press('Enter')
    }
    await until('all are made', async () => (await doable.page()).total === 3)
    await page.getByRole('button', { name: 'To the tasks' }).focus()
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    await focus('Done: First')
    await page.keyboard.press('ArrowDown')
    await focus('Done: Second')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await focus('Title')
    await page.keyboard.press('Control+a')
    await page.keyboard.insertText('Middle')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Edit Middle' }).waitFor()
    await focus('Edit Middle')
    await page.keyboard.press('Tab')
    await focus('Delete Middle')
    await page.keyboard.press('Enter')
    await until('it is gone', async () => (await titles(page)).join() === 'First,Third')
    await focus('Done: Third')
    await page.keyboard.press('Space')
    await until('it is done', async () => (await doable.page({ status: 'completed' })).total === 1)
    await until('it leaves the list', async () => (await titles(page)).join() === 'First')
    await focus('Done: First')
    await page.keyboard.press('Control+z')
    await until('it is open again', async () => (await titles(page)).join() === 'First,Third')
  },
  TIMEOUT_MS,
)

test(
  'nothing moves for those who want less motion',
  async () => {
    const { page, doable } = await visit(app.browser, app.target, { reducedMotion: 'reduce' })
    await doable.create({ title: 'Still' })
    await page.getByRole('button', { name: 'Edit Still' }).click()
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('checkbox', { name: 'Done: Still' }).click()
    await page.getByRole('button', { name: 'Undo' }).waitFor()
    const moving = `[...document.querySelectorAll('*')].filter((element) => {
      const style = getComputedStyle(element)
      return style.animationName !== 'none' || style.transitionDuration.split(', ').some((time) => time !== '0s')
    }).map((element) => element.className)`
    expect(await page.evaluate(moving)).toEqual([])
  },
  TIMEOUT_MS,
)

test.each([
  ['app', { colorScheme: 'light', viewport: { width: 1120, height: 782 } }],
  ['app-narrow', { colorScheme: 'dark', ...narrow, viewport: { width: 390, height: 700 } }],
] as [string, BrowserContextOptions][])(
  'the picture %s shows the application',
  async (name, options) => {
    const visitor = await visit(app.browser, app.target, options)
    const { page, doable } = visitor
    await fill(visitor)
    const [long] = await Array.fromAsync(doable.list({ q: 'Averyvery' }))
    await doable.remove(long?.id ?? '')
    await page.goto(`${app.target.url}/#/today`)
    await until('today is shown', async () => (await titles(page)).length === 3)
    if (name === 'app') {
      await page.getByRole('button', { name: 'Edit Finish the quarterly report' }).click()
      await page.getByRole('textbox', { name: 'Title' }).waitFor()
    }
    await picture(page, name)
  },
  TIMEOUT_MS,
)
