import { describe, expect, test } from 'bun:test'
import { boot, type Target } from '../kit/boot.ts'
import { PASSWORD } from '../kit/person.ts'
import { startSmtp } from '../kit/smtp.ts'
import { until } from '../kit/until.ts'
import { watchPage } from './chromium.ts'
import { add, newContext, TIMEOUT_MS, titles, useTaskApplication, visit } from './task-app.ts'

const app = useTaskApplication()

describe('signing in', () => {
  test(
    'somebody new has an account and a first task by typing and Enter alone, from this origin alone',
    async () => {
      const context = await newContext(app.browser)
      const { page, requests, complaints } = await watchPage(await context.newPage())
      await page.goto(app.target.url)
      await page.getByRole('button', { name: 'Create an account' }).click()
      await page.getByLabel('E-mail').fill(`${crypto.randomUUID()}@example.com`)
      await page.getByLabel('Password').fill(PASSWORD)
      await page.keyboard.press('Enter')
      await page.getByText('Add your first task above.').waitFor()
      await add(page, 'Buy milk')
      await page.getByRole('checkbox', { name: 'Done: Buy milk' }).waitFor()
      await page.reload()
      await page.getByRole('checkbox', { name: 'Done: Buy milk' }).waitFor()
      expect(requests.filter((url) => !url.startsWith(`${app.target.url}/`))).toEqual([])
      expect(complaints).toEqual([])
    },
    TIMEOUT_MS,
  )

  test(
    'Enter signs in; a wrong password is said, and the address stays',
    async () => {
      const { context, email, page } = await visit(app.browser, app.target)
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByRole('heading', { name: 'Sign in' }).waitFor()
      await page.getByLabel('E-mail').fill(email)
      await page.getByLabel('Password').fill('incorrect horse')
      await page.keyboard.press('Enter')
      await page.getByRole('alert').getByText('Invalid email or password').waitFor()
      expect(await page.getByLabel('E-mail').inputValue()).toBe(email)
      expect(await page.evaluate('document.activeElement.name')).toBe('password')
      expect((await context.cookies()).filter(({ name }) => name.includes('session_token'))).toEqual([])
      await page.keyboard.insertText(PASSWORD)
      await page.keyboard.press('Enter')
      await page.getByRole('textbox', { name: 'New task' }).waitFor()
    },
    TIMEOUT_MS,
  )

  test(
    'a forgotten password: a link is sent by mail, and a service that sends none says whom to ask',
    async () => {
      await using smtp = await startSmtp()
      const mailing = await boot('embedded', { SMTP_URL: smtp.url, MAIL_FROM: 'tasks@example.com' })
      const places: [Target, RegExp][] = [
        [app.target, /sends no mails: ask whoever runs it/],
        [mailing, /a link for a new password is on its way/],
      ]
      for (const [place, said] of places) {
        const { email, page } = await visit(app.browser, place)
        await page.getByRole('button', { name: 'Sign out' }).click()
        await page.getByRole('heading', { name: 'Sign in' }).waitFor()
        const forgotten = page.getByRole('button', { name: 'Forgot your password?' })
        await forgotten.click()
        expect(await page.evaluate('document.activeElement.name')).toBe('email')
        await page.getByLabel('E-mail').fill(email)
        await forgotten.click()
        await page.getByText(said).waitFor()
        // The first mail asked to confirm the address.
        if (place === mailing) expect((await smtp.got(2)).map(({ to }) => to)).toEqual([[email], [email]])
      }
      await mailing.stop()
    },
    TIMEOUT_MS,
  )

  test(
    'an address that has an account can sign in by what was typed',
    async () => {
      const { email, page } = await visit(app.browser, app.target)
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByRole('button', { name: 'Create an account' }).click()
      await page.getByLabel('E-mail').fill(email)
      await page.getByLabel('Password').fill(PASSWORD)
      await page.keyboard.press('Enter')
      await page.getByText('That is you?').waitFor()
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('heading', { name: 'Sign in' }).waitFor()
      await page.keyboard.press('Enter')
      await page.getByRole('textbox', { name: 'New task' }).waitFor()
    },
    TIMEOUT_MS,
  )

  test(
    'a session that has ended asks to sign in again, and nothing that was typed is lost',
    async () => {
      const { page, context, doable, complaints } = await visit(app.browser, app.target)
      // The token of a session outlives it by up to 15 minutes: here it has expired at once.
      await context.request.post(`${app.target.url}/api/auth/sign-out`, { data: {} })
      const refuse = { status: 401, json: { status: 401, code: 'token-expired', detail: 'The token has expired.' } }
      await page.route(`${app.target.url}/api/*/tasks`, (route) => route.fulfill(refuse))
      await add(page, 'Sent when nobody was signed in')
      const dialog = page.getByRole('dialog', { name: 'Please sign in again' })
      await dialog.waitFor()
      await page.unroute(`${app.target.url}/api/*/tasks`)
      expect(await titles(page)).toEqual([])
      await dialog.getByLabel('Password').fill('incorrect horse')
      await page.keyboard.press('Enter')
      await dialog.getByText('Invalid email or password').waitFor()
      await page.keyboard.insertText(PASSWORD)
      await page.keyboard.press('Enter')
      await dialog.waitFor({ state: 'hidden' })
      await page.getByRole('checkbox', { name: 'Done: Sent when nobody was signed in' }).waitFor()
      await until('it is made', async () => (await doable.page()).total === 1)
      // What other devices do is followed again.
      await doable.create({ title: 'From elsewhere' })
      await page.getByRole('checkbox', { name: 'Done: From elsewhere' }).waitFor()
      // The browser logs refused requests itself.
      expect(complaints.filter((text) => !text.includes('401'))).toEqual([])
    },
    TIMEOUT_MS,
  )

  test(
    'what is being typed while a session ends stays where it is',
    async () => {
      const { page, context, doable } = await visit(app.browser, app.target)
      const task = await doable.create({ title: 'To be edited' })
      await page.getByRole('button', { name: 'Edit To be edited' }).click()
      await page.getByRole('textbox', { name: 'Notes' }).fill('Half a senten')
      await context.request.post(`${app.target.url}/api/auth/sign-out`, { data: {} })
      const refuse = { status: 401, json: { status: 401, code: 'token-expired', detail: 'The token has expired.' } }
      await page.route(`${app.target.url}/api/*/tasks/*/complete`, (route) => route.fulfill(refuse))
      await page.getByRole('checkbox', { name: 'Done: To be edited' }).focus()
      await page.keyboard.press('Space')
      const dialog = page.getByRole('dialog', { name: 'Please sign in again' })
      await dialog.waitFor()
      await page.unroute(`${app.target.url}/api/*/tasks/*/complete`)
      await dialog.getByLabel('Password').fill(PASSWORD)
      await page.keyboard.press('Enter')
      await dialog.waitFor({ state: 'hidden' })
      expect(await page.getByRole('textbox', { name: 'Notes' }).inputValue()).toBe('Half a senten')
      await page.getByRole('textbox', { name: 'Notes' }).fill('A whole sentence.')
      await page.getByRole('button', { name: 'Done', exact: true }).click()
      await until('it is saved', async () => (await doable.get(task.id)).description === 'A whole sentence.')
      expect((await doable.get(task.id)).completed).toBe(true)
    },
    TIMEOUT_MS,
  )
})

