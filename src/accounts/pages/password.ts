import { Elysia } from 'elysia'
import { unreadBody } from '../../http/body.ts'
import type { Limits } from '../../http/limits.ts'
import { schemeOf } from '../../http/origins.ts'
import type { Accounts } from '../accounts.ts'
import { OWN_PAGES } from '../mail/links.ts'
import { NOWHERE, readForm } from '../request.ts'
import { html, type Markup, pageOf } from './layout.ts'

/** A form of one token and one password needs less, in bytes. */
const MAX_FORM = 16 * 1024

/** What is said for the codes of a link that confirms an address. */
const UNCONFIRMED = new Map([
  ['TOKEN_EXPIRED', 'This link is more than an hour old. Ask for another one.'],
  ['INVALID_TOKEN', 'This link is not complete, or not one of ours. Ask for another one.'],
  ['USER_NOT_FOUND', 'There is no account with this address any more.'],
])

/** The form of Better Auth's tokens. */
const TOKEN = /^\w{1,100}$/

/** Doable's own pages for links in mails, where no front end has named a page of its own. */
export function passwordPages(accounts: Accounts, limits: Limits) {
  const hidden = { detail: { hide: true } }
  return new Elysia({ name: 'password-pages' })
    .get(
      OWN_PAGES.reset,
      ({ request }) => {
        const token = new URL(request.url).searchParams.get('token') ?? ''
        return TOKEN.test(token) ? formPage(token) : over('The link is not complete: open it as it was sent.')
      },
      hidden,
    )
    .post(
      OWN_PAGES.reset,
      async ({ request, server }) => {
        const form = await readForm(request, MAX_FORM)
        const [token = '', newPassword, again] = ['token', 'password', 'again'].map((name) => form.get(name) ?? '')
        if (!TOKEN.test(token)) return over('The link is not complete: open it as it was sent.')
        if (newPassword !== again) return formPage(token, 'The two are not the same.', 422)
        const address = limits.addressOf(request, server)
        const answer = await accounts.ask({ request: resetOf(request), body: { token, newPassword }, address })
        if (answer.ok) return donePage()
        if (answer.status === 429) return formPage(token, 'Too many attempts. Please wait a minute.', 429)
        const { code } = (await answer.json()) as { code?: string }
        return code === 'PASSWORD_TOO_SHORT' || code === 'PASSWORD_TOO_LONG'
          ? formPage(token, 'A password has 8 to 128 characters.', 422)
          : over('This link has been used already, or is more than an hour old. Ask for another one.')
      },
      { ...unreadBody, ...hidden },
    )
    .get(
      OWN_PAGES.verified,
      ({ request }) => {
        const error = new URL(request.url).searchParams.get('error')
        return error === null
          ? pageOf({ title: 'Your e-mail address is confirmed', body: CLOSE })
          : pageOf({
              title: 'Your e-mail address is not confirmed',
              body: fault(UNCONFIRMED.get(error) ?? 'Something is wrong with this link. Ask for another one.'),
              status: 400,
            })
      },
      hidden,
    )
}

/** The request that sets the password: Better Auth's, without the browser's cookies. */
function resetOf(request: Request): Request {
  const scheme = schemeOf(request)
  return new Request(`${scheme}://${NOWHERE}/api/auth/reset-password`, { method: 'POST' })
}

const CLOSE = html`<p>You can close this page.</p>`

const fault = (text: string): Markup => html`<p class="fault" role="alert">${text}</p>`

const over = (text: string) => pageOf({ title: 'This link does not work', body: fault(text), status: 400 })

function formPage(token: string, wrong?: string, status = 200): Response {
  return pageOf({
    title: 'Set a new password',
    status,
    body: html`${wrong === undefined ? undefined : fault(wrong)}
<form method="post">
<input type="hidden" name="token" value="${token}">
<label>New password<input type="password" name="password" autocomplete="new-password" minlength="8" maxlength="128" required autofocus></label>
<label>The same once more<input type="password" name="again" autocomplete="new-password" minlength="8" maxlength="128" required></label>
<p class="faint">At least 8 characters. Whoever is signed in to the account is signed out.</p>
<div class="actions"><button class="first">Set the password</button></div>
</form>`,
  })
}

const donePage = () =>
  pageOf({
    title: 'The password is set',
    body: html`<p>Sign in with it wherever you use your tasks: all sessions of before have ended.</p>
${CLOSE}`,
  })
