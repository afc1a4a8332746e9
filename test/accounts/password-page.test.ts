import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { boot, databases, type Target } from '../kit/boot.ts'
import { newPerson, PASSWORD } from '../kit/person.ts'
import { send } from '../kit/send.ts'
import { type Smtp, startSmtp } from '../kit/smtp.ts'

const NEW_PASSWORD = 'staple battery horse correct'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

describe.each(databases)("Doable's own page for a new password over %s", (kind) => {
  let smtp: Smtp
  let target: Target
  beforeAll(async () => {
    smtp = await startSmtp()
    target = await boot(kind, { SMTP_URL: smtp.url, MAIL_FROM: 'doable@example.com' })
  }, 120_000)
  afterAll(async () => {
    await target?.stop()
    await smtp?.[Symbol.asyncDispose]()
  })

  const post = (fields: Record<string, string>, headers: Record<string, string> = FORM) =>
    send(target.url, 'POST', '/reset-password', new URLSearchParams(fields).toString(), headers)

  test('is where a mail without a front end leads: it sets the password, once', async () => {
    const ada = newPerson(target.url)
    await ada.signUp()
    await send(target.url, 'POST', '/api/auth/request-password-reset', { email: ada.email })
    const link = (await smtp.got(2)).at(-1)?.link ?? ''
    expect(link).toStartWith(`${target.url}/reset-password?token=`)
    const token = new URL(link).searchParams.get('token') ?? ''
    // As scanners of mails do: looking at it uses nothing up.
    for (const method of ['GET', 'HEAD', 'GET']) {
      const page = await send(target.url, method, `/reset-password?token=${token}&utm_source=mail`)
      expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
      expect(page.headers.get('cache-control')).toBe('no-store')
      expect(page.headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; style-src 'sha256-.*form-action 'self'/,
      )
      if (method === 'GET') expect(await page.text()).toContain(`name="token" value="${token}"`)
    }
    const cases: [fields: Record<string, string>, status: number, says: string][] = [
      [{ token, password: NEW_PASSWORD, again: 'something else' }, 422, 'not the same'],
      [{ token, password: 'short', again: 'short' }, 422, '8 to 128'],
      [{ token, password: NEW_PASSWORD, again: NEW_PASSWORD }, 200, 'The password is set'],
      [{ token, password: NEW_PASSWORD, again: NEW_PASSWORD }, 400, 'used already'],
      [{ token: 'x\0', password: NEW_PASSWORD, again: NEW_PASSWORD }, 400, 'not complete'],
      [{}, 400, 'not complete'],
    ]
    for (const [fields, status, says] of cases) {
      const answer = await post(fields)
      const text = await answer.text()
      expect([answer.status, says, text.includes(says)]).toEqual([status, says, true])
      expect(text).not.toContain(NEW_PASSWORD)
    }
    expect((await ada.client.getSession()).data).toBeNull()
    expect((await ada.signIn(PASSWORD)).error?.status).toBe(401)
    expect((await ada.signIn(NEW_PASSWORD)).error).toBeNull()
  })

  test('what a link holds is not run', async () => {
    const page = await send(
      target.url,
      'GET',
      `/reset-password?token=${encodeURIComponent('"><script>alert(1)</script>')}`,
    )
    expect(page.status).toBe(400)
    expect(await page.text()).not.toContain('<script')
    const said = await send(target.url, 'GET', '/email-verified?error=%3Cscript%3E')
    expect(said.status).toBe(400)
    expect(await said.text()).not.toContain('<script')
  })

  test('takes a form of little size and nothing else', async () => {
    const json = await post({}, { 'content-type': 'application/json' })
    expect(json.status).toBe(415)
    expect((await post({ token: 'x'.repeat(20_000) })).status).toBe(413)
  })

  test('says that an address is confirmed, or why not', async () => {
    const said = async (query: string) => (await send(target.url, 'GET', `/email-verified${query}`)).text()
    expect(await said('')).toContain('Your e-mail address is confirmed')
    expect(await said('?error=TOKEN_EXPIRED')).toContain('more than an hour old')
    expect(await said('?error=constructor')).toContain('Something is wrong')
  })

  test('an address may try ten times in a minute', async () => {
    const fields = { token: 'nosuchtoken', password: NEW_PASSWORD, again: NEW_PASSWORD }
    const statuses = await Promise.all(Array.from({ length: 12 }, () => post(fields).then(({ status }) => status)))
    expect(statuses).toContain(429)
  })
})

test('where others issue the tokens, there is no such page', async () => {
  const target = await boot('embedded', { ACCOUNTS: 'off' })
  for (const path of ['/reset-password?token=x', '/email-verified'])
    expect((await send(target.url, 'GET', path)).status).toBe(404)
  await target.stop()
}, 120_000)