describe('tasks', () => {
  test(
    'words of a typed line become its day, priority and tags, unless they are to stay words',
    async () => {
      const { page, doable } = await visit(app.browser, app.target)
      await add(page, 'Call Ada #home #phone !high 2027-03-01')
      await page.getByRole('checkbox', { name: 'Done: Call Ada', exact: true }).waitFor()
      await page.getByRole('textbox', { name: 'New task' }).fill('Read chapter #3 tomorrow')
      await page.getByRole('button', { name: '#3: leave “#3” in the title' }).click()
      await page.getByRole('button', { name: 'Tomorrow: leave “tomorrow” in the title' }).click()
      await page.getByRole('button', { name: 'Add', exact: true }).click()
      await until('both are made', async () => (await doable.page()).total === 2)
      const [words, call] = await Array.fromAsync(doable.list())
      expect(call).toMatchObject({
        title: 'Call Ada',
        priority: 'high',
        tags: ['home', 'phone'],
        due_date: '2027-03-01',
      })
      expect(words).toMatchObject({ title: 'Read chapter #3 tomorrow', priority: 'medium', tags: [], due_date: null })
    },
    TIMEOUT_MS,
  )

  test(
    'a task is edited where it stands, another device keeps what it changed, and Escape changes nothing',
    async () => {
      const { page, doable } = await visit(app.browser, app.target)
      const task = await doable.create({ title: 'Book train', due_date: '2027-01-01', tags: ['old'] })
      await page.getByRole('button', { name: 'Edit Book train' }).click()
      const editor = page.getByRole('form', { name: 'Edit Book train' })
      await editor.getByRole('textbox', { name: 'Title' }).fill('Book the train')
      await editor.getByRole('textbox', { name: 'Notes' }).fill('Window seat.')
      await doable.update(task.id, { due_date: '2027-02-02' })
      await editor.getByLabel('Priority').selectOption('High')
      await editor.getByRole('button', { name: 'Remove the tag old' }).click()
      await editor.getByLabel('Add a tag').fill('travel')
      await page.keyboard.press('Enter')
      await editor.getByRole('textbox', { name: 'Title' }).press('Enter')
      await page.getByRole('button', { name: 'Edit Book the train' }).waitFor()
      await until('it is saved', async () => (await doable.get(task.id)).title === 'Book the train')
      expect(await doable.get(task.id)).toMatchObject({
        description: 'Window seat.',
        priority: 'high',
        tags: ['travel'],
        due_date: '2027-02-02',
      })
      const { revision } = await doable.get(task.id)
      await page.getByRole('button', { name: 'Edit Book the train' }).click()
      await page.getByRole('textbox', { name: 'Title' }).fill('Something else')
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name: 'Edit Book the train' }).waitFor()
      expect((await doable.get(task.id)).revision).toBe(revision)
      // A click beside it saves.
      await page.getByRole('button', { name: 'Edit Book the train' }).click()
      await page.getByRole('textbox', { name: 'Due date' }).fill('')
      await page.getByRole('heading', { name: 'All tasks' }).click()
      await until('the day is gone', async () => (await doable.get(task.id)).due_date === null)
    },
    TIMEOUT_MS,
  )

  test(
    'completing and deleting can be undone, by button and by Ctrl+Z',
    async () => {
      const { page, doable } = await visit(app.browser, app.target)
      const task = await doable.create({ title: 'Water the plants' })
      const box = page.getByRole('checkbox', { name: 'Done: Water the plants' })
      const undo = page.getByRole('button', { name: 'Undo' })
      const state = () =>
        doable.get(task.id).then(
          ({ completed }) => (completed ? 'done' : 'open'),
          () => 'deleted',
        )
      await box.click()
      await until('it is done', async () => (await state()) === 'done')
      await page.getByRole('button', { name: '1 completed' }).waitFor()
      await undo.click()
      await until('it is open', async () => (await state()) === 'open')
      await box.waitFor()
      await page.getByRole('listitem').filter({ has: box }).hover()
      await page.getByRole('button', { name: 'Delete Water the plants' }).click()
      await until('it is deleted', async () => (await state()) === 'deleted')
      await box.waitFor({ state: 'hidden' })
      await page.keyboard.press('Control+z')
      await until('it is back', async () => (await state()) === 'open')
      await box.waitFor()
    },
    TIMEOUT_MS,
  )

  test(
    'what another window and another device do is seen as it happens',
    async () => {
      const { page, doable, newWindow } = await visit(app.browser, app.target)
      const other = await newWindow()
      await add(other, 'From the other window')
      const box = page.getByRole('checkbox', { name: 'Done: From the other window' })
      await box.waitFor()
      const [task] = await Array.fromAsync(doable.list())
      await doable.update(task?.id ?? '', { title: 'Renamed elsewhere' })
      for (const window of [page, other])
        await window.getByRole('checkbox', { name: 'Done: Renamed elsewhere' }).waitFor()
      await doable.remove(task?.id ?? '')
      for (const window of [page, other])
        await window.getByRole('checkbox', { name: 'Done: Renamed elsewhere' }).waitFor({ state: 'hidden' })
    },
    TIMEOUT_MS,
  )

  test(
    'views show what belongs to them, and search finds words in titles, notes and tags',
    async () => {
      const { page, doable } = await visit(app.browser, app.target)
      const today = String(await page.evaluate('new Date().toLocaleDateString("sv")'))
      await doable.create({ title: 'Late', due_date: '2020-01-01' })
      await doable.create({ title: 'Now', due_date: today, tags: ['home'] })
      await doable.create({ title: 'Later', due_date: '2099-01-01', description: 'Secret words' })
      await doable.create({ title: 'Some day', tags: ['home', 'a/b c'] })
      await page.getByRole('checkbox', { name: 'Done: Some day' }).waitFor()
      const shows = async (name: string | RegExp, expected: string[]) => {
        await page.getByRole('link', { name }).click()
        await until(`${name}`, async () => (await titles(page)).join() === expected.join())
      }
      await shows(/^Today/, ['Late', 'Now'])
      await page.getByRole('heading', { name: 'Overdue' }).waitFor()
      await shows(/^Upcoming/, ['Later'])
      await shows(/^home/, ['Some day', 'Now'])
      await shows(/^a\/b c/, ['Some day'])
      await page.goBack()
      await until('the view before', async () => (await titles(page)).join() === 'Some day,Now')
      await add(page, 'Gets the tag of the view')
      await until('it is made', async () => (await doable.page({ tag: ['home'] })).total === 3)
      await shows(/^All tasks/, ['Gets the tag of the view', 'Some day', 'Later', 'Now', 'Late'])
      await page.getByRole('combobox', { name: 'Order' }).selectOption('Due date')
      await until('by due date', async () => (await titles(page)).slice(0, 3).join() === 'Late,Now,Later')
      const search = page.getByRole('searchbox', { name: 'Search' })
      for (const [words, found] of [
        ['secret', 'Later'],
        ['#HOME now', 'Now'],
        ['nothing like it', ''],
      ] as const) {
        await search.fill(words)
        await until(words, async () => (await titles(page)).join() === found)
      }
      await page.getByText('Nothing was found.').waitFor()
      await search.press('Escape')
      await until('all again', async () => (await titles(page)).length === 5)
    },
    TIMEOUT_MS,
  )
})

