import type { Mailer } from './mailer.ts'

/** Writes to the holders of accounts. Every method returns at once. */
export interface Post {
  /** @param page where the link leads, with the token in its query. */
  resetPassword(to: string, token: string, page: string): void
  /** @param page where the browser is sent on to, once the address is confirmed. */
  verifyEmail(to: string, token: string, page: string): void
}

/**
 * Mails of plain text. Names are left out: whoever signs up with somebody else's address could
 * have any text sent there as a name.
 *
 * @param publicUrl the address under which browsers reach Doable, without a slash at the end.
 */
export function createPost(mailer: Pick<Mailer, 'send'>, publicUrl: () => string): Post {
  return {
    resetPassword(to, token, page) {
      mailer.send({
        to,
        subject: 'Set a new password',
        text: `Somebody, probably you, has asked for a new password for the account with this address.

This link sets one. It works once, and for an hour:

${resetLink(page, token)}

If it was not you, do nothing: the password stays as it is.
`,
      })
    },
    verifyEmail(to, token, page) {
      const link = `${publicUrl()}/api/auth/verify-email?${new URLSearchParams({ token, callbackURL: page })}`
      mailer.send({
        to,
        subject: 'Confirm your e-mail address',
        text: `This link confirms that the e-mail address of an account is yours. It works for an hour:

${link}

If you have not signed up, do nothing.
`,
      })
    },
  }
}

/** The page that sets a new password, with the token where Better Auth's clients look for it. */
export function resetLink(page: string, token: string): string {
  const link = new URL(page)
  link.searchParams.set('token', token)
  return link.href
}
