/**
 * Does on the page of each example, in Chromium, what its README says: sign up, add a task, find it again in a second
 * window. They must have been built with `NEXT_PUBLIC_DOABLE_URL=http://127.0.0.1:18000`.
 */
import { join } from 'node:path'
import { boot } from '../kit/boot.ts'
import { PASSWORD } from '../kit/person.ts'
import { until } from '../kit/until.ts'
import { openBrowser } from './chromium.ts'
import { add } from './task-app.ts'

const DOABLE_PORT = '18000'
const FRONT = 'http://127.0.0.1:13000'

const browser = await openBrowser()
await drive('accounts-inside', {})
await drive('better-auth-in-front', { BETTER_AUTH_URL: FRONT })
await browser.close()
process.exit(0)

async function drive(example: string, settings: Record<string, string>): Promise<void> {
  const front = Bun.spawn(['node_modules/.bin/next', 'start', '--hostname', '127.0.0.1', '--port', '13000'], {
    cwd: join(import.meta.dir, '../../examples', example),
    env: { ...process.env, NODE_ENV: 'production', BETTER_AUTH_URL: FRONT },
    stdout: 'ignore',
  })
  const doable = await boot('embedded', { PORT: DOABLE_PORT, CORS_ORIGINS: FRONT, ...settings })
  try {
    const answers = () =>
      fetch(FRONT).then(
        ({ ok }) => ok,
        () => false,
      )
    await until(`${example} answers`, answers)
    const context = await browser.newContext()
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('pageerror', ({ message }) => complaints.push(message))
    await page.goto(FRONT)
    await page.getByRole('button', { name: 'Create an account' }).click()
    await page.getByLabel('E-mail').fill(`${crypto.randomUUID()}@example.com`)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.keyboard.press('Enter')
    await page.getByText('Add your first task above.').waitFor()
    await add(page, 'Buy milk')
    await page.getByRole('checkbox', { name: 'Done: Buy milk' }).waitFor()
    const second = await context.newPage()
    await second.goto(FRONT)
    await second.getByRole('checkbox', { name: 'Done: Buy milk' }).click()
    await page.getByText('1 completed').waitFor()
    if (complaints.length > 0) throw new Error(`${example}: ${complaints.join('\n')}`)
    process.stdout.write(`${example}: signed up, added a task, and followed it in two windows\n`)
    await context.close()
  } finally {
    front.kill()
    await front.exited
    await doable.stop()
  }
}