describe('trouble', () => {
  test(
    'what is done offline is shown at once, outlasts a reload, and is sent once when the network is back',
    async () => {
      const { page, context, doable } = await visit(app.browser, app.target)
      const task = await doable.create({ title: 'Was there' })
      await page.getByRole('checkbox', { name: 'Done: Was there' }).waitFor()
      await context.setOffline(true)
      await page.getByText('You are offline.').waitFor()
      await add(page, 'First')
      await add(page, 'Second')
      await page.getByRole('checkbox', { name: 'Done: Was there' }).click()
      await page.getByText('3 changes wait to be sent.').waitFor()
      expect((await titles(page)).slice(0, 2)).toEqual(['Second', 'First'])
      expect((await doable.page()).total).toBe(1)
      // The page itself comes from a browser that is online; its requests for tasks fail still.
      await page.route(`${app.target.url}/api/*/tasks**`, (route) => route.abort())
      await context.setOffline(false)
      page.on('dialog', (dialog) => void dialog.accept())
      await page.reload()
      await page.getByText('3 changes wait to be sent.').waitFor()
      await page.unroute(`${app.target.url}/api/*/tasks**`)
      await until('all is sent', async () => (await doable.page()).total === 3)
      expect((await Array.fromAsync(doable.list())).map(({ title }) => title)).toEqual(['Second', 'First', 'Was there'])
      await until('completed too', async () => (await doable.get(task.id)).completed)
      await page.getByText('wait to be sent').waitFor({ state: 'hidden' })
      await until('shown once', async () => (await titles(page)).join() === 'Second,First')
    },
    TIMEOUT_MS,
  )

  test(
    'while the service is away the changes wait, and the application says so',
    async () => {
      const { page, doable } = await visit(app.browser, app.target)
      await page.route(`${app.target.url}/api/*/tasks`, (route) => route.fulfill({ status: 503, body: 'away' }))
      await add(page, 'Patience')
      await page.getByText('The service cannot be reached. 1 change waits to be sent.').waitFor()
      expect(await titles(page)).toEqual(['Patience'])
      await page.unroute(`${app.target.url}/api/*/tasks`)
      await until('it is sent', async () => (await doable.page()).total === 1)
      await page.getByText('The service cannot be reached.').waitFor({ state: 'hidden' })
    },
    TIMEOUT_MS,
  )

  test(
    'an add that is refused keeps its text and says why, and can be mended',
    async () => {
      const { page, doable } = await visit(app.browser, app.target)
      const long = 'A title that goes on and on. '.repeat(8).trim()
      await add(page, long)
      const refused = page.getByRole('region', { name: 'Not saved' })
      await refused.getByText('title must be').waitFor()
      await refused.getByRole('button', { name: 'Edit' }).click()
      const field = page.getByRole('textbox', { name: 'New task' })
      expect(await field.inputValue()).toBe(long)
      await refused.waitFor({ state: 'hidden' })
      await add(page, 'A shorter one')
      await until('it is made', async () => (await doable.page()).total === 1)
    },
    TIMEOUT_MS,
  )

  test(
    'a change that is refused is not lost in silence',
    async () => {
      const { page, doable } = await visit(app.browser, app.target)
      const task = await doable.create({ title: 'Short' })
      await page.getByRole('button', { name: 'Edit Short' }).click()
      await page.getByRole('textbox', { name: 'Title' }).fill('long '.repeat(50))
      await page.keyboard.press('Enter')
      const refused = page.getByRole('region', { name: 'Not saved' })
      await refused.getByText('title must be').waitFor()
      await refused.getByRole('button', { name: 'Discard' }).click()
      await refused.waitFor({ state: 'hidden' })
      await page.getByRole('button', { name: 'Edit Short' }).waitFor()
      expect((await doable.get(task.id)).title).toBe('Short')
    },
    TIMEOUT_MS,
  )
})
